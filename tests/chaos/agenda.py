"""What happens when, in simulated time."""

from __future__ import annotations

import heapq
from collections.abc import Callable
from datetime import datetime, timedelta
from itertools import count

from tests.support.world import Clock

Action = Callable[[], object]


class Agenda:
    """Things to come, in order; those of one moment in the order they were planned.

    Parameters
    ----------
    clock
        Is moved on to each.
    """

    def __init__(self, clock: Clock) -> None:
        self.clock = clock
        self._began = clock.now
        self._numbers = count()
        self._waiting: list[tuple[datetime, int, str, Action]] = []

    def after(self, seconds: float, what: str, action: Action) -> None:
        """Plan something; ``what`` names its kind."""
        at = self.clock.now + timedelta(seconds=seconds)
        heapq.heappush(self._waiting, (at, next(self._numbers), what, action))

    def every(self, seconds: float, what: str, action: Action) -> None:
        """Plan something again and again."""

        def again() -> None:
            self.after(seconds, what, again)
            action()

        self.after(seconds, what, again)

    def pass_seconds(self, seconds: float) -> None:
        """Let time pass, and everything happen that is due by then."""
        end = self.clock.now + timedelta(seconds=seconds)
        while self._waiting and self._waiting[0][0] <= end:
            at, _, _, action = heapq.heappop(self._waiting)
            # What came before may have taken longer than until now.
            self.clock.now = max(at, self.clock.now)
            action()
        self.clock.now = max(end, self.clock.now)

    def hasten(self, *kinds: str) -> bool:
        """Let the next thing of these kinds happen now; whether there was one."""
        found = min((item for item in self._waiting if item[2] in kinds), default=None)
        if found is None:
            return False
        self._waiting.remove(found)
        heapq.heapify(self._waiting)
        found[3]()
        return True

    def elapsed(self) -> float:
        """How many seconds the run lasts."""
        return (self.clock.now - self._began).total_seconds()
