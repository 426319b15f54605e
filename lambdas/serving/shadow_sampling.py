"""How many requests are copied to a shadowed candidate: enough to judge it soon, few enough to be felt by nobody."""

from __future__ import annotations

import threading
from collections.abc import Callable

BURST = 20
"""So many at once, when a step begins or after a quiet while."""
PER_SECOND = 4.0
"""So many from then on, in each of predict's processes: a candidate need not bear what the champion does."""


class Sampler:
    """Chooses requests; for any number of threads.

    Parameters
    ----------
    clock
        Seconds that only grow.
    """

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._left: dict[str, tuple[int, float, float]] = {}

    def take(self, model: str, revision: int) -> bool:
        """Tell whether this request is one of them; every revision of a model's route begins with a burst.

        Parameters
        ----------
        model, revision
            Whose route, and which write of it.
        """
        with self._lock:
            now = self._clock()
            of, left, at = self._left.get(model, (revision, float(BURST), now))
            left = float(BURST) if of != revision else min(BURST, left + (now - at) * PER_SECOND)
            taken = left >= 1
            self._left[model] = (revision, left - taken, now)
        return taken
