"""What a step of a rollout can find is told before it begins, and is what happens."""

from __future__ import annotations

import numpy as np
import pytest

from relearn.spec.rollout import Canary, Instant, Limits, Shadow
from relearn.traffic import canary, forecast, rollout_plan
from relearn.traffic.rollout_evidence import RolloutEvidence
from relearn.traffic.route import Route
from relearn.traffic.version_stats import Live


def test_every_judged_step_says_what_it_can_find() -> None:
    steps = rollout_plan.plan(Canary(), Shadow(limits=Limits(requests=500)), Route(champion=1))
    assert forecast.words(steps) == (
        "shadow: 500 requests find a fault of 10% in 100 of 100 cases; "
        "canary 10 %: 50 requests find a fault of 10% in 35 of 100 cases; "
        "canary 50 %: 50 requests find a fault of 10% in 1 of 100 cases"
    )


def test_a_rollout_without_judged_steps_says_nothing() -> None:
    assert forecast.words(rollout_plan.plan(Instant(), None, Route(champion=1))) == ""


def test_of_many_steps_the_first_ones_are_described() -> None:
    steps = rollout_plan.plan(Canary(steps=tuple(range(1, 100))), None, Route(champion=1))
    assert forecast.words(steps).count("find a fault") == forecast.MOST_STEPS


@pytest.mark.parametrize(("weight", "requests"), [(10, 50), (10, 100), (50, 100)])
def test_a_fault_is_found_as_often_as_forecast(weight: int, requests: int) -> None:
    limits, generator, cases = Limits(requests=requests), np.random.default_rng(0), 2000
    champion = round(requests * (100 - weight) / weight)
    found = 0
    for _ in range(cases):
        failed = int(generator.binomial(requests, 1 - 0.99 * 0.9))
        mine, theirs = (
            Live(requests=requests, errors=failed),
            Live(requests=champion, errors=int(generator.binomial(champion, 0.01))),
        )
        seen = RolloutEvidence.of(2).in_step("1").look(mine, theirs, limits)
        found += canary.fails(mine, theirs, limits, seen) is not None
    assert forecast.found(weight, limits, 2) == pytest.approx(found / cases, abs=0.04)


def test_more_requests_find_more() -> None:
    shares = [forecast.found(10, Limits(requests=requests), 2) for requests in (1, 20, 50, 100, 300, 5_000)]
    assert shares == sorted(shares)
    assert shares[0] < 0.01
    assert shares[-1] > 0.99


def test_a_larger_false_alarm_rate_finds_more() -> None:
    assert forecast.found(10, Limits(false_alarm=0.1), 2) > forecast.found(10, Limits(), 2)


def test_errors_within_the_limit_are_not_found_however_many_requests_there_are() -> None:
    assert forecast.found(10, Limits(requests=20_000, error_rate=0.2), 2) < 0.01


def test_the_forecast_is_of_the_champions_usual_errors() -> None:
    assert forecast.found(10, Limits(), 2, usual=0.05) < forecast.found(10, Limits(), 2, usual=0.0)
