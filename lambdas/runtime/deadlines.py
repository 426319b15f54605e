"""Until when a function may work."""

from __future__ import annotations

import time
from collections.abc import Callable

from lambdas.aws.dynamo.online_features import RemainingSeconds


def until(seconds: float, clock: Callable[[], float] = time.monotonic) -> RemainingSeconds:
    """Tell what is left of so many seconds from now on."""
    end = clock() + seconds
    return lambda: end - clock()
