"""Write progress, errors and metrics of a job or server to its log."""

from __future__ import annotations

import sys
import traceback
from collections.abc import Mapping

from relearn import visible


def say(text: str) -> None:
    """Write one line of progress to standard output."""
    sys.stdout.write(f"relearn: {visible.line(text)}\n")
    sys.stdout.flush()


def complain(text: str) -> None:
    """Write one line about an error to standard error."""
    sys.stderr.write(f"relearn: {visible.line(text)}\n")


def trace() -> None:
    """Write the traceback of the handled exception, with control characters made visible, to standard error."""
    sys.stderr.write(visible.lines(traceback.format_exc()))


def say_metrics(metrics: Mapping[str, float]) -> None:
    """Write each metric in the form that SageMaker's MetricDefinitions match.

    The regular expression for ``f1_macro`` is ``metric f1_macro=([0-9.eE+-]+)``.
    """
    for name, value in metrics.items():
        sys.stdout.write(f"metric {name}={value:.6g}\n")
    sys.stdout.flush()
