"""Judging a version on what it does: what was counted of it, held against the champion's, by the spec's limits.

Latencies are counted in buckets, so that figures of many writers add up; a percentile is the upper bound of
its bucket, a tenth above the true one at most.
"""

from __future__ import annotations

import math
from bisect import bisect_left
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, TypeVar

from relearn.figures import apart, percents
from relearn.spec.rollout import Limits
from relearn.traffic.answer_shift import shifted

BOUNDS_MS = tuple(round(1.1**power, 3) for power in range(111))
"""Upper bounds of the buckets of latency, in ms: 1 ms to 35 s."""
SLACK_MS = 20.0
"""A candidate may always be slower by so much: a ratio of two small figures says nothing."""
_PERCENTILE = 0.95
K = TypeVar("K")


@dataclass(frozen=True, kw_only=True, slots=True)
class Live:
    """What was counted of one version in one step.

    Parameters
    ----------
    requests, errors
        How many, and how many of them failed.
    latency
        Bucket (index into `BOUNDS_MS`) to requests.
    answers
        Of a classification: label to rows; of a ranking: basis to rows.
    rows, total, squares
        Of a regression: rows, and the sums of their values and of the squares of these.
    compared, equal, distance
        Of a shadow: rows that both versions answered, how many of these alike, and the sum of their
        distances; see `agreement`.
    """

    requests: int = 0
    errors: int = 0
    latency: Mapping[int, int] = field(default_factory=dict)
    answers: Mapping[str, int] = field(default_factory=dict)
    rows: int = 0
    total: float = 0.0
    squares: float = 0.0
    compared: int = 0
    equal: int = 0
    distance: float = 0.0

    @property
    def error_rate(self) -> float:
        """Share of requests that failed, 0 to 1."""
        return self.errors / self.requests if self.requests else 0.0

    @property
    def p95_ms(self) -> float:
        """The 95th percentile of latency, in ms; 0 when nothing was answered."""
        wanted = _PERCENTILE * sum(self.latency.values())
        seen = 0
        for bucket in sorted(self.latency):
            seen += self.latency[bucket]
            if seen >= wanted:
                return BOUNDS_MS[bucket]
        return 0.0

    @property
    def mean(self) -> float | None:
        """Mean of the values of a regression; None without any."""
        return self.total / self.rows if self.rows else None


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


def bucket(milliseconds: float) -> int:
    """Give the bucket of a latency."""
    return min(bisect_left(BOUNDS_MS, milliseconds), len(BOUNDS_MS) - 1)


def counted(predictions: Iterable[Mapping[str, Any]], milliseconds: float) -> Live:
    """Count one answered request.

    Parameters
    ----------
    predictions
        As the API answers them.
    milliseconds
        How long the model took.
    """
    answers: dict[str, int] = {}
    values: list[float] = []
    for one in predictions:
        if "value" in one:
            values.append(float(one["value"]))
        else:
            answer = str(one["label"] if "label" in one else one["basis"])
            answers[answer] = answers.get(answer, 0) + 1
    return Live(
        requests=1,
        latency={bucket(milliseconds): 1},
        answers=answers,
        rows=len(values),
        total=math.fsum(values),
        squares=math.fsum(value * value for value in values),
    )


def agreement(mine: Iterable[Mapping[str, Any]], theirs: Iterable[Mapping[str, Any]]) -> Live:
    """Count how far two versions' answers to the same instances agree.

    Two answers are alike when they have the same label, the same items in the same order, or the same value: how far
    from it another is depends on the spread of the target, which is not known here. Their distance is the largest difference of a label's probabilities, the
    share of items that only one of them has, or the difference of the values.

    Parameters
    ----------
    mine, theirs
        Predictions of both, in the same order.
    """
    pairs = list(zip(mine, theirs, strict=True))
    return Live(
        compared=len(pairs),
        equal=sum(_alike(*pair) for pair in pairs),
        distance=math.fsum(_distance(*pair) for pair in pairs),
    )


def add(first: Live, second: Live) -> Live:
    """Add what was counted of the same version."""
    return Live(
        requests=first.requests + second.requests,
        errors=first.errors + second.errors,
        latency=_sum(first.latency, second.latency),
        answers=_sum(first.answers, second.answers),
        rows=first.rows + second.rows,
        total=first.total + second.total,
        squares=first.squares + second.squares,
        compared=first.compared + second.compared,
        equal=first.equal + second.equal,
        distance=first.distance + second.distance,
    )


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


def _alike(mine: Mapping[str, Any], theirs: Mapping[str, Any]) -> bool:
    if "value" in mine:
        return bool(mine["value"] == theirs["value"])
    if "label" in mine:
        return bool(mine["label"] == theirs["label"])
    return [one["item"] for one in mine["items"]] == [one["item"] for one in theirs["items"]]


def _distance(mine: Mapping[str, Any], theirs: Mapping[str, Any]) -> float:
    if "value" in mine:
        return abs(float(mine["value"]) - float(theirs["value"]))
    if "label" in mine:
        first, second = mine["probabilities"], theirs["probabilities"]
        return max((abs(first.get(a, 0.0) - second.get(a, 0.0)) for a in {*first, *second}), default=0.0)
    items = [{one["item"] for one in answer["items"]} for answer in (mine, theirs)]
    return len(items[0] ^ items[1]) / (len(items[0] | items[1]) or 1)


def _sum(first: Mapping[K, int], second: Mapping[K, int]) -> dict[K, int]:
    return {key: first.get(key, 0) + second.get(key, 0) for key in first.keys() | second.keys()}
