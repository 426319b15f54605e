"""Comparison of a candidate with the champion on the same rows, and the verdict that its interval allows."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

Verdict = Literal["better", "as good", "no difference seen", "worse"]
"""What an interval says of the candidate."""


@dataclass(frozen=True, slots=True)
class Comparison:
    """Difference of candidate and champion in the deciding metric, as the training job measured it.

    Parameters
    ----------
    difference
        Candidate minus champion, signed so that above 0 the candidate is better, for errors too.
    low, high
        Bounds of the difference, each one-sided at ``confidence``.
    error
        Standard error of the difference.
    smallest
        Smallest true difference that this evaluation set shows with a probability of 0.8.
    confidence
        Confidence of each bound, 0.5 to below 1.
    rows
        Rows, or entities of a ranking, that both answered.
    """

    difference: float
    low: float
    high: float
    error: float
    smallest: float
    confidence: float
    rows: int

    @classmethod
    def from_report(cls, champion: Mapping[str, Any] | None) -> Comparison | None:
        """Read the comparison from a report's ``champion``; None where it has none.

        Raises
        ------
        LookupError, TypeError, ValueError
            The entry is malformed, or its figures contradict each other.
        """
        told = (champion or {}).get("comparison")
        if told is None:
            return None
        names = ("difference", "low", "high", "error", "smallest", "confidence")
        difference, low, high, error, smallest, confidence = (float(told[name]) for name in names)
        found = cls(difference, low, high, error, smallest, confidence, int(told["rows"]))
        ordered = found.low <= found.difference <= found.high and min(error, smallest) >= 0
        if not ordered or not all(map(math.isfinite, (low, high, error, smallest))):
            raise ValueError(f"a difference of {found.difference} from {found.low} to {found.high}")
        return found

    def verdict(self, tolerance: float) -> Verdict:
        """Return what is sure: a lead, that no loss matters, a loss, or nothing.

        A loss that is sure but surely within the tolerance is ``as good``.

        Parameters
        ----------
        tolerance
            Loss that does not matter, in units of the metric, 0 or more.
        """
        if self.low > 0:
            return "better"
        if self.low >= -tolerance:
            return "as good"
        return "worse" if self.high < 0 else "no difference seen"

    def near(self, tolerance: float) -> float:
        """Return by how much a candidate may be behind without a seen difference, in units of the metric.

        It is the standard error, at least one tolerance and at most two: what chance explains, within reason.
        """
        return min(max(tolerance, self.error), 2 * tolerance)

    def words(self, tolerance: float) -> str:
        """Describe the verdict with the figure that supports it."""
        sure = f"({self.confidence:.0%} sure)"
        match self.verdict(tolerance):
            case "better":
                return f"better by at least {self.low:.2g} {sure}"
            case "as good":
                return f"as good: a loss above {tolerance:.2g} is ruled out {sure}"
            case "worse":
                return f"worse by at least {-self.high:.2g} {sure}"
            case _:
                return f"no difference seen; one below {self.smallest:.2g} cannot be seen on so few"
