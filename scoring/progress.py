"""What a training job tells its log while it works."""

from __future__ import annotations

import sys
import traceback
from collections.abc import Mapping

from relearn import visible


def say(text: str) -> None:
    """Write one line of progress."""
    sys.stdout.write(f"relearn: {visible.line(text)}\n")
    sys.stdout.flush()


def complain(text: str) -> None:
    """Write one line about what went wrong."""
    sys.stderr.write(f"relearn: {visible.line(text)}\n")


def trace() -> None:
    """Write the traceback of the exception that is handled; what its message quotes steers no log."""
    sys.stderr.write(visible.lines(traceback.format_exc()))


def say_metrics(metrics: Mapping[str, float]) -> None:
    """Write each metric so that SageMaker's MetricDefinitions find it.

    The regular expression for ``f1_macro`` is ``metric f1_macro=([0-9.eE+-]+)``.
    """
    for name, value in metrics.items():
        sys.stdout.write(f"metric {name}={value:.6g}\n")
    sys.stdout.flush()
