"""What rows look like, column by column, in a form that adds up: the profile of two shards is the sum of theirs.

A number falls into bins whose edges grow by a fixed factor, as in DDSketch (Masson, Rim, Lee: "DDSketch: a fast and
fully-mergeable quantile sketch with relative-error guarantees", VLDB 2019): bins of the same number everywhere can be
added, and any quantile is known to within `ACCURACY` of its value. Here every bin is kept: float32 has no
more than 2,800 on each side of zero.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field
from functools import reduce
from typing import Any

ACCURACY = 0.02
"""Relative error of a quantile at most."""
LOG_GAMMA = math.log((1 + ACCURACY) / (1 - ACCURACY))
SMALLEST = 1e-9
"""What is nearer to zero than this is counted as zero."""
SHIFTED = 1000
"""What is added to a bin's exponent, so that the bins of positive numbers are above 0 and their order is theirs."""
SKETCHED = ("number", "text")
COUNTED = ("category", "boolean", "datetime")
MIXED = "mixed"
"""Type of a column that shards hold under several types: the spec changed between them."""
FORMAT = 1


@dataclass(frozen=True, kw_only=True, slots=True)
class ColumnProfile:
    """What one column looks like.

    Parameters
    ----------
    type
        The column's type; a text is described by its length in characters.
    missing
        Rows without a value.
    low, high
        The least and the greatest value; of a date-time as ISO 8601, UTC.
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
        """Rows with a value, of a column whose values are counted."""
        return sum(self.counts.values())

    @property
    def mean(self) -> float | None:
        """The mean of the values, if there are any."""
        return self.total / self.present if self.type in SKETCHED and self.counts else None

    def bins(self) -> list[tuple[int, int]]:
        """Give the bins of numbers and their rows, in the order of the numbers."""
        return sorted((int(code), count) for code, count in self.counts.items())

    def quantile(self, share: float) -> float | None:
        """Give a quantile, to within `ACCURACY` of its value and between the least and the greatest; None when there is no value."""
        below, wanted = 0, share * (self.present - 1)
        for code, count in self.bins():
            below += count
            if below > wanted:
                return self.within(value_of(code))
        return None

    def within(self, value: float) -> float:
        """Give the nearest number that is neither below the least value nor above the greatest."""
        low = self.low if isinstance(self.low, float | int) else value
        high = self.high if isinstance(self.high, float | int) else value
        return min(max(value, low), high)

    def plus(self, other: ColumnProfile) -> ColumnProfile:
        """Give the profile of both columns' rows together."""
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
    """What the rows of one or more shards of a table look like.

    Parameters
    ----------
    rows
        How many.
    columns
        Name to profile; a column that only some shards have is missing in the rows of the others.
    """

    rows: int = 0
    columns: Mapping[str, ColumnProfile] = field(default_factory=dict, hash=False)

    def plus(self, other: Profile) -> Profile:
        """Give the profile of both."""
        names = dict.fromkeys((*self.columns, *other.columns))
        columns = {name: self._of(name, other).plus(other._of(name, self)) for name in names}
        return Profile(rows=self.rows + other.rows, columns=columns)

    def _of(self, name: str, other: Profile) -> ColumnProfile:
        mine = self.columns.get(name)
        return mine or ColumnProfile(type=other.columns[name].type, missing=self.rows)


def merge(profiles: Iterable[Profile]) -> Profile:
    """Give the profile of all rows together."""
    return reduce(Profile.plus, profiles, Profile())


def bin_of(value: float) -> int:
    """Give the bin of a finite number; greater numbers are in greater bins."""
    if abs(value) < SMALLEST:
        return 0
    exponent = math.ceil(math.log(abs(value)) / LOG_GAMMA) + SHIFTED
    return exponent if value > 0 else -exponent


def value_of(code: int) -> float:
    """Give the number that a bin stands for: none in it is further than `ACCURACY` from it."""
    if code == 0:
        return 0.0
    middle = 2 * math.exp((abs(code) - SHIFTED) * LOG_GAMMA) / (math.exp(LOG_GAMMA) + 1)
    return math.copysign(middle, code)


def to_dict(profile: Profile) -> dict[str, Any]:
    """Give a profile as JSON-ready data; `from_dict` reads it back equal."""
    columns = {name: asdict(column) for name, column in profile.columns.items()}
    return {"format": FORMAT, "rows": profile.rows, "columns": columns}


def from_dict(data: Mapping[str, Any]) -> Profile | None:
    """Read what `to_dict` gave; None when it is of another format."""
    if data.get("format") != FORMAT:
        return None
    columns = {name: ColumnProfile(**column) for name, column in data["columns"].items()}
    return Profile(rows=data["rows"], columns=columns)
