"""Profile of rows, column by column, that can be added: the profile of two shards is the sum of theirs.

Numbers are counted in bins whose edges grow by a constant factor, as in DDSketch (Masson, Rim, Lee:
"DDSketch: a fast and fully-mergeable quantile sketch with relative-error guarantees", VLDB 2019). The bins
are the same everywhere, so they can be added, and any quantile has a relative error of at most `ACCURACY`.
Every bin is kept here: float32 has at most 2,800 on each side of zero.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping
from dataclasses import asdict, dataclass, field
from functools import reduce
from typing import Any, NamedTuple

from relearn.figures import exact
from relearn.spec.columns import Boolean, Category, Column, DateTime, Id, Number, Ranking, Text

ACCURACY = 0.02
"""Maximum relative error of a quantile."""
LOG_GAMMA = math.log((1 + ACCURACY) / (1 - ACCURACY))
"""Natural logarithm of the ratio of a bin's edges."""
SMALLEST = 1e-9
"""Numbers nearer to zero are counted as zero."""
SHIFTED = 1000
"""Added to a bin's exponent, so that the bins of positive numbers are above 0 and sort like the numbers."""
MIXED = "mixed"
"""Type of a column that has several types in the shards, because the spec changed."""
FORMAT = 1
"""Version of the stored form."""
Breach = tuple[str, str]
"""What was found and what is allowed, for people."""


def _out_of_bounds(column: Number, seen: ColumnProfile) -> Breach | None:
    ends = [end for end in (seen.low, seen.high) if isinstance(end, float | int) and not column.holds(end)]
    bounds = {"at least": column.minimum, "at most": column.maximum}
    allowed = [f"{word} {exact(bound)}" for word, bound in bounds.items() if bound is not None]
    return (f"values reach {exact(ends[0])}", " and ".join(allowed)) if ends else None


def _unknown_values(column: Category, seen: ColumnProfile) -> Breach | None:
    strange = sorted(set(seen.counts) - set(column.values))
    return (f"{seen.counts[strange[0]]} rows have {strange[0]!r}", column.allowed) if strange else None


class DataType(NamedTuple):
    """How a profile describes a column type."""

    sketched: bool = False  # values, or lengths of texts, are counted in bins
    compared: bool = True  # drift has an index
    breach: Callable[[Any, ColumnProfile], Breach | None] = lambda _column, _seen: (
        None
    )  # of the spec of today


DATA_TYPES: dict[type[Column], DataType] = {
    Number: DataType(sketched=True, breach=_out_of_bounds),
    Category: DataType(breach=_unknown_values),
    Text: DataType(sketched=True),
    Boolean: DataType(),
    DateTime: DataType(compared=False),
    Id: DataType(compared=False),
    Ranking: DataType(),
}
SKETCHED = frozenset(column.type for column, about in DATA_TYPES.items() if about.sketched)
"""Names of the column types that are counted in bins."""
COMPARED = frozenset(column.type for column, about in DATA_TYPES.items() if about.compared)
"""Names of the column types that have an index of drift."""


@dataclass(frozen=True, kw_only=True, slots=True)
class ColumnProfile:
    """Profile of one column.

    Parameters
    ----------
    type
        Type of the column; a text is described by its length in characters.
    missing
        Number of rows without a value.
    low, high
        Minimum and maximum; for a date-time in ISO 8601, UTC. None without values.
    total
        Sum of the values, for the mean.
    counts
        Bin (see `bin_of`), value or month to its number of rows.
    """

    type: str
    missing: int = 0
    low: float | str | None = None
    high: float | str | None = None
    total: float = 0.0
    counts: Mapping[str, int] = field(default_factory=dict, hash=False)

    @property
    def present(self) -> int:
        """Number of rows with a value, for a column whose values are counted."""
        return sum(self.counts.values())

    @property
    def mean(self) -> float | None:
        """Mean of the values; None without values, or for other types than numbers and texts."""
        return self.total / self.present if self.type in SKETCHED and self.counts else None

    def bins(self) -> list[tuple[int, int]]:
        """Return the bins and their numbers of rows, in the order of the numbers."""
        return sorted((int(code), count) for code, count in self.counts.items())

    def quantile(self, share: float) -> float | None:
        """Return a quantile, with a relative error of at most `ACCURACY`, within minimum and maximum.

        None without values.

        Parameters
        ----------
        share
            Probability of the quantile, 0 to 1.
        """
        below, wanted = 0, share * (self.present - 1)
        for code, count in self.bins():
            below += count
            if below > wanted:
                return self.within(value_of(code))
        return None

    def within(self, value: float) -> float:
        """Clip a number to the minimum and maximum."""
        low = self.low if isinstance(self.low, float | int) else value
        high = self.high if isinstance(self.high, float | int) else value
        return min(max(value, low), high)

    def plus(self, other: ColumnProfile) -> ColumnProfile:
        """Return the profile of the rows of both."""
        missing = self.missing + other.missing
        if self.type != other.type:
            return ColumnProfile(type=MIXED, missing=missing)
        lows: Any = [one for one in (self.low, other.low) if one is not None]
        highs: Any = [one for one in (self.high, other.high) if one is not None]
        counts = dict(self.counts)
        for name, count in other.counts.items():
            counts[name] = counts.get(name, 0) + count
        return ColumnProfile(
            type=self.type,
            missing=missing,
            low=min(lows, default=None),
            high=max(highs, default=None),
            total=self.total + other.total,
            counts=counts,
        )


@dataclass(frozen=True, kw_only=True, slots=True)
class Profile:
    """Profile of the rows in one or more shards of a table.

    Parameters
    ----------
    rows
        Number of rows.
    columns
        Name to profile; a column that only some shards have counts as missing in the rows of the others.
    """

    rows: int = 0
    columns: Mapping[str, ColumnProfile] = field(default_factory=dict, hash=False)

    def plus(self, other: Profile) -> Profile:
        """Return the profile of the rows of both."""
        names = dict.fromkeys((*self.columns, *other.columns))
        columns = {name: self._of(name, other).plus(other._of(name, self)) for name in names}
        return Profile(rows=self.rows + other.rows, columns=columns)

    def _of(self, name: str, other: Profile) -> ColumnProfile:
        mine = self.columns.get(name)
        return mine or ColumnProfile(type=other.columns[name].type, missing=self.rows)


def merge(profiles: Iterable[Profile]) -> Profile:
    """Return the profile of all rows."""
    return reduce(Profile.plus, profiles, Profile())


def bin_of(value: float) -> int:
    """Return the bin of a finite number; greater numbers have greater bins."""
    if abs(value) < SMALLEST:
        return 0
    exponent = math.ceil(math.log(abs(value)) / LOG_GAMMA) + SHIFTED
    return exponent if value > 0 else -exponent


def value_of(code: int) -> float:
    """Return the number that represents a bin, within `ACCURACY` of every number in it."""
    if code == 0:
        return 0.0
    middle = 2 * math.exp((abs(code) - SHIFTED) * LOG_GAMMA) / (math.exp(LOG_GAMMA) + 1)
    return math.copysign(middle, code)


def to_dict(profile: Profile) -> dict[str, Any]:
    """Return a profile as JSON-ready data; `from_dict` reads it back equal."""
    columns = {name: asdict(column) for name, column in profile.columns.items()}
    return {"format": FORMAT, "rows": profile.rows, "columns": columns}


def from_dict(data: Mapping[str, Any]) -> Profile | None:
    """Build a profile from data that `to_dict` returned; None for another format."""
    if data.get("format") != FORMAT:
        return None
    columns = {name: ColumnProfile(**column) for name, column in data["columns"].items()}
    return Profile(rows=data["rows"], columns=columns)
