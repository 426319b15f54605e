"""What a training job tells its log while it works."""

from __future__ import annotations

import sys
from collections.abc import Mapping


def say(text: str) -> None:
    """Write one line of progress."""
    sys.stdout.write(f"relearn: {text}\n")
    sys.stdout.flush()


def say_metrics(metrics: Mapping[str, float]) -> None:
    """Write each metric so that SageMaker's MetricDefinitions find it.

    The regular expression for ``f1_macro`` is ``metric f1_macro=([0-9.eE+-]+)``.
    """
    for name, value in metrics.items():
        sys.stdout.write(f"metric {name}={value:.6g}\n")
    sys.stdout.flush()
