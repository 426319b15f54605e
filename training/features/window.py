"""Which rows of raw data a moment may hang on: the cut that makes features reusable, and small to make again."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from relearn.spec.model import Monthly


@dataclass(frozen=True, slots=True)
class Window:
    """A stretch of time.

    Parameters
    ----------
    after
        What is at it or earlier is not in it, aware; None: it has no beginning.
    until
        The last moment in it, aware.
    """

    after: datetime | None
    until: datetime

    @classmethod
    def of(cls, moments: Monthly, moment: datetime, now: datetime) -> Window:
        """What a moment may hang on: features on what was known by then, its target on the days after; nothing after now."""
        back = moments.lookback_days
        try:
            after = None if back is None else moment - timedelta(days=back)
        except OverflowError:  # further back than the calendar goes
            after = None
        return cls(after, min(moment + timedelta(days=moments.label_days), now))

    def meets(self, first: datetime, last: datetime) -> bool:
        """Tell whether a stretch from ``first`` to ``last``, both in it, has anything in common with this."""
        return first <= self.until and (self.after is None or last > self.after)
