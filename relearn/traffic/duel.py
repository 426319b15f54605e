"""Test whether a candidate is surely better than the champion on the evaluation set.

If it is, answers that differ from the champion's are no fault of the candidate.

Of the questions that only one of the two answered well, each version wins half when both are equally good. By
Hoeffding's inequality ("Probability Inequalities for Sums of Bounded Random Variables", 1963) the chance of a
share of ``half + t`` or more of ``n`` such questions is at most ``exp(-2 n t^2)``, for every ``n`` and every
metric.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

ERROR_RATE = 0.001
"""Probability, at most, that one of two equally good versions is called surely better."""


@dataclass(frozen=True, slots=True)
class Duel:
    """Paired comparison of candidate and champion on the same evaluation set.

    Parameters
    ----------
    better, worse
        Number of questions that the candidate answered better than the champion, and worse.
    """

    better: int
    worse: int

    @classmethod
    def from_report(cls, report: Mapping[str, Any]) -> Duel | None:
        """Read it from a training report.

        None when nothing was compared, or the report is of an earlier release.
        """
        told = (report.get("champion") or {}).get("duel")
        return None if told is None else cls(int(told["better"]), int(told["worse"]))

    @property
    def surely_better(self) -> bool:
        """Whether the candidate's lead is not chance, with the error rate `ERROR_RATE`."""
        questions = self.better + self.worse
        if not questions or self.better <= self.worse:
            return False
        lead = self.better / questions - 0.5
        return math.exp(-2 * questions * lead**2) <= ERROR_RATE

    @property
    def words(self) -> str:
        """Describe the comparison in words."""
        return f"better than it at {self.better} of what was held out, worse at {self.worse}"
