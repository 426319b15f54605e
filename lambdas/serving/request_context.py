"""State of one prediction request: its deadline, the duration of its phases, and its metrics."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import Any

from lambdas.aws.metrics import COUNT, MILLISECONDS, Group, Meter
from relearn.traffic.timing import Timing

UNKNOWN = "unknown"
"""Model name in the metrics of a request that names no known model.

A caller's own names would create metrics without bound.
"""
_FAILED, _OURS = 400, 500
BESIDE_SECONDS = 1.0
"""Seconds that each task beside an answer may take; see `lambdas.aws.fast.client.DynamoDB.within`."""
_log = logging.getLogger(__name__)


class RequestContext:
    """State of one prediction request: its deadline, the duration of its phases, and what its metrics report.

    Parameters
    ----------
    seconds
        Time limit of the request, in seconds.
    cold
        Whether it is the first request of its process.
    clock
        Monotonic clock, in seconds.

    Attributes
    ----------
    model, version, rows
        Requested model, answering version (0: none yet), and number of instances.
    replayed
        Whether the answer is that of an earlier request with the same idempotency key.
    timing
        Time that the answering version reports for this request; None while it is not known.
    looked_up, unknown
        Number of entities looked up, and of those that the version does not know.
    record
        Builds the prediction record; None while there is no answer.
    lost
        Whether the record could not be sent.
    beside
        Tasks that run while the record is sent: counting a version's requests, copying a request to a
        shadowed candidate.
    uncounted
        Whether one of those tasks failed or did not end in time.
    skipped
        Whether the request was too large to be copied.
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
        self.timing: Timing | None = None
        self.looked_up = self.unknown = 0
        self.record: Callable[[], dict[str, Any]] | None = None
        self.lost = False
        self.beside: list[Callable[[], None]] = []
        self.uncounted = self.skipped = False

    @contextmanager
    def phase(self, name: str) -> Iterator[None]:
        """Measure the duration of the body under a name, also when it raises."""
        began = self._clock()
        try:
            yield
        finally:
            self._phases[name] = self._clock() - began

    def milliseconds(self, phase: str) -> float:
        """Return the duration of a finished phase, in milliseconds."""
        return self._phases[phase] * 1000

    def elapsed(self) -> float:
        """Return the seconds since the request began."""
        return self._clock() - self._began

    def seconds_left(self) -> float:
        """Return the seconds that the request has left, more than 0.

        Raises
        ------
        TimeoutError
            No time is left.
        """
        if (left := self._end - self._clock()) <= 0:
            raise TimeoutError("the request took longer than it may; send it again, or with fewer instances")
        return left

    def work_beside(self) -> AbstractContextManager[None]:
        """Run all tasks of `beside`, each in its own thread, while the body runs.

        A task that fails, or does not end in `BESIDE_SECONDS`, sets `uncounted`; the answer stands.
        """
        return self._threads() if self.beside else nullcontext()

    @contextmanager
    def _threads(self) -> Iterator[None]:
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
        """Add headers to the answer, and write the request's metrics and log entry as one line.

        Parameters
        ----------
        answer
            Answer in the format of API Gateway.
        meter
            Writes the line.
        request_id
            Request id of the API.
        """
        self._phases["total"] = self._clock() - self._began
        millis = {name: round(seconds * 1000, 3) for name, seconds in self._phases.items()}
        answer["headers"]["server-timing"] = ", ".join(
            [f"{name};dur={took}" for name, took in millis.items()]
        )
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

    def _groups(self, status: int, millis: dict[str, float]) -> list[Group]:
        asked: dict[str, tuple[float, str]] = {
            "Requests": (1, COUNT),
            "Latency": (millis["total"], MILLISECONDS),
        }
        if self._cold:
            asked["ColdStarts"] = (1, COUNT)
        if self.looked_up:
            asked |= {"Lookups": (self.looked_up, COUNT), "UnknownEntities": (self.unknown, COUNT)}
        groups = [Group({"model": self.model}, asked)]
        if self.lost or self.uncounted or self.skipped:
            groups += self._losses()
        if status >= _FAILED:
            groups.append(Group({"model": self.model, "status": status}, {"PredictionErrors": (1, COUNT)}))
            if status >= _OURS:
                groups.append(Group({"model": self.model}, {"ServerErrors": (1, COUNT)}))
            return groups
        done: dict[str, tuple[float, str]] = {"Predictions": (1, COUNT)}
        if "model" in millis:
            done["ModelLatency"] = (millis["model"], MILLISECONDS)
        return [*groups, Group({"model": self.model, "version": self.version}, done)]

    def _losses(self) -> list[Group]:
        told = {"RecordsLost": self.lost, "CountsLost": self.uncounted, "TrialsSkipped": self.skipped}
        lost = {name: (1.0, COUNT) for name, happened in told.items() if happened}
        # also without a dimension: the alarm covers the whole stage
        return [Group({"model": self.model}, lost), Group({}, lost)]
