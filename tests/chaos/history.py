"""Events of a run: every call of AWS, and what people and callers saw."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from tests.support.agenda import Clock


@dataclass
class Call:
    """One call of AWS; ``ok`` is None while it runs, and for ever when its caller died meanwhile."""

    at: datetime
    worker: str
    service: str
    operation: str
    params: Mapping[str, Any]
    ok: bool | None = None
    error: str = ""


@dataclass(frozen=True)
class Told:
    """A notification to people."""

    at: datetime
    kind: str
    model: str
    text: str


@dataclass(frozen=True)
class Said:
    """A decision about a version; ``accepted`` when the API answered that it counts."""

    decision: str
    who: str
    accepted: bool


@dataclass(frozen=True)
class Asked:
    """One valid prediction request and its answer.

    Parameters
    ----------
    at, model
        Time and model.
    status, version, record
        HTTP status, version and record id of the answer.
    excused
        Serving faults that struck it.
    by
        Version of the endpoint that was invoked last.
    """

    at: datetime
    model: str
    status: int
    version: int
    record: str
    excused: tuple[str, ...]
    by: int


@dataclass
class History:
    """Record of a run.

    Parameters
    ----------
    clock
        The run's clock.
    calls, told, asked
        Calls of AWS, notifications and prediction requests, in order.
    metrics
        Metrics that functions emitted, by name and dimensions.
    alarms
        Occurrences that CloudWatch's alarms watch, by alarm.
    story
        Lines for people.
    """

    clock: Clock
    calls: list[Call] = field(default_factory=list)
    told: list[Told] = field(default_factory=list)
    asked: list[Asked] = field(default_factory=list)
    metrics: Counter[tuple[str, ...]] = field(default_factory=Counter)
    alarms: Counter[str] = field(default_factory=Counter)
    vanished: list[tuple[datetime, str]] = field(default_factory=list)
    """Times at which the endpoint of a model's champion was deleted."""
    said: dict[tuple[str, int], list[Said]] = field(default_factory=dict)
    """People's decisions by model and version, in order."""
    smoked: list[tuple[datetime, str]] = field(default_factory=list)
    """Times and endpoints of answered smoke tests."""
    story: list[str] = field(default_factory=list)

    def note(self, what: str) -> None:
        """Add a line for people who investigate a failure."""
        self.story.append(f"{self.clock.now:%H:%M:%S} {what}")

    def metric(self, line: str) -> None:
        """Parse a line of CloudWatch's embedded metric format."""
        told = json.loads(line)
        for directive in told["_aws"]["CloudWatchMetrics"]:
            dimensions = tuple(str(told[name]) for name in directive["Dimensions"][0][1:])
            for metric in directive["Metrics"]:
                self.metrics[(metric["Name"], *dimensions)] += told[metric["Name"]]

    def successes(self, service: str, *operations: str) -> Iterator[Call]:
        """Yield the calls that AWS executed, even when their callers died before the reply."""
        for call in self.calls:
            if call.service == service and call.operation in operations and call.ok:
                yield call
