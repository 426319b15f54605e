"""Requirements of a spec on its data before a run starts a paid job; `relearn.data.checks` judges them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from relearn.spec.columns import Column, DateTime, Id, check, is_finite_number, is_whole

SHIFT_MODERATE, SHIFT_LARGE = 0.1, 0.25
"""Usual reading of a population stability index: below the first there is no shift, above the second a large
one (Siddiqi, Credit Risk Scorecards, 2006)."""


@dataclass(frozen=True, kw_only=True, slots=True)
class _Target:
    """Table that a reference points to."""

    to: str
    max_orphans: float = 0.0


@dataclass(frozen=True, slots=True)
class Reference(_Target):
    """Column whose values are keys of another table.

    Parameters
    ----------
    column
        An `Id` column of this table.
    to
        Name of a table whose `key` is an `Id` too.
    max_orphans
        Share of rows, 0 to 1, whose value may be missing from that table's keys; rows without a value do not
        count.
    """

    column: str

    def __post_init__(self) -> None:
        share = self.max_orphans
        check(_is_share(share), f"quality.references.{self.column}.max_orphans", share, "a share, 0 to 1")


@dataclass(frozen=True, kw_only=True, slots=True)
class Quality:
    """Requirements on the rows of a table (or of a feature set), over all shards of a snapshot.

    Parameters
    ----------
    min_rows
        Minimum number of rows.
    max_missing
        Column to the share of rows, 0 to 1, that may lack it; for other columns the spec's ``optional``
        decides.
    references
        Columns that hold keys of other tables.
    max_age_days
        Maximum age of the newest value of the table's ``time`` when a run begins, in days; None for any age.
    max_shift
        Maximum population stability index of any column against the champion's data; None for any. Below 0.1
        is usually read as no shift, above 0.25 as a large one. Ids and date-times are not compared.
    """

    min_rows: int = 1
    max_missing: Mapping[str, float] = field(default_factory=dict, hash=False)
    references: tuple[Reference, ...] = ()
    max_age_days: float | None = None
    max_shift: float | None = None

    def __post_init__(self) -> None:
        check(is_whole(self.min_rows, 1), "quality.min_rows", self.min_rows, "a whole number, at least 1")
        check(isinstance(self.max_missing, Mapping), "quality.max_missing", self.max_missing, "a dict")
        for column, share in self.max_missing.items():
            check(_is_share(share), f"quality.max_missing.{column}", share, "a share, 0 to 1")
        check(
            isinstance(self.references, tuple) and all(isinstance(r, Reference) for r in self.references),
            "quality.references",
            self.references,
            "a tuple of Reference",
        )
        for name in ("max_age_days", "max_shift"):
            value = getattr(self, name)
            right = value is None or (is_finite_number(value) and value > 0)
            check(right, f"quality.{name}", value, "a number above 0, or None")

    def check_columns(self, where: str, columns: Sequence[Column], *, time: str | None) -> None:
        """Refuse requirements that do not fit the columns.

        Parameters
        ----------
        where
            Dotted path of the field, for the message.
        columns
            Columns of the table, or of the feature set.
        time
            Name of the table's time column; None when there is none.

        Raises
        ------
        SpecError
            A requirement names a wrong column; the error has the field, the value and what is allowed.
        """
        there = {column.name: column for column in columns}
        optional = [name for name, column in there.items() if column.optional]
        for name in self.max_missing:
            allowed = (
                f"an optional column ({', '.join(optional) or 'there is none'}): others are never missing"
            )
            check(name in optional, f"{where}.max_missing", name, allowed)
        ids = [name for name, column in there.items() if isinstance(column, Id)]
        named = [reference.column for reference in self.references]
        for name in named:
            check(
                name in ids,
                f"{where}.references",
                name,
                f"the name of an Id column ({', '.join(ids) or 'there is none'})",
            )
        check(len(set(named)) == len(named), f"{where}.references", named, "each column once")
        aged = isinstance(there.get(time or ""), DateTime)
        check(
            self.max_age_days is None or aged,
            f"{where}.max_age_days",
            self.max_age_days,
            "None: only a table with `time` has an age",
        )


def _is_share(value: object) -> bool:
    return is_finite_number(value) and 0 <= value <= 1  # type: ignore[operator]
