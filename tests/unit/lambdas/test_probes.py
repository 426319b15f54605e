"""A candidate and the champion are asked the same, and judged by what they answer."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from lambdas.rollout.probes import ROUNDS, Measure, Pair, Prober
from relearn.errors import FieldError, ModelFailedError, UnanswerableError
from relearn.lifecycle.runs import Version
from relearn.naming.resources import Place
from relearn.spec.rollout import Limits
from relearn.traffic.canary import Baseline, Verdict
from relearn.traffic.rollout_evidence import RolloutEvidence
from relearn.traffic.timing import ModelReply
from relearn.traffic.version_stats import Live
from tests.support.models import FLOWERS

PAIR = Pair(
    Version(model="flowers", version=2, endpoint="two"), Version(model="flowers", version=1, endpoint="one")
)
ROWS = [{"length": 1.0, "width": 1.0}, {"length": 9.0, "width": 1.0}, {"length": 2.0, "width": 1.0}]
MEASURE = Measure(Limits(requests=10), Baseline(), RolloutEvidence.of(1).in_step("1"))


class Clock:
    """Seconds that pass when an endpoint takes them."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


class Endpoints:
    """Two containers: each takes its time, and may fail at some questions."""

    error: Exception = ModelFailedError("no")
    swaps = ""

    def __init__(self, clock: Clock, seconds: dict[str, float], fails: Callable[[str, int], bool]) -> None:
        self.clock, self.seconds, self.fails = clock, seconds, fails
        self.asked: dict[str, list[Any]] = {"one": [], "two": []}

    def ask(self, place: Place, model: str, version: int, body: bytes, seconds: float) -> ModelReply:
        del model, version, seconds
        endpoint = place.name
        self.asked[endpoint].append(json.loads(body)["instances"])
        self.clock.now += self.seconds[endpoint]
        if self.fails(endpoint, len(self.asked[endpoint])):
            raise self.error
        (instance,) = self.asked[endpoint][-1]
        label = "rose" if (instance["length"] < 5) is (endpoint != self.swaps) else "tulip"
        prediction = {"label": label, "probabilities": {"rose": 0.5, "tulip": 0.5}}
        return ModelReply(json.dumps({"predictions": [prediction]}).encode())


def of(
    *, one: float = 0.01, two: float = 0.01, fails: Callable[[str, int], bool] = lambda *_: False
) -> Endpoints:
    return Endpoints(Clock(), {"one": one, "two": two}, fails)


def judged(
    endpoints: Endpoints, left: Callable[[], float] = lambda: 100.0, measure: Measure = MEASURE
) -> Verdict:
    prober = Prober(backends=endpoints, clock=endpoints.clock)  # type: ignore[arg-type]
    return prober.judge(FLOWERS, PAIR, ROWS, measure, left).verdict


def test_both_are_asked_the_same_as_often_as_the_step_needs() -> None:
    endpoints = of()
    assert judged(endpoints).verdict == "healthy"
    assert endpoints.asked["one"] == endpoints.asked["two"]
    assert len(endpoints.asked["one"]) == 1 + 10


@pytest.mark.parametrize(("two", "verdict"), [(0.01, "healthy"), (0.02, "healthy"), (0.1, "harmful")])
def test_a_slow_one_is_found(two: float, verdict: str) -> None:
    assert judged(of(two=two)).verdict == verdict


@pytest.mark.parametrize(
    "error", [ModelFailedError("no"), UnanswerableError((FieldError("/instances/0", "not finite"),))]
)
def test_one_that_fails_is_asked_no_further(error: Exception) -> None:
    endpoints = of(fails=lambda endpoint, _: endpoint == "two")
    endpoints.error = error
    found = judged(endpoints, measure=replace(MEASURE, limits=Limits(requests=20)))
    assert (found.verdict, len(endpoints.asked["two"])) == ("harmful", 1 + 10)
    assert found.reason.startswith(
        "asked what was held out: 10 of 10 requests failed; the champion failed at 0 of 10"
    )


def test_probes_begin_with_the_evidence_of_the_step() -> None:
    endpoints = of(fails=lambda endpoint, _: endpoint == "two")
    seen = MEASURE.evidence.look(Live(requests=40, errors=2), Live(requests=360), MEASURE.limits)
    prober = Prober(backends=endpoints, clock=endpoints.clock)  # type: ignore[arg-type]
    found = prober.judge(FLOWERS, PAIR, ROWS, replace(MEASURE, evidence=seen), lambda: 100.0)
    assert (found.verdict.verdict, len(endpoints.asked["two"])) == ("harmful", 1 + 3)
    assert found.evidence.errors.log > seen.errors.log


def test_the_start_of_a_version_is_no_latency_of_its_probes() -> None:
    endpoints = of()

    def starts(endpoint: str, number: int) -> bool:
        endpoints.clock.now += 9.0 * (endpoint == "two" and number == 1)
        return False

    endpoints.fails = starts
    assert judged(endpoints).verdict == "healthy"


def test_a_candidate_that_answers_no_row_as_the_champion_is_found_though_its_shares_are_the_same() -> None:
    rows = [{"length": length, "width": 1.0} for length in (1.0, 9.0) * 15]
    endpoints = of()
    endpoints.swaps = "two"
    prober = Prober(backends=endpoints, clock=endpoints.clock)  # type: ignore[arg-type]
    measure = replace(MEASURE, limits=Limits(requests=30))
    found = prober.judge(FLOWERS, PAIR, rows, measure, lambda: 100.0).verdict
    assert (found.verdict, found.about) == ("harmful", "answers")
    assert found.reason.startswith("asked what was held out: 100.0% of 30 answers differ from the champion's")


def test_a_slow_one_is_asked_again_before_it_is_withdrawn() -> None:
    endpoints = of(two=0.1)
    assert judged(endpoints).about == "latency"
    assert len(endpoints.asked["two"]) == 1 + 10 * ROUNDS


def against_twin(endpoints: Endpoints, answers: dict[str, int], left: float = 100.0) -> str | None:
    prober = Prober(backends=endpoints, clock=endpoints.clock)  # type: ignore[arg-type]
    twin = Live(answers=answers)
    return prober.against_twin(FLOWERS, PAIR.candidate, twin, ROWS * 20, MEASURE, left=lambda: left)


def test_a_candidate_that_answers_as_its_twin_did_is_within_its_limits() -> None:
    endpoints = of()
    assert against_twin(endpoints, {"rose": 40, "tulip": 20}) is None
    assert (len(endpoints.asked["two"]), endpoints.asked["one"]) == (60, [])


def test_a_candidate_that_answers_otherwise_than_its_twin_did_is_found() -> None:
    found = against_twin(of(), {"tulip": 60})
    assert found is not None
    assert found.startswith("against its twin, which was judged, answers differ by 0.67 in their shares")


def test_without_time_left_one_question_is_held_against_the_twin() -> None:
    endpoints = of()
    against_twin(endpoints, {"rose": 40, "tulip": 20}, left=0.0)
    assert len(endpoints.asked["two"]) == 1


def test_what_is_seen_only_once_may_be_the_machines_fault() -> None:
    found = judged(of(fails=lambda endpoint, number: endpoint == "two" and number in {3, 4}))
    assert found.verdict == "too little seen"


def test_a_candidate_that_never_answers_does_not_pass_because_the_champion_is_no_better() -> None:
    assert judged(of(fails=lambda *_: True)).verdict == "harmful"


def test_without_time_left_the_slow_are_judged_by_fewer_questions() -> None:
    endpoints = of(one=40.0, two=40.0)
    assert judged(endpoints, lambda: 280.0 - endpoints.clock.now).verdict == "healthy"
    assert len(endpoints.asked["two"]) == 1 + 3
