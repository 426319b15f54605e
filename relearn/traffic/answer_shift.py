"""Test whether the answers of a candidate differ from the champion's by more than the spec and chance allow.

`differs` judges a step of a rollout, with a stated probability of a false alarm. `shifted` compares a model that was
fitted again on all rows with its twin, whose answers to the same rows are known.

In a canary the two versions answer different requests, and few of them, so the shares of equal answers differ
by chance alone: by 0.12 with five labels and 50 requests, by 0.26 with twenty labels. The difference expected
by chance is allowed on top of the limit.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from statistics import NormalDist
from typing import TYPE_CHECKING, Any

from relearn.figures import apart
from relearn.spec.rollout import Limits
from relearn.traffic import evidence
from relearn.traffic.evidence import Counts

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


def differs(
    candidate: Live, champion: Live, limits: Limits, baseline: Mapping[str, Any], false_alarm: float
) -> str | None:
    """Describe how a candidate's answers surely differ from the champion's by more than the limit; None otherwise.

    For labels Fisher's exact test of each label (does the candidate give it more often?), by Bonferroni over the
    labels. For values the normal approximation of the difference of two means, each with its own variance (Welch).
    The rows of a request depend on each other, so they count together as one.

    Parameters
    ----------
    candidate, champion
        Statistics of both in the same step.
    limits
        Limits of the spec.
    baseline
        Distribution of the target in training, used where the champion gave no answers.
    false_alarm
        Probability that answers of the same distribution are found to differ, in a single look.
    """
    if candidate.rows:
        return _mean_differs(candidate, champion, limits, baseline, false_alarm)
    theirs = champion.answers or baseline.get("counts") or {}
    mine = candidate.answers
    if not sum(mine.values()) or not sum(theirs.values()):
        return None
    labels = sorted({*mine, *theirs})
    shares = {label: (_share(mine, label), _share(theirs, label)) for label in labels}
    distance = sum(abs(first - second) for first, second in shares.values()) / 2
    if distance <= limits.shift:
        return None
    requests = (_answered(candidate, sum(mine.values())), _answered(champion, sum(theirs.values())))
    least = min(
        evidence.tail(
            Counts(requests[0], int(first * requests[0]), requests[1], math.ceil(second * requests[1]))
        )
        for first, second in shares.values()
    )
    if least > false_alarm / len(labels):
        return None
    told = ", ".join(f"{label} {first:.0%} against {second:.0%}" for label, (first, second) in shares.items())
    found, most = apart(distance, limits.shift, decimals=2)
    return f"answers differ by {found} in their shares; allowed: {most} ({told})"


def _answered(live: Live, rows: int) -> int:
    """Return the number of requests that were answered, at most one a row; the rows where none is counted."""
    answered = live.requests - live.errors
    return min(answered, rows) if answered > 0 else rows


def _mean_differs(
    candidate: Live, champion: Live, limits: Limits, baseline: Mapping[str, Any], false_alarm: float
) -> str | None:
    spread = baseline.get("std")
    theirs = champion if champion.rows else None
    mean = baseline.get("mean") if theirs is None else theirs.mean
    if mean is None or not spread or candidate.mean is None:
        return None
    distance = abs(candidate.mean - mean) / spread
    rows = baseline.get("rows")
    # A sample of training rows varies as they do.
    other = (spread**2 / rows if rows else 0.0) if theirs is None else _squared_error(theirs, spread)
    error = math.sqrt(_squared_error(candidate, spread) + other)
    sure = NormalDist().inv_cdf(1 - false_alarm / 2) * error / spread
    if distance <= limits.shift or distance <= sure:
        return None
    found, most = apart(distance, limits.shift, decimals=2)
    mine, others = apart(candidate.mean, mean, decimals=2)
    return f"the mean answer {mine} is {found} standard deviations from {others}; allowed: {most}"


def _squared_error(live: Live, spread: float) -> float:
    """Return the variance of the mean of a version's values; that of the training data for a single request."""
    requests = _answered(live, live.rows)
    if requests < 2:  # noqa: PLR2004 - one value has no variance
        return spread**2
    mean = live.total / live.rows
    return max(live.squares / live.rows - mean * mean, 0.0) / (requests - 1)


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
