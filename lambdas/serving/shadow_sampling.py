"""Samples the requests that are copied to a shadowed candidate: enough to judge it soon, too few to slow it."""

from __future__ import annotations

import threading
from collections.abc import Callable

BURST = 20
"""Requests copied at once, when a step begins or after a quiet time."""
PER_SECOND = 4.0
"""Requests copied per second after that, in each process of predict: a candidate need not carry the champion's load."""


class Sampler:
    """Token bucket for each model; thread-safe.

    Parameters
    ----------
    clock
        Monotonic clock, in seconds.
    """

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._left: dict[str, tuple[int, float, float]] = {}

    def take(self, model: str, revision: int) -> bool:
        """Return whether to copy this request. A new revision of the model's route begins with a full burst.

        Parameters
        ----------
        model
            Name of the model.
        revision
            Revision of its route.
        """
        with self._lock:
            now = self._clock()
            of, left, at = self._left.get(model, (revision, float(BURST), now))
            left = float(BURST) if of != revision else min(BURST, left + (now - at) * PER_SECOND)
            taken = left >= 1
            self._left[model] = (revision, left - taken, now)
        return taken
