"""Deadlines of a function's work."""

from __future__ import annotations

import time
from collections.abc import Callable

from lambdas.aws.dynamo.online_features import RemainingSeconds


def until(seconds: float, clock: Callable[[], float] = time.monotonic) -> RemainingSeconds:
    """Return a function that returns the seconds left until ``seconds`` from now; negative after that."""
    end = clock() + seconds
    return lambda: end - clock()
