"""What happened in a run: every call of AWS, and what people and callers saw."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from tests.support.world import Clock


@dataclass
class Call:
    """One call of AWS; ``ok`` is None while it is under way, and for good when its caller died meanwhile."""

    at: datetime
    worker: str
    service: str
    operation: str
    params: Mapping[str, Any]
    ok: bool | None = None
    error: str = ""


@dataclass(frozen=True)
class Told:
    """A notification."""

    at: datetime
    kind: str
    model: str
    text: str


@dataclass(frozen=True)
class Said:
    """A decision about a version; ``accepted`` tells whether the answer was that it counts."""

    decision: str
    who: str
    accepted: bool


@dataclass(frozen=True)
class Asked:
    """One valid request to predict, and its answer.

    ``excused`` names the serving faults that struck it; ``by`` is the version that the endpoint asked last belongs to.
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
    """See the module.

    ``alarms`` has what CloudWatch's alarms look at, by the name of the alarm; ``metrics`` what functions counted.
    """

    clock: Clock
    calls: list[Call] = field(default_factory=list)
    told: list[Told] = field(default_factory=list)
    asked: list[Asked] = field(default_factory=list)
    metrics: Counter[tuple[str, ...]] = field(default_factory=Counter)
    alarms: Counter[str] = field(default_factory=Counter)
    vanished: list[tuple[datetime, str]] = field(default_factory=list)
    """When the endpoint of a model's champion was taken away."""
    said: dict[tuple[str, int], list[Said]] = field(default_factory=dict)
    """What people decided about which version of which model, in order."""
    smoked: list[tuple[datetime, str]] = field(default_factory=list)
    """When which endpoint answered the smoke test."""
    story: list[str] = field(default_factory=list)

    def note(self, what: str) -> None:
        """Write a line for people who look into a failure."""
        self.story.append(f"{self.clock.now:%H:%M:%S} {what}")

    def metric(self, line: str) -> None:
        """Read a line of embedded metric format."""
        told = json.loads(line)
        for directive in told["_aws"]["CloudWatchMetrics"]:
            dimensions = tuple(str(told[name]) for name in directive["Dimensions"][0][1:])
            for metric in directive["Metrics"]:
                self.metrics[(metric["Name"], *dimensions)] += told[metric["Name"]]

    def successes(self, service: str, *operations: str) -> Iterator[Call]:
        """Give the calls that AWS did, whether or not their callers lived to hear of it."""
        for call in self.calls:
            if call.service == service and call.operation in operations and call.ok:
                yield call
