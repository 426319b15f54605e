"""Test whether the answers of a candidate differ from the champion's by more than the spec and chance allow.

In a canary the two versions answer different requests, and few of them, so the shares of equal answers differ
by chance alone: by 0.12 with five labels and 50 requests, by 0.26 with twenty labels. The difference expected
by chance is allowed on top of the limit.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from relearn.figures import apart
from relearn.spec.rollout import Limits

if TYPE_CHECKING:
    from relearn.traffic.version_stats import Live

STANDARD_ERRORS = 2.0
"""Standard errors by which the means of two samples may differ; chance exceeds it once in twenty."""


def shifted(candidate: Live, champion: Live, limits: Limits, baseline: Mapping[str, Any]) -> str | None:
    """Describe the shift of a candidate's answers from the champion's; None when it is within the limit.

    Parameters
    ----------
    candidate, champion
        Statistics of both in the same step.
    limits
        Limits of the spec.
    baseline
        Distribution of the target in training, used where the champion gave no answers.
    """
    if candidate.rows:
        return _mean_moved(candidate, champion, limits, baseline)
    theirs = champion.answers or baseline.get("counts") or {}
    mine = candidate.answers
    if not sum(mine.values()) or not sum(theirs.values()):
        return None
    pairs = {answer: (_share(mine, answer), _share(theirs, answer)) for answer in sorted({*mine, *theirs})}
    distance = sum(abs(first - second) for first, second in pairs.values()) / 2
    allowed = limits.shift + chance(mine, theirs)
    if distance <= allowed:
        return None
    told = ", ".join(
        f"{answer} {first:.0%} against {second:.0%}" for answer, (first, second) in pairs.items()
    )
    found, most = apart(distance, allowed, decimals=2)
    return f"answers differ by {found} in their shares; allowed: {most} ({told})"


def chance(mine: Mapping[str, int], theirs: Mapping[str, int]) -> float:
    """Return the total variation distance to expect by chance between two samples of the same answers.

    It is half the sum, over the answers, of the mean absolute difference of two shares (for a normal variable
    its standard deviation times the square root of 2/pi), with each share estimated from both samples
    together.

    Parameters
    ----------
    mine, theirs
        Answer to its count, each with a total above 0.
    """
    first, second = sum(mine.values()), sum(theirs.values())
    both = {answer: mine.get(answer, 0) + theirs.get(answer, 0) for answer in {*mine, *theirs}}
    spread = sum(math.sqrt(share * (1 - share)) for share in (n / (first + second) for n in both.values()))
    return spread * math.sqrt(2 / math.pi * (1 / first + 1 / second)) / 2


def _share(counts: Mapping[str, int], answer: str) -> float:
    return counts.get(answer, 0) / sum(counts.values())


def _mean_moved(candidate: Live, champion: Live, limits: Limits, baseline: Mapping[str, Any]) -> str | None:
    rows = champion.rows or baseline.get("rows")
    mean = champion.mean if champion.mean is not None else baseline.get("mean")
    spread = baseline.get("std")
    if mean is None or not spread or candidate.mean is None:
        return None
    distance = abs(candidate.mean - mean) / spread
    allowed = limits.shift + STANDARD_ERRORS * math.sqrt(1 / candidate.rows + (1 / rows if rows else 0))
    if distance <= allowed:
        return None
    found, most = apart(distance, allowed, decimals=2)
    mine, theirs = apart(candidate.mean, mean, decimals=2)
    return f"the mean answer {mine} is {found} standard deviations from {theirs}; allowed: {most}"
