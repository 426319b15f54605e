"""Metrics in CloudWatch's embedded metric format: log lines that CloudWatch parses, so that no call is made."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime

NAMESPACE = "Relearn"
"""CloudWatch namespace of all metrics."""
COUNT, MILLISECONDS = "Count", "Milliseconds"
"""Units of metrics."""


def _print(line: str) -> None:
    print(line, flush=True)  # noqa: T201 - standard output is where CloudWatch reads metrics


@dataclass(frozen=True, slots=True)
class Group:
    """Metrics that share their dimensions.

    Parameters
    ----------
    dimensions
        Name to value, in addition to the stage; each needs a small set of values.
    metrics
        Name to value and unit.
    """

    dimensions: Mapping[str, str | int]
    metrics: Mapping[str, tuple[float, str]]


class Meter:
    """Writes metrics with the stage and further dimensions.

    Parameters
    ----------
    stage
        Name of the stage, a dimension of every metric.
    clock
        Returns the current time, aware.
    write
        Writes one line.
    """

    def __init__(
        self, stage: str, clock: Callable[[], datetime], write: Callable[[str], None] = _print
    ) -> None:
        self._stage = stage
        self._clock = clock
        self._write = write

    def count(self, name: str, **dimensions: str | int) -> None:
        """Add 1 to a metric.

        Parameters
        ----------
        name
            Name of the metric, such as ``Uploads`` (dimensions model, state) or ``Runs`` (model, outcome).
        dimensions
            Name to value; each needs a small set of values.
        """
        self.record(Group(dimensions, {name: (1, COUNT)}))

    def record(self, *groups: Group, **more: str | float) -> None:
        """Write several metrics as one line, which is also a log entry.

        Parameters
        ----------
        groups
            For a prediction request: ``Requests``, ``Latency`` and ``ColdStarts`` (dimension model);
            ``Predictions`` and ``ModelLatency`` (model, version); ``PredictionErrors`` (model, status);
            ``ServerErrors`` (model); ``RecordsLost``, ``CountsLost`` and ``TrialsSkipped`` (model, and
            without a dimension).
        more
            Further fields of the log entry, which are not metrics.
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
