"""The window of newest rows that a spec with ``evaluate="latest"`` examines versions on, and nothing learns from.

A model that serves answers rows that are newer than all it has learnt. Rows drawn at random from the same days as the
training rows do not show how it does on those; the newest rows do, when nothing of their days is learnt.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import numpy as np

from relearn.figures import counted
from relearn.spec.model import ModelSpec
from scoring.encode import Array

LEAST = 10
"""Rows, of a classification in each class, below which a window shows too little and begins earlier."""
FURTHEST = 12
"""Windows that one may begin earlier for a class: with a month, a year. A class without a row in that time has died out; it does
not keep all that came after it from being learnt."""
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
    classification fewer of any class; but it leaves the older half of all rows, of each class, to learn from, and for a class it has
    at most `FURTHEST` times the days.

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
    far = end - np.timedelta64(FURTHEST * days, "D")
    start = min([end - np.timedelta64(days, "D"), *_needed(spec, time, may, groups, far)])
    moments = spec.moments
    return Window(days, start, end, np.timedelta64(0 if moments is None else moments.label_days, "D"))


def _needed(spec: ModelSpec, time: Array, may: Array, groups: Array, far: Any) -> Iterator[Any]:
    """Yield, for each class with a row after ``far`` that may be examined, the latest start of a window with enough of it."""
    if spec.kind == "regression":
        if may.any():
            yield _start(np.sort(time), np.sort(time[may]))
        return
    for one in np.unique(groups[may]):
        every, asked = (np.sort(time[rows]) for rows in (groups == one, may & (groups == one)))
        if asked[-1] > far:
            yield max(_start(every, asked), far)


def _start(every: Array, asked: Array) -> Any:
    """Return the start by the times of all rows of a class, and of those that may be examined, both sorted.

    Half of all are left to learn from. Of those that may be examined others may be learnt already, so half of these would be
    fewer in each run.
    """
    start = max(every[-_half(len(every))], asked[-min(LEAST, len(asked))])
    return min(start, asked[-1]) - _STEP


def _half(rows: int) -> int:
    return (rows + 1) // 2


def of_lost_classes(spec: ModelSpec, window: Window, time: Array, may: Array, groups: Array) -> Array:
    """Return which rows are examined although they are older than the window: the newest of each class that has died out.

    Parameters are as of `newest`; the result has the shape (rows,).
    """
    found = np.zeros(len(time), dtype=bool)
    if spec.kind == "regression":
        return found
    for one in np.unique(groups[may & ~window.holds(time)]):
        of_class = groups == one
        rows = np.flatnonzero(may & of_class)
        if not window.holds(time[rows]).any():
            most = min(LEAST, _half(int(of_class.sum())))
            found[rows[np.argsort(time[rows], kind="stable")[-most:]]] = True
    return found


@dataclass(frozen=True, slots=True)
class Examined:
    """What became of the rows of a snapshot whose newest window is examined.

    Parameters
    ----------
    window
        The window.
    rows
        Number of its rows, each counted once unless the spec counts copies.
    examined
        Number of all rows that are examined.
    aside
        Number of rows, in the window or not, that are neither learnt nor examined.
    lost
        Number of examined rows that are older than the window, by class: of each class that has died out.
    """

    window: Window
    rows: int
    examined: int
    aside: int
    lost: Mapping[str, int] = field(default_factory=dict)

    @property
    def words(self) -> str:
        """Describe the window and its rows."""
        window = self.window
        longer = ", extended as these had too few" if window.extended else ""
        lost = "".join(
            f"; of {name}, without a row in the newest {counted(FURTHEST * window.days, 'day')}, the newest "
            f"{counted(count, 'row')} examined too"
            for name, count in self.lost.items()
        )
        within = self.examined - sum(self.lost.values())
        return (
            f"the newest {counted(window.days, 'day')}{longer}: after {_text(window.start)}, up to {_text(window.end)}; "
            f"{within:,} of {counted(self.rows, 'row')} examined, {counted(self.aside, 'row')} of the snapshot neither "
            f"learnt nor examined{lost}"
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
            "lost": dict(self.lost),
        }


def _text(moment: Any) -> str:
    return f"{np.datetime_as_string(moment, unit='s')}Z"
