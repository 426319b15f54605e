"""Judgement of a candidate on live requests, against the champion's statistics and by the spec's limits.

Latencies are counted in buckets, so that counts of several writers can be added. A percentile is the upper
bound of its bucket, at most a tenth above the true value.
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
"""Milliseconds by which a candidate may always be slower: a ratio of two small latencies means nothing."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """Result of `judge`.

    Parameters
    ----------
    verdict
        ``"pass"``; ``"thin"``: too few requests to judge; ``"breach"``: a limit is broken; ``"shift"``: only
        the answers differ from the champion's by too much, which is a breach unless the champion is to blame.
    reason
        Reason, with the figures.
    """

    verdict: Literal["pass", "thin", "breach", "shift"]
    reason: str


def judge(candidate: Live, champion: Live, limits: Limits, baseline: Mapping[str, Any]) -> Verdict:
    """Judge a candidate against the champion.

    Errors are judged even when there are few requests, as soon as there are more of them than the limit
    allows among the number of requests that the step asks for: a candidate that only fails is found at its
    second request.

    Parameters
    ----------
    candidate, champion
        Statistics of both in the same step.
    limits
        Limits of the spec.
    baseline
        Distribution of the target in training, as `training.data.baseline` describes a column: ``counts`` of
        labels, or ``mean`` and ``std``. The answers are compared with it where the champion gave none.
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
    """Describe why a candidate fails too often; None when it does not.

    It may be called before a step is over. A candidate that never answered fails, even if the champion does
    no better. A single failed request says nothing about a rate (any connection may break once) and is
    allowed, unless the limit is 0.

    Parameters
    ----------
    candidate, champion
        Statistics of both in the same step.
    limits
        Limits of the spec.
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
