"""Is a candidate surely better than the champion on what both were examined on? Then a disagreement is no fault of its own.

Of the questions that only one of both answered well, each version wins half when they are equally good. By Hoeffding's inequality
("Probability Inequalities for Sums of Bounded Random Variables", 1963) a share of ``half + t`` or more of ``n`` such questions has at
most the chance ``exp(-2 n t^2)``; it holds for every ``n``, and whatever the metric.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

ERROR_RATE = 0.001
"""So often two versions that are equally good may be told apart."""


@dataclass(frozen=True, slots=True)
class Duel:
    """Candidate and champion on the same evaluation set.

    Parameters
    ----------
    better, worse
        Questions that the candidate answered better than the champion, and worse.
    """

    better: int
    worse: int

    @classmethod
    def from_report(cls, report: Mapping[str, Any]) -> Duel | None:
        """Read it from a training job's report; None where nothing was compared, or by a job older than this."""
        told = (report.get("champion") or {}).get("duel")
        return None if told is None else cls(int(told["better"]), int(told["worse"]))

    @property
    def surely_better(self) -> bool:
        """Whether it is no chance that the candidate won, but for `ERROR_RATE`."""
        questions = self.better + self.worse
        if not questions or self.better <= self.worse:
            return False
        lead = self.better / questions - 0.5
        return math.exp(-2 * questions * lead**2) <= ERROR_RATE

    @property
    def words(self) -> str:
        """Say it in words."""
        return f"better than it at {self.better} of what was held out, worse at {self.worse}"
