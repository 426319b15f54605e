"""Judgement of a candidate on live requests, against the champion's statistics and by the spec's limits.

Errors are judged by a sequential test (`relearn.traffic.evidence`) that may be looked at at any time. It has half
of the spec's `false_alarm`, over all steps of the rollout and its probes.

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
from relearn.traffic.evidence import Counts, Evidence
from relearn.traffic.version_stats import Live

SLACK_MS = 20.0
"""Milliseconds by which a candidate may always be slower: a ratio of two small latencies means nothing."""
ERRORS_SHARE = 0.5
"""Share of the spec's `false_alarm` that the test of the errors has; the rest is for the other tests."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """Result of `judge`.

    Parameters
    ----------
    verdict
        ``"healthy"``; ``"harmful"``: a limit is broken, and not by chance; ``"too little seen"``: there are too few
        requests, or more of them failed than the limit allows, which may be chance.
    reason
        Reason, with the figures.
    about
        Subject of harm, or of what may be harm. Of ``"answers"`` the champion may be to blame as well.
    """

    verdict: Literal["healthy", "harmful", "too little seen"]
    reason: str
    about: Literal["errors", "latency", "answers", ""] = ""


def judge(
    candidate: Live, champion: Live, limits: Limits, baseline: Mapping[str, Any], evidence: Evidence
) -> Verdict:
    """Judge a candidate against the champion.

    Parameters
    ----------
    candidate, champion
        Statistics of both in the same step.
    limits
        Limits of the spec.
    baseline
        Distribution of the target in training, as `training.data.baseline` describes a column: ``counts`` of
        labels, or ``mean`` and ``std``. The answers are compared with it where the champion gave none.
    evidence
        Evidence of all steps until now, these statistics included.
    """
    if (failing := fails(candidate, champion, limits, evidence)) is not None:
        return Verdict("harmful", failing, "errors")
    if candidate.requests < limits.requests:
        seen = f"{candidate.requests} requests; at least {limits.requests} are needed to tell"
        return Verdict("too little seen", seen)
    if (slower := _slower(candidate, champion, limits)) is not None:
        return Verdict("harmful", slower, "latency")
    if (shift := shifted(candidate, champion, limits, baseline)) is not None:
        return Verdict("harmful", shift, "answers")
    if candidate.errors > max(1, (champion.error_rate + limits.error_rate) * candidate.requests):
        seen = f"{_failed(candidate, champion, limits)}, but that may be chance"
        return Verdict("too little seen", seen, "errors")
    return Verdict(
        "healthy",
        f"{candidate.requests} requests, {candidate.errors} failed, p95 {candidate.p95_ms:.0f} ms; the champion "
        f"{champion.requests}, {champion.errors}, {champion.p95_ms:.0f} ms",
    )


def counts(candidate: Live, champion: Live) -> Counts:
    """Return the requests and errors of both versions."""
    return Counts(candidate.requests, candidate.errors, champion.requests, champion.errors)


def fails(candidate: Live, champion: Live, limits: Limits, evidence: Evidence) -> str | None:
    """Describe why a candidate fails too often; None when it does not, or not surely.

    It may be called at any time. A candidate is withdrawn that surely fails more often than the champion, and
    by more than the limit. One that only fails is found at its second request where the champion has
    answered a hundred, and at its third where it has answered thirty. A candidate that never answered fails,
    even if the champion does no better.

    Parameters
    ----------
    candidate, champion
        Statistics of both in the same step.
    limits
        Limits of the spec.
    evidence
        Evidence of all steps until now, these statistics included.
    """
    silent = candidate.errors == candidate.requests >= limits.requests
    surely = evidence.exceeds(ERRORS_SHARE * limits.false_alarm)
    if not silent and not (surely and counts(candidate, champion).excess > limits.error_rate):
        return None
    return _failed(candidate, champion, limits)


def _failed(candidate: Live, champion: Live, limits: Limits) -> str:
    (most,) = percents(champion.error_rate + limits.error_rate, decimals=2)
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
