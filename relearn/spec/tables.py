"""Raw tables, one for each kind of upload, from which features are computed; and the moments of features."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import MAXYEAR, UTC, datetime, timedelta

from relearn.spec.columns import NAME_ALLOWED, NAME_PATTERN, Column, DateTime, Ranking, check, is_whole
from relearn.spec.quality import Quality

MAIN = "main"
"""Name of the only table of a model that declares none; it holds the model's columns and target."""
AS_OF = "as_of"
"""Column of a feature set with the time at which its row was known; features may use nothing after it."""
WEIGHT = "weight"
"""Column of a recommender's feature set with the weight of a row, above 0."""
HELD_OUT = "_held_out"
"""Hidden column of a shard of `MAIN`: whether the row is held out, settled when its upload was accepted. No
column of a spec may begin with an underscore."""
LINE = "_line"
"""Hidden column of a shard of `MAIN`: the line of the uploaded file that each row begins on, from 1, as the list of rejected
rows has it; of a Parquet file, the number of the row. Shards of earlier releases do not have it."""
AHEAD = timedelta(days=1)
"""How far the time of a row may be ahead of the clock at ingest: clocks differ, and a local time without an
offset is read as UTC. Features do not use the row before its time."""
MAX_MOMENTS = 240
"""Maximum number of moments that a model learns from, twenty years of months; older data is used only as
history."""
LONGEST_MONTH = 31
"""Days of the longest month."""
MOMENTS = "moments"
"""Name under which features() finds the moments to compute; no raw table may have it."""


@dataclass(frozen=True, kw_only=True, slots=True)
class _Meaning:
    """Columns of a table, and their roles."""

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
        Name of the table, as in ``incoming/<model>/<name>/``; spelt like a column's.
    columns
        Columns of its files, in order.
    key
        Name of the column whose values are unique; None when there is none.
    time
        Name of the `DateTime` column with the time from which on a row is known; None when rows are always
        known.
    quality
        Requirements of a run on its rows.
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
    """Moments that a model learns from: the starts of those months that its data covers.

    They do not change when data is added, and a row of features depends only on its moment and on what was
    known then. So features of a moment are computed again only when data that they may use has changed.

    Parameters
    ----------
    table
        Name of the raw table whose first and last time bound the moments.
    history_days
        Days of data in it that a moment needs before it, 0 to 36,500.
    label_days
        Days of data in it that a moment needs after it, 0 to 36,500, so that its target is known. A target
        may look no further ahead.
    lookback_days
        Days that features look back, 0 to 36,500, in tables with a time; older rows are not read. None for no
        limit.
    """

    table: str
    history_days: int
    label_days: int
    lookback_days: int | None = None

    def __post_init__(self) -> None:
        for name in ("history_days", "label_days", "lookback_days"):
            days = getattr(self, name)
            check(
                is_whole(days, 0, 36_500)  # a century
                or (name == "lookback_days" and days is None),
                f"moments.{name}",
                days,
                "a whole number of days, 0 to 36500",
            )

    def between(self, first: datetime, last: datetime) -> tuple[datetime, ...]:
        """List the moments, ascending: only the latest `MAX_MOMENTS` when there are more.

        Parameters
        ----------
        first, last
            First and last time in the table, time-zone aware; ``last`` is not in the future.
        """
        try:
            earliest = first.astimezone(UTC) + timedelta(days=self.history_days)
            latest = last.astimezone(UTC) - timedelta(days=self.label_days)
        except OverflowError:  # beyond the years of datetime there is no such history, and no labels
            return ()
        return month_starts(earliest, latest)[-MAX_MOMENTS:]


def month_starts(earliest: datetime, latest: datetime) -> tuple[datetime, ...]:
    """List the starts of months, UTC, from ``earliest`` to ``latest``, both inclusive."""
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
    """Return whether ``column`` may be in a row or a request; a `Ranking` is only ever answered."""
    return isinstance(column, Column) and not isinstance(column, Ranking)


def check_names(field: str, columns: tuple[Column, ...]) -> None:
    """Refuse columns with misspelt or duplicate names, flags that are no bools, or texts that are no strings.

    Raises
    ------
    SpecError
        A name is wrong; the error has the field and what is allowed.
    """
    for column in columns:
        spelt = isinstance(column.name, str) and NAME_PATTERN.fullmatch(column.name) is not None
        check(spelt, f"{field}.name", column.name, NAME_ALLOWED)
        for flag in ("optional", "private"):
            value = getattr(column, flag)
            check(isinstance(value, bool), f"{column.name}.{flag}", value, "True or False")
        for text in ("description", "unit"):
            value = getattr(column, text, "")
            check(isinstance(value, str), f"{column.name}.{text}", value, "a string")
    names = [column.name for column in columns]
    check(len(set(names)) == len(names), field, names, "each name once")
