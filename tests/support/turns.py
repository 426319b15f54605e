"""Writers that take turns: each runs in its own thread, and the test lets it run from one adapter call to the next."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable

from lambdas.aws.dynamo.table import Put, Table
from relearn.ledger.attribute_values import Item
from relearn.records.predictions import WRITER_SECONDS


class Clock:
    """Seconds since 1970, moved by the test."""

    def __init__(self) -> None:
        self.now = 1_800_000_000.0

    def __call__(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.now += seconds


class Bucket:
    """In-memory part of `lambdas.aws.s3.storage.Storage` that writers use."""

    def __init__(self) -> None:
        self.objects: dict[str, bytes] = {}

    def has_any(self, bucket: str, prefix: str) -> bool:
        del bucket
        return any(key.startswith(prefix) for key in self.objects)

    def write(self, bucket: str, key: str, body: bytes, content_type: str) -> None:
        del bucket, content_type
        assert key not in self.objects, "an object is written once"
        self.objects[key] = body


class DiedError(BaseException):
    """The writer's process was killed; no code under test catches this."""


class Writer(threading.Thread):
    """Runs one task step by step.

    Parameters
    ----------
    clock
        A writer that runs longer than `WRITER_SECONDS` dies, as a function does.
    """

    def __init__(self, clock: Clock) -> None:
        super().__init__(daemon=True)
        self._clock = clock
        self._ends_at = clock.now + WRITER_SECONDS
        self._go = threading.Semaphore(0)
        self._parked = threading.Semaphore(0)
        self._task: Callable[[], object] = lambda: None
        self.dies = False
        self.is_over = False
        self.error: BaseException | None = None

    def begin(self, task: Callable[[], object]) -> None:
        self._task = task
        self.start()

    def run(self) -> None:
        self._go.acquire()
        try:
            self._alive()
            self._task()
        except BaseException as error:  # noqa: BLE001 - the test reads it
            self.error = error
        self.is_over = True
        self._parked.release()

    def turn(self) -> None:
        """Wait for the next `step`; the writer calls it before every effect that others can see."""
        self._parked.release()
        self._go.acquire()
        self._alive()

    def step(self) -> None:
        """Let the writer run to its next turn, or its end."""
        if not self.is_over:
            self._go.release()
            self._parked.acquire()

    def _alive(self) -> None:
        if self.dies or self._clock.now > self._ends_at:
            raise DiedError


class WritersTable:
    """The table as one writer accesses it."""

    def __init__(self, table: Table, writer: Writer) -> None:
        self._table = table
        self._writer = writer

    def get_many(self, keys: Iterable[tuple[str, str]]) -> dict[tuple[str, str], Item]:
        self._writer.turn()
        return self._table.get_many(keys)

    def write(self, put: Put) -> None:
        self._writer.turn()
        self._table.write(put)


class WritersBucket:
    """The bucket as one writer accesses it."""

    def __init__(self, bucket: Bucket, writer: Writer) -> None:
        self._bucket = bucket
        self._writer = writer

    def has_any(self, bucket: str, prefix: str) -> bool:
        self._writer.turn()
        return self._bucket.has_any(bucket, prefix)

    def write(self, bucket: str, key: str, body: bytes, content_type: str) -> None:
        self._writer.turn()
        self._bucket.write(bucket, key, body, content_type)
        self._writer.turn()  # it may die after the write, before it reports it
