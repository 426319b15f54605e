"""Schedule of actions in simulated time."""

from __future__ import annotations

import heapq
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from itertools import count

Action = Callable[[], object]


class Clock:
    """Clock in UTC, moved by the test; every reading adds a millisecond."""

    def __init__(self) -> None:
        self.now = datetime(2026, 5, 4, 10, 0, tzinfo=UTC)

    def __call__(self) -> datetime:
        self.now += timedelta(milliseconds=1)
        return self.now

    def pass_seconds(self, seconds: float) -> None:
        self.now += timedelta(seconds=seconds)


class Agenda:
    """Pending actions, ordered by time, and by the order of planning for the same time.

    Parameters
    ----------
    clock
        The clock, which is moved to the time of each action.
    """

    def __init__(self, clock: Clock) -> None:
        self.clock = clock
        self._began = clock.now
        self._numbers = count()
        self._waiting: list[tuple[datetime, int, str, Action]] = []

    def after(self, seconds: float, what: str, action: Action) -> None:
        """Plan an action after a number of seconds; ``what`` names its kind."""
        at = self.clock.now + timedelta(seconds=seconds)
        heapq.heappush(self._waiting, (at, next(self._numbers), what, action))

    def every(self, seconds: float, what: str, action: Action) -> None:
        """Plan an action at a fixed interval."""

        def again() -> None:
            self.after(seconds, what, again)
            action()

        self.after(seconds, what, again)

    def pass_seconds(self, seconds: float) -> None:
        """Let time pass and execute all actions that are due by then."""
        end = self.clock.now + timedelta(seconds=seconds)
        while self._waiting and self._waiting[0][0] <= end:
            self.next()
        self.clock.now = max(end, self.clock.now)

    def next(self) -> None:
        """Execute the next pending action, at its time."""
        at, _, _, action = heapq.heappop(self._waiting)
        # The action before may have moved the clock beyond this time.
        self.clock.now = max(at, self.clock.now)
        action()

    def hasten(self, *kinds: str) -> bool:
        """Execute the next pending action of these kinds now; return whether there was one."""
        found = min((item for item in self._waiting if item[2] in kinds), default=None)
        if found is None:
            return False
        self._waiting.remove(found)
        heapq.heapify(self._waiting)
        found[3]()
        return True

    def elapsed(self) -> float:
        """Return the simulated seconds since the start."""
        return (self.clock.now - self._began).total_seconds()
