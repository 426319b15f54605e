"""Metrics as embedded metric format: CloudWatch reads them from the log lines, no call is made."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import datetime

NAMESPACE = "Relearn"


def _print(line: str) -> None:
    print(line, flush=True)  # noqa: T201 - standard output is where CloudWatch reads metrics


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
            ``Uploads`` (model, state), ``Runs`` (model, outcome), ``Predictions`` (model, version)
            or ``PredictionErrors`` (model, status).
        dimensions
            Name to value; few values each.
        """
        values = {"stage": self._stage, **{key: str(value) for key, value in dimensions.items()}}
        metric = {
            "Namespace": NAMESPACE,
            "Dimensions": [list(values)],
            "Metrics": [{"Name": name, "Unit": "Count"}],
        }
        stamp = int(self._clock().timestamp() * 1000)
        self._write(
            json.dumps({"_aws": {"Timestamp": stamp, "CloudWatchMetrics": [metric]}, **values, name: 1})
        )
