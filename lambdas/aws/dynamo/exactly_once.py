"""Writes lines to JSON Lines objects in S3, each line to exactly one object and once, however often it is sent.

An index item (with any key of the ledger's table) names the object that holds a line. A writer

1. reads the items of its lines. A line whose object exists is *known*: nothing is written for it.
2. claims the other lines by conditional writes of their items, which name one new object of its own: no two writers,
   and no two attempts of one, ever write the same object.
3. writes that object with exactly the lines that it claimed.

A writer that dies between 2 and 3 leaves claims on an object that never comes. They look like the claims of a
writer in progress until `CLAIM_SECONDS` have passed. That is longer than any function that writes lines may
run, so the object then exists or never will, and the next writer claims the line, on condition that the item
has not changed since it was read.
"""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import KW_ONLY, dataclass, field
from enum import StrEnum
from typing import Any, TypeVar

from lambdas.aws.dynamo.table import Put, Table
from lambdas.aws.s3.storage import Storage
from relearn.api import jsonlines
from relearn.errors import ConflictError
from relearn.ledger.attribute_values import Item
from relearn.records import predictions
from relearn.records.predictions import CLAIM_SECONDS

PAUSES = (0.1, 0.4, 1.5)
"""Seconds between looks at lines that another writer has claimed; it is usually done within a moment."""
THREADS = 10
"""Concurrent calls: as many as a client keeps connections."""
T = TypeVar("T")
R = TypeVar("R")


class PlacementState(StrEnum):
    """Whether this call wrote a line, or an earlier one had."""

    PLACED = "placed"
    KNOWN = "known"


@dataclass(frozen=True, slots=True)
class Line:
    """One line to write.

    Parameters
    ----------
    pk, sk
        Key of its index item; ``pk`` ends in ``#`` and the id of a record.
    text
        The line, without its end.
    attributes
        Further attributes of the item; `Once` adds ``object`` and ``claimed_at``.
    """

    pk: str
    sk: str
    text: bytes
    attributes: Mapping[str, Any] = field(default_factory=dict)

    @property
    def key(self) -> tuple[str, str]:
        """Key of the index item."""
        return self.pk, self.sk


@dataclass(frozen=True, slots=True)
class Placement:
    """Result of writing a line.

    Parameters
    ----------
    state
        `PlacementState.PLACED`: this call wrote it. `PlacementState.KNOWN`: an earlier call wrote a line with
        its key, which may have another text.
    item
        Index item of the written line: its attributes, and ``object``.
    """

    state: PlacementState
    item: Item


@dataclass(frozen=True, slots=True)
class Once:
    """Writes each line exactly once, with any number of concurrent writers.

    Parameters
    ----------
    table, storage
        Adapters.
    bucket
        Name of the bucket of the objects.
    clock
        Returns the seconds since 1970.
    sleep
        Sleeps for a number of seconds.
    threads
        Concurrent calls.
    """

    table: Table
    storage: Storage
    bucket: str
    _: KW_ONLY
    clock: Callable[[], float] = time.time
    sleep: Callable[[float], None] = time.sleep
    threads: int = THREADS

    def place(self, lines: Sequence[Line], folder: str) -> list[Placement]:
        """Write every line that is not in an object yet.

        Parameters
        ----------
        lines
            Lines to write; of several with the same key the first is written, and the others are known.
        folder
            Prefix of the new object's key, with a slash at its end.

        Returns
        -------
        list of Placement
            One for each line, in order.

        Raises
        ------
        ConflictError
            Another writer has claimed some of the lines, or died with them less than `CLAIM_SECONDS` ago. The
            other lines are written. Call again later with all of them.
        """
        waiting: dict[tuple[str, str], Line] = {}
        for line in lines:
            waiting.setdefault(line.key, line)
        done: dict[tuple[str, str], Placement] = {}
        for pause in (*PAUSES, None):
            done |= self._round(list(waiting.values()), folder)
            waiting = {key: line for key, line in waiting.items() if key not in done}
            if not waiting:
                return _in_order(lines, done)
            if pause is not None:
                self.sleep(pause)
        raise ConflictError(
            f"{len(waiting)} of {len(done) + len(waiting)} lines are claimed by another writer"
        )

    def _round(self, lines: list[Line], folder: str) -> dict[tuple[str, str], Placement]:
        """Write the lines that are free now, and return the placements of these and of the known ones."""
        now = self.clock()
        found = self.table.get_many([line.key for line in lines])
        stored = self._stored({item["object"] for item in found.values()})
        known = {
            key: Placement(PlacementState.KNOWN, item)
            for key, item in found.items()
            if item["object"] in stored
        }
        # An item without the time of a claim belongs to a line with an object of its own, and was written
        # after it.
        over = {key for key, item in found.items() if item.get("claimed_at", 0) + CLAIM_SECONDS <= now}
        free = [line for line in lines if line.key not in found or line.key in over - known.keys()]
        if not free:
            return known
        name = predictions.object_name((line.pk for line in free), secrets.token_hex(8))
        items = {
            line.key: {**line.attributes, "object": folder + name, "claimed_at": int(now)} for line in free
        }
        claimed = self._each(lambda line: self._claim(line, items[line.key], found.get(line.key)), free)
        ours = [line for line, is_ours in zip(free, claimed, strict=True) if is_ours]
        if ours:
            body = b"".join(line.text + b"\n" for line in ours)
            self.storage.write(self.bucket, folder + name, body, jsonlines.MEDIA_TYPE)
        return known | {line.key: Placement(PlacementState.PLACED, items[line.key]) for line in ours}

    def _stored(self, objects: set[str]) -> set[str]:
        """Return the objects that exist."""
        keys = sorted(objects)
        there = self._each(lambda key: self.storage.has_any(self.bucket, key), keys)
        return {key for key, is_there in zip(keys, there, strict=True) if is_there}

    def _claim(self, line: Line, item: Item, before: Item | None) -> bool:
        """Claim a line; return False when another writer has it."""
        expected = None if before is None else {"object": before["object"]}
        try:
            self.table.write(Put(pk=line.pk, sk=line.sk, item=item, expected=expected))
        except ConflictError:
            # This write may be our own: the reply to its first attempt was lost, and the client retried it.
            now = self.table.get_many([line.key]).get(line.key)
            return now is not None and now["object"] == item["object"]
        return True

    def _each(self, do: Callable[[T], R], values: Iterable[T]) -> list[R]:
        """Call ``do`` with every value, some concurrently; return the results in order."""
        given = list(values)
        if self.threads == 1 or len(given) < 2:  # noqa: PLR2004 - nothing to do at the same time
            return [do(value) for value in given]
        with ThreadPoolExecutor(min(self.threads, len(given))) as pool:
            return list(pool.map(do, given))


def _in_order(lines: Sequence[Line], done: Mapping[tuple[str, str], Placement]) -> list[Placement]:
    placements = []
    seen = set()
    for line in lines:
        placement = done[line.key]
        placements.append(Placement(PlacementState.KNOWN, placement.item) if line.key in seen else placement)
        seen.add(line.key)
    return placements
