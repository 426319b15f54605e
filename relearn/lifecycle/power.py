"""Smallest difference between two versions that an evaluation set can show."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from typing import Any

from relearn.figures import counted
from relearn.lifecycle.comparison import Comparison

POWER = 0.8
"""Probability with which a true difference of the smallest size is found."""


@dataclass(frozen=True, slots=True)
class Power:
    """Smallest difference in the deciding metric that the rows of an evaluation set show.

    Parameters
    ----------
    rows
        Rows, or entities of a ranking.
    smallest
        Smallest true difference that is found with a probability of `POWER`, in units of the metric.
    confidence
        One-sided confidence with which it is found.
    planned
        Whether no version could be compared, so that ``smallest`` is a planning figure: that of two versions
        whose answers have a correlation of one half in each row.
    """

    rows: int
    smallest: float
    confidence: float
    planned: bool = False

    @classmethod
    def of(cls, comparison: Comparison) -> Power:
        """Return what the rows of a comparison showed."""
        return cls(comparison.rows, comparison.smallest, comparison.confidence)

    @classmethod
    def from_dict(cls, told: Mapping[str, Any] | None) -> Power | None:
        """Read what `as_dict` returned; None of nothing.

        Raises
        ------
        LookupError, TypeError, ValueError
            It is malformed.
        """
        if not told:
            return None
        rows, smallest, confidence = int(told["rows"]), float(told["smallest"]), float(told["confidence"])
        if rows < 1 or not (math.isfinite(smallest) and smallest >= 0):
            raise ValueError(f"a difference of {smallest} on {rows} rows")
        return cls(rows, smallest, confidence, bool(told["planned"]))

    def as_dict(self) -> dict[str, Any]:
        """Return the fields as JSON-ready data."""
        return asdict(self)

    def as_planned(self) -> Power:
        """Return it as a planning figure."""
        return replace(self, planned=True)

    @property
    def words(self) -> str:
        """Describe the smallest difference, with the rows and what is assumed."""
        assumed = "; planned: no two versions were compared yet" if self.planned else ""
        return (
            f"{self.smallest:.2g} on {counted(self.rows, 'row')} "
            f"({self.confidence:.0%} sure, found {POWER:.0%} of the time{assumed})"
        )
