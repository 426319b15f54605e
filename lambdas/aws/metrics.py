"""Metrics as embedded metric format: CloudWatch reads them from the log lines, no call is made."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime

NAMESPACE = "Relearn"
COUNT, MILLISECONDS = "Count", "Milliseconds"


def _print(line: str) -> None:
    print(line, flush=True)  # noqa: T201 - standard output is where CloudWatch reads metrics


@dataclass(frozen=True, slots=True)
class Group:
    """Metrics with the same dimensions.

    Parameters
    ----------
    dimensions
        Name to value, beside the stage; few values each.
    metrics
        Name to value and unit.
    """

    dimensions: Mapping[str, str | int]
    metrics: Mapping[str, tuple[float, str]]


class Meter:
    """Counts things by stage and further dimensions.

    Parameters
    ----------
    stage
        A dimension of every metric.
    clock
        Gives the time, aware.
    write
        Takes one line.
    """

    def __init__(
        self, stage: str, clock: Callable[[], datetime], write: Callable[[str], None] = _print
    ) -> None:
        self._stage = stage
        self._clock = clock
        self._write = write

    def count(self, name: str, **dimensions: str | int) -> None:
        """Count one.

        Parameters
        ----------
        name
            ``Uploads`` (model, state) or ``Runs`` (model, outcome).
        dimensions
            Name to value; few values each.
        """
        self.record(Group(dimensions, {name: (1, COUNT)}))

    def record(self, *groups: Group, **more: str | float) -> None:
        """Write several metrics as one line, which is a log entry too.

        Parameters
        ----------
        groups
            For a request to predict: ``Requests``, ``Latency`` and ``ColdStarts`` (model); ``Predictions`` and
            ``ModelLatency`` (model, version); ``PredictionErrors`` (model, status); ``ServerErrors`` (model); ``RecordsLost``,
            ``CountsLost`` and ``TrialsSkipped`` (model; none).
        more
            What the line says besides; no metric.
        """
        stamp = int(self._clock().timestamp() * 1000)
        line: dict[str, object] = {**more, "stage": self._stage}
        directives = []
        for group in groups:
            line |= {name: str(value) for name, value in group.dimensions.items()}
            line |= {name: value for name, (value, _) in group.metrics.items()}
            directives.append(
                {
                    "Namespace": NAMESPACE,
                    "Dimensions": [["stage", *group.dimensions]],
                    "Metrics": [{"Name": name, "Unit": unit} for name, (_, unit) in group.metrics.items()],
                }
            )
        self._write(json.dumps({"_aws": {"Timestamp": stamp, "CloudWatchMetrics": directives}, **line}))
