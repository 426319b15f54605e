"""Comparison of a candidate with a version of an earlier spec: which rows, classes and columns it is about.

Both are compared on the rows that both can answer: those of the classes that both know, with a value in every column
that the earlier version needs. What is left out is named, and a class that the earlier version does not know has to
meet the bound of the spec by itself.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from relearn.figures import counted

FEWEST_OF_A_CLASS = 25
"""Rows of a class from which its figure decides; the standard error of a share of them is at most a tenth."""
NAME = "changed"
"""Key of this entry in a report's ``champion`` and ``reference``."""


@dataclass(frozen=True, slots=True)
class NewClass:
    """Class that the earlier version does not know.

    Parameters
    ----------
    name
        Label of the class.
    rows
        Held-out rows of it.
    figure
        Name of the figure that has to meet the bound, e.g. ``"recall"``.
    value
        Value of the candidate; None where it is undefined.
    """

    name: str
    rows: int
    figure: str
    value: float | None

    @property
    def is_measured(self) -> bool:
        """Whether its value decides: there are enough rows of it."""
        return self.value is not None and self.rows >= FEWEST_OF_A_CLASS


@dataclass(frozen=True, slots=True)
class ChangedSpec:
    """What a comparison with a version of an earlier spec is about.

    Parameters
    ----------
    candidate
        Metric name to value of the candidate on the compared rows.
    rows, held_out
        Number of compared rows, and of all rows held out.
    columns
        What the earlier version reads otherwise than the candidate, a clause for each column.
    needs
        Columns that the earlier version needs and that some rows lack.
    incomplete
        Number of rows of known classes that are left out because they lack one of these.
    new
        Classes that the earlier version does not know; their rows are left out.
    removed
        Classes that it knows and the spec no longer has.
    """

    candidate: Mapping[str, float]
    rows: int
    held_out: int
    columns: tuple[str, ...] = ()
    needs: tuple[str, ...] = ()
    incomplete: int = 0
    new: tuple[NewClass, ...] = ()
    removed: tuple[str, ...] = ()

    @classmethod
    def from_report(cls, measured: Mapping[str, Any] | None) -> ChangedSpec | None:
        """Read the entry of a report's ``champion`` or ``reference``; None where the spec did not change.

        Raises
        ------
        LookupError, TypeError, ValueError
            The entry is malformed, or a value is not a finite number.
        """
        told = (measured or {}).get(NAME)
        if told is None:
            return None
        new = tuple(
            NewClass(
                str(one["name"]),
                int(one["rows"]),
                str(one["figure"]),
                None if one["value"] is None else _finite(one["value"]),
            )
            for one in told["new"]
        )
        return cls(
            {str(name): _finite(value) for name, value in told["candidate"].items()},
            int(told["rows"]),
            int(told["held_out"]),
            tuple(map(str, told["columns"])),
            tuple(map(str, told["needs"])),
            int(told["incomplete"]),
            new,
            tuple(map(str, told["removed"])),
        )

    def as_dict(self) -> dict[str, Any]:
        """Return the fields as JSON-ready data, as `from_report` reads them."""
        return asdict(self)

    @property
    def doubt(self) -> str:
        """Why a person has to decide although there is a comparison; empty when nobody has to."""
        told = [
            f"{one.name} has {counted(one.rows, 'row')} held out, too few to measure it"
            for one in self.new
            if not one.is_measured
        ]
        if self.incomplete > self.rows:
            told.append("most rows held out are not compared")
        return ", and ".join(told)

    def words(self, version: int) -> str:
        """Describe what was compared, and what was left out, of the earlier ``version``."""
        told = [f"version {version} answers {clause}" for clause in self.columns]
        if self.rows < self.held_out:
            told.insert(0, f"{self.rows:,} of {counted(self.held_out, 'row')} held out are compared")
        told += [
            f"{counted(one.rows, 'row')} of {one.name} left out, which version {version} does not know"
            for one in self.new
        ]
        if self.needs:
            told.append(
                f"{counted(self.incomplete, 'row')} without {' or '.join(self.needs)} left out, which version {version} needs"
            )
        told += [f"{name} is no longer a class" for name in self.removed]
        return "; ".join(told)


def _finite(value: Any) -> float:
    if isinstance(value, bool) or not math.isfinite(number := float(value)):
        raise ValueError(f"{value!r} is not a finite number")
    return number
