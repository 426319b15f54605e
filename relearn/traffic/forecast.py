"""Forecast of what a step of a rollout can find, before it begins."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from itertools import takewhile

from relearn.spec.rollout import Limits
from relearn.traffic.evidence import Counts, Evidence
from relearn.traffic.rollout_evidence import ERRORS_SHARE
from relearn.traffic.rollout_plan import Step

FAULT = 0.1
"""Share of requests at which a candidate fails whose discovery is forecast, beside those at which any version fails."""
USUAL = 0.01
"""Share of requests at which any version is assumed to fail."""
MOST_STEPS = 5
"""Largest number of steps that are described."""
QUANTILES = 20
"""Number of equally probable outcomes of the champion that the forecast is the mean of."""
_NEGLIGIBLE = 1e-12


def words(steps: Sequence[Step]) -> str:
    """Describe what the steps of a rollout can find; empty where no step is judged.

    Parameters
    ----------
    steps
        All steps of the rollout, the promotion too; of more than `MOST_STEPS` the first ones are described.
    """
    judged = [step for step in steps if step.limits is not None]
    return "; ".join(
        f"{step.words}: {limits.requests} requests find a fault of {FAULT:.0%} in "
        f"{100 * found(step.weight, limits, len(judged)):.0f} of 100 cases"
        for step in judged[:MOST_STEPS]
        if (limits := step.limits) is not None
    )


def found(weight: int, limits: Limits, steps: int, fault: float = FAULT, usual: float = USUAL) -> float:
    """Return the probability that a faulty candidate is found by its errors in one look at the step's requests.

    The candidate gets as many requests as the limits ask for, and the champion as many as the step's weight
    gives it then. A step may last longer and be looked at more often, so that it finds no less.

    Parameters
    ----------
    weight
        Share of requests that the candidate answers, in percent; 0 for a shadow.
    limits
        Limits of the step.
    steps
        Number of judged steps in the rollout, at least 1; this one counts as the first.
    fault
        Share of requests that fail at the candidate alone, 0 to 1.
    usual
        Share of requests that fail at any version, 0 to 1.
    """
    mine = limits.requests
    theirs = round(mine * (100 - weight) / weight) if weight else mine
    rate = 1 - (1 - usual) * (1 - fault)
    outcomes = Counter(_quantiles(theirs, usual))
    return (
        math.fsum(
            times * _at_least(_least(limits, steps, Counts(mine, 0, theirs, errors)), mine, rate)
            for errors, times in outcomes.items()
        )
        / QUANTILES
    )


def _least(limits: Limits, steps: int, told: Counts) -> int:
    """Return the smallest number of failures of the candidate that withdraws it; one more than its requests for none."""
    none = Evidence(steps=steps).in_step("forecast")
    low, high = 0, told.requests + 1
    while low < high:
        errors = (low + high) // 2
        counts = replace(told, errors=errors)
        if none.look(counts).exceeds(ERRORS_SHARE * limits.false_alarm) and counts.excess > limits.error_rate:
            high = errors
        else:
            low = errors + 1
    return low


def _quantiles(total: int, rate: float) -> Iterator[int]:
    """Yield the middles of equally probable parts of a binomial distribution."""
    below, errors = _mass(0, total, rate), 0
    for part in range(QUANTILES):
        while below < (part + 0.5) / QUANTILES and errors < total:
            errors += 1
            below += _mass(errors, total, rate)
        yield errors


def _at_least(least: int, total: int, rate: float) -> float:
    """Return the probability of at least so many of ``total`` events of probability ``rate``."""
    if least > total * rate:
        return min(1.0, _sum(_mass(events, total, rate) for events in range(least, total + 1)))
    return max(0.0, 1 - _sum(_mass(events, total, rate) for events in range(least - 1, -1, -1)))


def _sum(falling: Iterable[float]) -> float:
    """Return the sum of falling terms, until they are negligible."""
    kept: Iterator[float] = takewhile(lambda term: term > _NEGLIGIBLE, falling)
    return math.fsum(kept)


def _mass(events: int, total: int, rate: float) -> float:
    """Return a probability of the binomial distribution."""
    if rate in (0, 1):
        return float(events == rate * total)
    logs = math.lgamma(total + 1) - math.lgamma(events + 1) - math.lgamma(total - events + 1)
    return math.exp(logs + events * math.log(rate) + (total - events) * math.log1p(-rate))
