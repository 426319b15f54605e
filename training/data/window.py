"""The window of newest rows that a spec with ``evaluate="latest"`` examines versions on, and nothing learns from.

A model that serves answers rows that are newer than all it has learnt. Rows drawn at random from the same days as the
training rows do not show how it does on those; the newest rows do, when nothing of their days is learnt.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import numpy as np

from relearn.figures import counted
from relearn.spec.model import ModelSpec
from scoring.encode import Array

LEAST = 10
"""Rows, of a classification in each class, below which a window shows too little and begins earlier."""
_STEP = np.timedelta64(1, "us")


@dataclass(frozen=True, slots=True)
class Window:
    """Newest rows of a snapshot.

    Parameters
    ----------
    days
        Days that the spec asks for.
    start, end
        The window begins after ``start``; ``end`` is the newest time up to the clock of the run. Both are
        ``datetime64[us]``, UTC.
    gap
        Time before the first row of the window from which no row is learnt, because its target was not known
        yet when that row was: ``timedelta64``, 0 or more.
    """

    days: int
    start: Any
    end: Any
    gap: Any

    @property
    def extended(self) -> bool:
        """Whether it begins earlier than the spec asks, as there were too few rows."""
        return bool(self.start < self.end - np.timedelta64(self.days, "D"))

    def holds(self, time: Array) -> Array:
        """Return which rows are in the window, shape as ``time``. Rows dated after the clock of the run are."""
        return np.asarray(time > self.start)

    def precedes(self, time: Array) -> Array:
        """Return which rows may be learnt: their target was known before the first row of the window."""
        within = self.holds(time)
        first = time[within].min() if within.any() else self.end
        return np.asarray(~within & (time + self.gap <= first))


def newest(spec: ModelSpec, time: Array, may: Array, groups: Array, now: datetime | None) -> Window | None:
    """Return the window that a spec examines; None where it examines rows of any time.

    It has the newest `Training.days`. It begins earlier where these have fewer than `LEAST` rows that may be examined, of a
    classification fewer of any class; but it never needs more than the newer half of them.

    Parameters
    ----------
    spec
        Spec of the candidate.
    time
        Time of each row, shape (rows,), ``datetime64[us]``.
    may
        Whether a row may be examined, shape (rows,).
    groups
        Class of each row, shape (rows,); not used for a regression.
    now
        Clock of the run, aware: a row dated later does not say how new the data is. None: no clock.
    """
    days = spec.training.days
    if spec.training.evaluate != "latest" or days is None or not len(time):
        return None
    dated = (
        time if now is None else time[time <= np.datetime64(now.astimezone(UTC).replace(tzinfo=None), "us")]
    )
    end = (dated if len(dated) else time).max()
    start = min([end - np.timedelta64(days, "D"), *_needed(spec, time[may], groups[may])])
    moments = spec.moments
    return Window(days, start, end, np.timedelta64(0 if moments is None else moments.label_days, "D"))


def _needed(spec: ModelSpec, time: Array, groups: Array) -> Sequence[Any]:
    """Return, for each class, the latest start of a window with enough rows of it."""
    parts = [time] if spec.kind == "regression" else [time[groups == one] for one in np.unique(groups)]
    starts = []
    for part in parts:
        if len(part):
            ordered = np.sort(part)
            starts.append(ordered[-min(LEAST, (len(ordered) + 1) // 2)] - _STEP)
    return starts


@dataclass(frozen=True, slots=True)
class Examined:
    """What became of the rows of a snapshot whose newest window is examined.

    Parameters
    ----------
    window
        The window.
    rows, examined
        Number of its rows, each counted once unless the spec counts copies, and of those examined.
    aside
        Number of rows, in the window or not, that are neither learnt nor examined.
    """

    window: Window
    rows: int
    examined: int
    aside: int

    @property
    def words(self) -> str:
        """Describe the window and its rows."""
        window = self.window
        longer = ", extended as these had too few" if window.extended else ""
        return (
            f"the newest {counted(window.days, 'day')}{longer}: after {_text(window.start)}, up to {_text(window.end)}; "
            f"{self.examined:,} of {counted(self.rows, 'row')} examined, {counted(self.aside, 'row')} of the snapshot neither "
            "learnt nor examined"
        )

    def as_dict(self) -> dict[str, Any]:
        """Return the figures as JSON-ready data; ``from`` is exclusive."""
        window = self.window
        return {
            "days": window.days,
            "from": _text(window.start),
            "to": _text(window.end),
            "extended": window.extended,
            "rows": self.rows,
            "examined": self.examined,
            "aside": self.aside,
        }


def _text(moment: Any) -> str:
    return f"{np.datetime_as_string(moment, unit='s')}Z"
