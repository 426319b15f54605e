"""Judgement of a candidate on live requests, against the champion's statistics and by the spec's limits.

Errors and latencies are judged by sequential tests (`relearn.traffic.rollout_evidence`) that may be looked at at any
time. They share the spec's `false_alarm`, over all steps of the rollout and its probes. Cold starts are counted
apart, and have limits of their own.

Latencies are counted in buckets, so that counts of several writers can be added. A percentile is the upper
bound of its bucket, at most a tenth above the true value.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from relearn.figures import apart, percents
from relearn.spec.rollout import Limits
from relearn.traffic.answer_shift import differs
from relearn.traffic.latency import allowed
from relearn.traffic.pairs import Predicted, disagrees
from relearn.traffic.rollout_evidence import (
    ANSWERS_SHARE,
    ERRORS_SHARE,
    LATENCY_SHARE,
    PAIRS_SHARE,
    WAITS_SHARE,
    RolloutEvidence,
    counts,
    own_times,
)
from relearn.traffic.version_stats import Live, p95

LOOKS = 2
"""Largest number of looks at the answers of a step: one at what callers were answered, and one at probes."""


@dataclass(frozen=True, slots=True)
class Baseline:
    """What training says of the answers.

    Parameters
    ----------
    target
        Distribution of the target in training, as `training.data.baseline` describes a column: ``counts`` of
        labels, or ``mean`` and ``std``. The answers are compared with it where the champion gave none.
    predicted
        Agreement of candidate and champion on the evaluation set; None where it is not known.
    """

    target: Mapping[str, Any] = field(default_factory=dict)
    predicted: Predicted | None = None

    @classmethod
    def from_report(cls, report: Mapping[str, Any]) -> Baseline:
        """Read it from a training report."""
        return cls(dict(report.get("baseline") or {}), Predicted.from_report(report))


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
    about: Literal["errors", "latency", "cold starts", "answers", ""] = ""


def judge(
    candidate: Live, champion: Live, limits: Limits, baseline: Baseline, evidence: RolloutEvidence
) -> Verdict:
    """Judge a candidate against the champion.

    Parameters
    ----------
    candidate, champion
        Statistics of both in the same step.
    limits
        Limits of the spec.
    baseline
        What training says of the answers.
    evidence
        Evidence of all steps until now, these statistics included.
    """
    cold = cold_words(candidate), cold_words(champion)
    healthy = Verdict(
        "healthy",
        f"{candidate.requests} requests, {candidate.errors} failed, p95 {candidate.p95_ms:.0f} ms{cold[0]}; the "
        f"champion {champion.requests}, {champion.errors}, {champion.p95_ms:.0f} ms{cold[1]}",
    )
    return next(_found(candidate, champion, limits, baseline, evidence), healthy)


def _found(
    candidate: Live, champion: Live, limits: Limits, baseline: Baseline, evidence: RolloutEvidence
) -> Iterator[Verdict]:
    """Yield the verdicts against a candidate, the gravest first."""
    if (failing := fails(candidate, champion, limits, evidence)) is not None:
        yield Verdict("harmful", failing, "errors")
    if candidate.requests < limits.requests:
        seen = f"{candidate.requests} requests; at least {limits.requests} are needed to tell"
        yield Verdict("too little seen", seen)
    if (cold := _cold(candidate, limits)) is not None:
        yield Verdict("harmful", cold, "cold starts")
    slow = _slow(candidate, champion, limits, evidence)
    if slow is not None and slow.verdict == "harmful":
        yield slow
    if candidate.errors > max(1, (champion.error_rate + limits.error_rate) * candidate.requests):
        seen = f"{_failed(candidate, champion, limits)}, but that may be chance"
        yield Verdict("too little seen", seen, "errors")
    if slow is not None:
        yield slow
    # Last, because these tests hold for a single look: there is no further one at a step that has come so far.
    if (harm := judge_answers(candidate, champion, limits, baseline, evidence.steps)) is not None:
        yield harm


def judge_answers(
    candidate: Live, champion: Live, limits: Limits, baseline: Baseline, steps: int
) -> Verdict | None:
    """Judge the answers of a candidate in a single look at a step; None when they are within the limits.

    Parameters
    ----------
    candidate, champion, limits, baseline
        As for `judge`.
    steps
        Number of judged steps in the rollout, which share the false-alarm rate.
    """
    looks = LOOKS * steps
    pairs_alarm, answers_alarm = (
        share * limits.false_alarm / looks for share in (PAIRS_SHARE, ANSWERS_SHARE)
    )
    differ = disagrees(candidate, baseline.predicted, limits, baseline.target, pairs_alarm)
    if differ is None:
        differ = differs(candidate, champion, limits, baseline.target, answers_alarm)
    return None if differ is None else Verdict("harmful", differ, "answers")


def fails(candidate: Live, champion: Live, limits: Limits, evidence: RolloutEvidence) -> str | None:
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
    surely = evidence.errors.exceeds(ERRORS_SHARE * limits.false_alarm)
    if not silent and not (surely and counts(candidate, champion).excess > limits.error_rate):
        return None
    return _failed(candidate, champion, limits)


def _failed(candidate: Live, champion: Live, limits: Limits) -> str:
    (most,) = percents(champion.error_rate + limits.error_rate, decimals=2)
    return (
        f"{candidate.errors} of {candidate.requests} requests failed; the champion failed at "
        f"{champion.errors} of {champion.requests}, and at most {most} may fail"
    )


def _slow(candidate: Live, champion: Live, limits: Limits, evidence: RolloutEvidence) -> Verdict | None:
    """Return the verdict on a candidate that is slower than allowed; None when it is not.

    The version's own time is held against the limit, without cold starts, and so is the time that callers wait, which has
    the network and queues in it.
    """
    kinds = (
        ("latency", *own_times(candidate, champion), evidence.latency, LATENCY_SHARE),
        ("the time that callers wait", candidate.waits, champion.waits, evidence.waits, WAITS_SHARE),
    )
    doubt = None
    for what, mine, theirs, seen, share in kinds:
        own, other = p95(mine), p95(theirs)
        most = allowed(other, limits.latency_ratio)
        if not other or own <= most:
            continue
        told = apart(own, other, most, decimals=0)
        reason = f"p95 of {what} {told[0]} ms against the champion's {told[1]} ms; allowed: {told[2]} ms"
        if seen.exceeds(share * limits.false_alarm):
            return Verdict("harmful", reason, "latency")
        doubt = doubt or Verdict("too little seen", f"{reason}, but that may be chance", "latency")
    return doubt


def _cold(candidate: Live, limits: Limits) -> str | None:
    """Describe how a candidate's cold starts exceed their limits; None when they do not."""
    if not candidate.cold:
        return None
    share, seconds = candidate.cold / candidate.requests, candidate.cold_seconds / candidate.cold
    if share > limits.cold_share:
        found, most = percents(share, limits.cold_share)
        return f"{found} of {candidate.requests} requests were cold starts; allowed: {most}"
    if seconds > limits.cold_seconds:
        found, most = apart(seconds, limits.cold_seconds, decimals=1)
        return f"cold starts took {found} s in the mean of {candidate.cold}; allowed: {most} s"
    return None


def cold_words(live: Live) -> str:
    """Describe the cold starts of a version; empty without any."""
    if not live.cold:
        return ""
    return f", {live.cold} cold starts of {live.cold_seconds / live.cold:.1f} s"
