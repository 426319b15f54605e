"""A clock that stands still until the test moves it."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass
class Clock:
    """Monotonic clock in seconds, from any start."""

    now: float

    def __call__(self) -> float:
        return self.now
