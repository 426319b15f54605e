"""A raw table: what uploads of one kind hold, before features are made of several of them."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import MAXYEAR, UTC, datetime, timedelta

from relearn.spec.columns import NAME_ALLOWED, NAME_PATTERN, Column, DateTime, Ranking, check
from relearn.spec.quality import Quality

MAIN = "main"
"""The one table of a model that declares none: its columns and its target."""
AS_OF = "as_of"
"""The column of a feature set that says when its row was known: nothing after it may be seen."""
WEIGHT = "weight"
"""The column of a recommender's feature set that says how much a row counts: above 0."""
AHEAD = timedelta(days=1)
"""How far the time of a row may be ahead of the clock when it comes: clocks differ, and a local time without an offset
is read as UTC. Until its time has come a row waits: no features see it."""
MAX_MOMENTS = 240
"""Moments that a model learns from at most: twenty years of months; what is older is history alone."""
MOMENTS = "moments"
"""What features() finds the moments under that it must speak of; no raw table has this name."""


@dataclass(frozen=True, kw_only=True, slots=True)
class _Meaning:
    """What the columns of a table mean."""

    columns: tuple[Column, ...]
    key: str | None = None
    time: str | None = None
    quality: Quality = field(default_factory=Quality)


@dataclass(frozen=True, slots=True)
class Table(_Meaning):
    """One raw table of a model.

    Parameters
    ----------
    name
        As in ``incoming/<model>/<name>/``; spelt as columns are.
    columns
        What its files hold, in order.
    key
        Name of the column that has another value in every row; None: rows have no such name.
    time
        Name of the `DateTime` column that says since when a row is known; None: it always was.
    quality
        What a run demands of its rows.
    """

    name: str

    def __post_init__(self) -> None:
        field = f"tables.{self.name}"
        spelt = isinstance(self.name, str) and NAME_PATTERN.fullmatch(self.name) is not None
        check(
            spelt and self.name not in (MAIN, MOMENTS),
            "tables.name",
            self.name,
            f"{NAME_ALLOWED}; not {MAIN} or {MOMENTS}",
        )
        check(
            isinstance(self.columns, tuple) and bool(self.columns) and all(map(is_given, self.columns)),
            f"{field}.columns",
            self.columns,
            "a tuple of at least one Number, Category, Text, Boolean, DateTime or Id",
        )
        check_names(f"{field}.columns", self.columns)
        names = [column.name for column in self.columns]
        check(AS_OF not in names, f"{field}.columns", AS_OF, "another name: features have one of that name")
        there = {column.name: column for column in self.columns if not column.optional}
        check(
            self.key is None or self.key in there,
            f"{field}.key",
            self.key,
            f"the name of a column that is not optional ({', '.join(there) or 'there is none'})",
        )
        times = [name for name, column in there.items() if isinstance(column, DateTime)]
        check(
            self.time is None or self.time in times,
            f"{field}.time",
            self.time,
            f"the name of a DateTime column that is not optional ({', '.join(times) or 'there is none'})",
        )
        self.quality.check_columns(f"{field}.quality", self.columns, time=self.time)


@dataclass(frozen=True, kw_only=True, slots=True)
class Monthly:
    """The moments that a model learns from: the first of each month that its data can speak of.

    They stay the same when data is added, and a row of features hangs on nothing but its own moment and what was
    known then; so what was made for a moment before is made again only when data that it may see has changed.

    Parameters
    ----------
    table
        The raw table whose reach, from its first to its last time, is what is known.
    history_days
        How many days of it there must be before a moment.
    label_days
        How many days of it there must be after a moment, so that its target is known. A target may look no
        further.
    lookback_days
        How many days back features look at most, in tables that have a time; what is older is not read. None:
        all the way.
    """

    table: str
    history_days: int
    label_days: int
    lookback_days: int | None = None

    def __post_init__(self) -> None:
        for name in ("history_days", "label_days", "lookback_days"):
            days = getattr(self, name)
            right = isinstance(days, int) and 0 <= days <= 36_500  # noqa: PLR2004 - a century
            check(
                right or (name == "lookback_days" and days is None),
                f"moments.{name}",
                days,
                "a whole number of days, 0 to 36500",
            )

    def between(self, first: datetime, last: datetime) -> tuple[datetime, ...]:
        """List the moments, in order: the latest `MAX_MOMENTS`, where there are more.

        Parameters
        ----------
        first, last
            The table's first and last time, aware; the last not after now.
        """
        try:
            earliest = first.astimezone(UTC) + timedelta(days=self.history_days)
            latest = last.astimezone(UTC) - timedelta(days=self.label_days)
        except OverflowError:  # at the ends of the calendar there is no such history, or no such days after
            return ()
        return month_starts(earliest, latest)[-MAX_MOMENTS:]


def month_starts(earliest: datetime, latest: datetime) -> tuple[datetime, ...]:
    """List the first moments of months, UTC, from one moment to another; either may be one itself."""
    found = []
    start = datetime(earliest.year, earliest.month, 1, tzinfo=UTC)
    while start <= latest:
        if start >= earliest:
            found.append(start)
        if (start.year, start.month) == (MAXYEAR, 12):
            break
        start = start.replace(year=start.year + start.month // 12, month=start.month % 12 + 1)
    return tuple(found)


def is_given(column: object) -> bool:
    """Tell whether something is a column that a row or a request may hold; a `Ranking` is only ever answered."""
    return isinstance(column, Column) and not isinstance(column, Ranking)


def check_names(field: str, columns: tuple[Column, ...]) -> None:
    """Refuse columns whose names are misspelt or not each other's.

    Raises
    ------
    SpecError
        Names the field and what is allowed.
    """
    for column in columns:
        spelt = isinstance(column.name, str) and NAME_PATTERN.fullmatch(column.name) is not None
        check(spelt, f"{field}.name", column.name, NAME_ALLOWED)
    names = [column.name for column in columns]
    check(len(set(names)) == len(names), field, names, "each name once")
