"""Judging a version on what it does: what was counted of it, held against the champion's, by the spec's limits.

Latencies are counted in buckets, so that figures of many writers add up; a percentile is the upper bound of
its bucket, a tenth above the true one at most.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from relearn.figures import apart, percents
from relearn.spec.rollout import Limits
from relearn.traffic.answer_shift import shifted
from relearn.traffic.version_stats import Live

SLACK_MS = 20.0
"""A candidate may always be slower by so much: a ratio of two small figures says nothing."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """What `judge` says.

    Parameters
    ----------
    verdict
        ``"pass"``; ``"thin"``: too few requests to tell; ``"breach"``; ``"shift"``: it is sound and answers otherwise than
        the champion, which is a breach unless the champion is to blame.
    reason
        Why, with the figures.
    """

    verdict: Literal["pass", "thin", "breach", "shift"]
    reason: str


def judge(candidate: Live, champion: Live, limits: Limits, baseline: Mapping[str, Any]) -> Verdict:
    """Hold a candidate against the champion.

    Errors are judged however few requests there are, as soon as there are more of them than the limit lets
    pass among as many requests as the step asks for: a candidate that only fails is found at its second request.

    Parameters
    ----------
    candidate, champion
        Counted in the same step.
    limits
        The spec's.
    baseline
        What the target looked like in training, as `training.data.baseline` describes a column: ``counts`` of
        labels, or ``mean`` and ``std``. Answers are held against it where the champion gave none.
    """
    if (failing := fails(candidate, champion, limits)) is not None:
        return Verdict("breach", failing)
    if candidate.requests < limits.requests:
        return Verdict(
            "thin", f"{candidate.requests} requests; at least {limits.requests} are needed to tell"
        )
    if (slower := _slower(candidate, champion, limits)) is not None:
        return Verdict("breach", slower)
    if (shift := shifted(candidate, champion, limits, baseline)) is not None:
        return Verdict("shift", shift)
    return Verdict(
        "pass",
        f"{candidate.requests} requests, {candidate.errors} failed, p95 {candidate.p95_ms:.0f} ms; the champion "
        f"{champion.requests}, {champion.errors}, {champion.p95_ms:.0f} ms",
    )


def fails(candidate: Live, champion: Live, limits: Limits) -> str | None:
    """Say why a candidate fails too often; None when it does not. It may be asked before a step is over.

    One that never answered fails, even where the champion does no better. One failed request alone tells of no rate (any
    connection may break once), unless the limit lets none pass.
    """
    allowed = champion.error_rate + limits.error_rate
    silent = candidate.errors == candidate.requests >= limits.requests
    one_off = 1 if limits.error_rate else 0
    if not silent and candidate.errors <= max(one_off, allowed * max(candidate.requests, limits.requests)):
        return None
    (most,) = percents(allowed, decimals=2)
    return (
        f"{candidate.errors} of {candidate.requests} requests failed; the champion failed at "
        f"{champion.errors} of {champion.requests}, and at most {most} may fail"
    )


def _slower(candidate: Live, champion: Live, limits: Limits) -> str | None:
    if not champion.p95_ms:
        return None
    allowed = max(champion.p95_ms * limits.latency_ratio, champion.p95_ms + SLACK_MS)
    if candidate.p95_ms <= allowed:
        return None
    mine, theirs, most = apart(candidate.p95_ms, champion.p95_ms, allowed, decimals=0)
    return f"p95 of latency {mine} ms against the champion's {theirs} ms; allowed: {most} ms"
