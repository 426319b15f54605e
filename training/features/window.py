"""Limit the raw rows that a moment depends on, so that its partition can be reused and is cheap to compute."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from relearn.spec.model import Monthly


@dataclass(frozen=True, slots=True)
class Window:
    """Time window, open at its start and closed at its end.

    Parameters
    ----------
    after
        Start, aware, exclusive; None: unlimited.
    until
        End, aware, inclusive.
    """

    after: datetime | None
    until: datetime

    @classmethod
    def of(cls, moments: Monthly, moment: datetime, now: datetime) -> Window:
        """Return the window that a moment depends on: its lookback and label days, up to ``now`` at most."""
        back = moments.lookback_days
        try:
            after = None if back is None else moment - timedelta(days=back)
        except OverflowError:  # before the first year of the calendar
            after = None
        return cls(after, min(moment + timedelta(days=moments.label_days), now))

    def meets(self, first: datetime, last: datetime) -> bool:
        """Return whether the window overlaps the times from ``first`` to ``last``, both inclusive."""
        return first <= self.until and (self.after is None or last > self.after)
