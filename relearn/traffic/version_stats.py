"""Statistics of a version's answers: counts of requests, failures, latencies and answers."""

from __future__ import annotations

import math
from bisect import bisect_left
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeVar

from relearn.traffic.timing import Timing

BOUNDS_MS = tuple(round(1.1**power, 3) for power in range(111))
"""Upper bounds of the latency buckets, in milliseconds: 1 ms to 35 s."""


ANSWERS = ("answers", "rows", "total", "squares")
"""Fields of `Live` that describe what was answered: what a training job leaves of a twin, and a rollout reads."""
_PERCENTILE = 0.95


K = TypeVar("K")


@dataclass(frozen=True, kw_only=True, slots=True)
class Live:
    """Statistics of one version in one step of a rollout.

    Parameters
    ----------
    requests, errors
        Number of requests, and how many of them failed.
    latency
        Bucket (index into `BOUNDS_MS`) of the time that the version itself took, to number of requests, without cold
        starts.
    waits
        The same of the time that callers waited for the version, which has the network and queues in it.
    answers
        For a classification, label to rows; for a ranking, basis to rows.
    rows, total, squares
        For a regression: number of rows, sum of their values, and sum of the squared values.
    cold, cold_seconds
        Number of answered requests that were the first of a process (cold starts), and the seconds that their
        callers waited for the version, summed.
    compared, equal, distance, distance_squares
        For a shadow phase: rows that both versions answered, how many of them equally, and the sums of their
        distances and of the squared ones; see `agreement`.
    pairs, flips
        For a shadow phase of a classification: label of the champion to rows that both versions answered, and to those of
        them that the candidate gave another label.
    """

    requests: int = 0
    errors: int = 0
    latency: Mapping[int, int] = field(default_factory=dict)
    waits: Mapping[int, int] = field(default_factory=dict)
    answers: Mapping[str, int] = field(default_factory=dict)
    rows: int = 0
    total: float = 0.0
    squares: float = 0.0
    cold: int = 0
    cold_seconds: float = 0.0
    compared: int = 0
    equal: int = 0
    distance: float = 0.0
    distance_squares: float = 0.0
    pairs: Mapping[str, int] = field(default_factory=dict)
    flips: Mapping[str, int] = field(default_factory=dict)

    @property
    def error_rate(self) -> float:
        """Share of requests that failed, 0 to 1; 0 without requests."""
        return self.errors / self.requests if self.requests else 0.0

    @property
    def p95_ms(self) -> float:
        """The 95th percentile of latency, in milliseconds; 0 without answers."""
        return p95(self.latency)

    @property
    def mean(self) -> float | None:
        """Mean of the values of a regression; None without rows."""
        return self.total / self.rows if self.rows else None


def p95(times: Mapping[int, int]) -> float:
    """Return the 95th percentile of times in buckets, in milliseconds; 0 without any."""
    wanted = _PERCENTILE * sum(times.values())
    seen = 0
    for bucket in sorted(times):
        seen += times[bucket]
        if seen >= wanted:
            return BOUNDS_MS[bucket]
    return 0.0


def bucket(milliseconds: float) -> int:
    """Return the index of the bucket of a latency."""
    return min(bisect_left(BOUNDS_MS, milliseconds), len(BOUNDS_MS) - 1)


def counted(
    predictions: Iterable[Mapping[str, Any]], milliseconds: float, timing: Timing | None = None
) -> Live:
    """Return the statistics of one answered request.

    Parameters
    ----------
    predictions
        Predictions in the form of the API.
    milliseconds
        Time that the caller waited for the version, in milliseconds.
    timing
        Time that the version itself reports, which is its latency; None: it reports none, and its latency is the
        time waited.
    """
    answers: dict[str, int] = {}
    values: list[float] = []
    for one in predictions:
        if "value" in one:
            values.append(float(one["value"]))
        else:
            answer = str(one["label"] if "label" in one else one["basis"])
            answers[answer] = answers.get(answer, 0) + 1
    cold = timing is not None and timing.started
    took = milliseconds if timing is None else timing.milliseconds
    return Live(
        requests=1,
        latency={} if cold else {bucket(took): 1},
        waits={} if cold or timing is None else {bucket(milliseconds): 1},
        cold=int(cold),
        cold_seconds=milliseconds / 1000 if cold else 0.0,
        answers=answers,
        rows=len(values),
        total=math.fsum(values),
        squares=math.fsum(value * value for value in values),
    )


def agreement(mine: Iterable[Mapping[str, Any]], theirs: Iterable[Mapping[str, Any]]) -> Live:
    """Return how far the answers of two versions to the same instances agree.

    Two answers are equal when they have the same label, the same items in the same order, or exactly the same
    value: how close two values are depends on the spread of the target, which is not known here. The distance
    of two answers is the largest difference between the probabilities of a label, the share of items that
    only one of them has, or the absolute difference of the values.

    Parameters
    ----------
    mine, theirs
        Predictions of both versions, in the same order.

    Raises
    ------
    ValueError
        They are not equally many.
    """
    pairs = list(zip(mine, theirs, strict=True))
    distances = [_distance(*pair) for pair in pairs]
    labels = [str(other["label"]) for _, other in pairs if "label" in other]
    flipped = [str(other["label"]) for one, other in pairs if "label" in other and not _alike(one, other)]
    return Live(
        compared=len(pairs),
        equal=sum(_alike(*pair) for pair in pairs),
        distance=math.fsum(distances),
        distance_squares=math.fsum(one * one for one in distances),
        pairs=Counter(labels),
        flips=Counter(flipped),
    )


def add(first: Live, second: Live) -> Live:
    """Return the sum of two statistics of the same version."""
    return Live(
        requests=first.requests + second.requests,
        errors=first.errors + second.errors,
        latency=_sum(first.latency, second.latency),
        waits=_sum(first.waits, second.waits),
        answers=_sum(first.answers, second.answers),
        rows=first.rows + second.rows,
        total=first.total + second.total,
        squares=first.squares + second.squares,
        cold=first.cold + second.cold,
        cold_seconds=first.cold_seconds + second.cold_seconds,
        compared=first.compared + second.compared,
        equal=first.equal + second.equal,
        distance=first.distance + second.distance,
        distance_squares=first.distance_squares + second.distance_squares,
        pairs=_sum(first.pairs, second.pairs),
        flips=_sum(first.flips, second.flips),
    )


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
