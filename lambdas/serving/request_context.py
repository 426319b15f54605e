"""One request to predict on its way: how long it has, where its time went, and what is told of it afterwards."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from lambdas.aws.metrics import COUNT, MILLISECONDS, Group, Meter

UNKNOWN = "unknown"
"""The model of a request that names none of ours: a caller must not be able to make metrics of their own."""
_FAILED, _OURS = 400, 500
BESIDE_SECONDS = 1.0
"""How long each job beside an answer may take, as long as the record's queue may; see `lambdas.aws.fast.client.DynamoDB.within`."""
_log = logging.getLogger(__name__)


class RequestContext:
    """State of one request to predict: its deadline, the times of its phases, and what its metrics report.

    Parameters
    ----------
    seconds
        How long it may take.
    cold
        Whether it is the first of its process.
    clock
        Seconds that only grow.

    Attributes
    ----------
    model, version, rows, replayed
        What was asked; the version that answers, how many instances, and whether the answer was given before.
    looked_up, unknown
        How many entities were looked up, and how many of them the version does not know.
    record, lost
        Makes the record of the answer, once there is one; and whether it could not be sent.
    beside
        What is done while the record is sent: counting what a version did, a copy for a shadowed candidate.
    uncounted, skipped
        Whether any of that failed; and whether the request was too large to be copied.
    """

    def __init__(
        self, seconds: float, *, cold: bool = False, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._clock = clock
        self._began = clock()
        self._end = self._began + seconds
        self._cold = cold
        self._phases: dict[str, float] = {}
        self.model = UNKNOWN
        self.version = 0
        self.rows = 0
        self.replayed = False
        self.looked_up = self.unknown = 0
        self.record: Callable[[], dict[str, Any]] | None = None
        self.lost = False
        self.beside: list[Callable[[], None]] = []
        self.uncounted = self.skipped = False

    @contextmanager
    def phase(self, name: str) -> Iterator[None]:
        """Measure what happens within, whether it ends well or not."""
        began = self._clock()
        try:
            yield
        finally:
            self._phases[name] = self._clock() - began

    def milliseconds(self, phase: str) -> float:
        """How long a phase took that is over."""
        return self._phases[phase] * 1000

    def elapsed(self) -> float:
        """How long the request has been under way, in seconds."""
        return self._clock() - self._began

    def seconds_left(self) -> float:
        """How long the request has.

        Raises
        ------
        TimeoutError
            No longer.
        """
        if (left := self._end - self._clock()) <= 0:
            raise TimeoutError("the request took longer than it may; send it again, or with fewer instances")
        return left

    @contextmanager
    def work_beside(self) -> Iterator[None]:
        """Do all of `beside` at once, each in a thread of its own, while something else is done within.

        What fails or does not end in `BESIDE_SECONDS` is counted as lost, and the answer stands.
        """
        end = time.monotonic() + BESIDE_SECONDS
        threads = [threading.Thread(target=self._do, args=(job,), daemon=True) for job in self.beside]
        for thread in threads:
            thread.start()
        try:
            yield
        finally:
            for thread in threads:
                thread.join(max(0.0, end - time.monotonic()))
                self.uncounted |= thread.is_alive()

    def _do(self, job: Callable[[], None]) -> None:
        try:
            job()
        except Exception:  # noqa: BLE001 - whatever it is, the caller has an answer
            self.uncounted = True
            _log.warning("what a version did is not counted", exc_info=True)

    def finish(self, answer: dict[str, Any], meter: Meter, request_id: str) -> dict[str, Any]:
        """Give the answer its headers, and write the request's line: its metrics, and its log entry at once.

        Parameters
        ----------
        answer
            As API Gateway takes it.
        meter
            Writes the line.
        request_id
            The API's.
        """
        self._phases["total"] = self.elapsed()
        millis = {name: round(seconds * 1000, 3) for name, seconds in self._phases.items()}
        answer["headers"]["server-timing"] = ", ".join(f"{name};dur={took}" for name, took in millis.items())
        if self.replayed:
            answer["headers"]["idempotency-replayed"] = "true"
        meter.record(
            *self._groups(answer["statusCode"], millis),
            message="predicted" if answer["statusCode"] < _FAILED else "refused",
            request_id=request_id,
            rows=self.rows,
            replayed=self.replayed,
        )
        return answer

    def _groups(self, status: int, millis: dict[str, float]) -> Iterator[Group]:
        asked: dict[str, tuple[float, str]] = {
            "Requests": (1, COUNT),
            "Latency": (millis["total"], MILLISECONDS),
        }
        if self._cold:
            asked["ColdStarts"] = (1, COUNT)
        if self.looked_up:
            asked |= {"Lookups": (self.looked_up, COUNT), "UnknownEntities": (self.unknown, COUNT)}
        yield Group({"model": self.model}, asked)
        yield from self._losses()
        if status >= _FAILED:
            yield Group({"model": self.model, "status": status}, {"PredictionErrors": (1, COUNT)})
            if status >= _OURS:
                yield Group({"model": self.model}, {"ServerErrors": (1, COUNT)})
            return
        done: dict[str, tuple[float, str]] = {"Predictions": (1, COUNT)}
        if "model" in millis:
            done["ModelLatency"] = (millis["model"], MILLISECONDS)
        yield Group({"model": self.model, "version": self.version}, done)

    def _losses(self) -> Iterator[Group]:
        told = {"RecordsLost": self.lost, "CountsLost": self.uncounted, "TrialsSkipped": self.skipped}
        if lost := {name: (1.0, COUNT) for name, happened in told.items() if happened}:
            yield Group({"model": self.model}, lost)
            yield Group({}, lost)  # an alarm watches one metric: that of the whole stage
