"""A version is judged on what it does: errors, latency and answers, held against the champion's."""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import reduce
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from relearn.spec.rollout import Limits
from relearn.traffic import canary, version_stats
from relearn.traffic.canary import Baseline, Verdict
from relearn.traffic.rollout_evidence import RolloutEvidence
from relearn.traffic.timing import Timing
from relearn.traffic.version_stats import Live

LIMITS = Limits(requests=50)
LABELS = ("a", "b", "c")
BASELINE = Baseline({"counts": {"a": 50, "b": 30, "c": 20}})


def of(labels: Sequence[str], milliseconds: float = 10.0, errors: int = 0) -> Live:
    answered = [version_stats.counted([{"label": label}], milliseconds) for label in labels]
    return version_stats.add(
        reduce(version_stats.add, answered, Live()), Live(requests=errors, errors=errors)
    )


def usual(requests: int, milliseconds: float = 10.0, errors: int = 0) -> Live:
    return of([LABELS[place % 3] for place in range(requests)], milliseconds, errors)


def seen(candidate: Live, champion: Live, limits: Limits = LIMITS, steps: int = 2) -> RolloutEvidence:
    """The evidence of one look in the first step of a rollout."""
    return RolloutEvidence.of(steps).in_step("1").look(candidate, champion, limits)


def judged(
    candidate: Live, champion: Live, limits: Limits = LIMITS, baseline: Baseline = BASELINE
) -> Verdict:
    return canary.judge(candidate, champion, limits, baseline, seen(candidate, champion, limits))


def verdict(candidate: Live, champion: Live, baseline: Baseline = BASELINE) -> str:
    return judged(candidate, champion, LIMITS, baseline).verdict


def test_a_candidate_that_does_as_the_champion_does_passes() -> None:
    assert verdict(usual(60), usual(600)) == "healthy"


def test_too_few_requests_tell_nothing() -> None:
    assert verdict(usual(49), usual(600)) == "too little seen"


def test_a_candidate_that_only_fails_is_found_at_its_second_request() -> None:
    assert verdict(Live(requests=1, errors=1), usual(600)) == "too little seen"
    assert verdict(Live(requests=2, errors=2), usual(600)) == "harmful"
    assert judged(Live(requests=2, errors=2), usual(600)).about == "errors"


def test_where_the_champion_was_asked_little_one_that_only_fails_is_found_at_its_third_request() -> None:
    assert verdict(Live(requests=2, errors=2), usual(30)) == "too little seen"
    assert verdict(Live(requests=3, errors=3), usual(30)) == "harmful"


def test_one_failure_alone_is_no_reason() -> None:
    assert verdict(usual(49, errors=1), usual(600)) == "healthy"


def test_more_failures_than_allowed_that_may_be_chance_are_too_little_to_tell() -> None:
    found = judged(usual(47, errors=3), usual(450))
    assert (found.verdict, found.about) == ("too little seen", "errors")
    assert found.reason == (
        "3 of 50 requests failed; the champion failed at 0 of 450, and at most 1.00% may fail, but that may be chance"
    )


def test_failures_that_are_surely_more_than_the_champions_but_within_the_limit_are_borne() -> None:
    several, none = usual(4900, errors=100), usual(45_000)
    assert judged(several, none, Limits(error_rate=0.03)).verdict == "healthy"
    assert judged(several, none, Limits(error_rate=0.01)).verdict == "harmful"


def test_a_candidate_may_fail_as_often_as_the_champion_does() -> None:
    assert verdict(usual(95, errors=5), usual(95, errors=5)) == "healthy"
    assert verdict(usual(85, errors=15), usual(900)) == "harmful"


def test_a_rarer_false_alarm_needs_more_evidence() -> None:
    mine, theirs = usual(95, errors=5), usual(900)
    assert judged(mine, theirs).verdict == "harmful"
    assert judged(mine, theirs, Limits(false_alarm=1e-6)).verdict == "too little seen"


@pytest.mark.parametrize(("milliseconds", "expected"), [(140.0, "healthy"), (300.0, "harmful")])
def test_a_slow_candidate_is_found(milliseconds: float, expected: str) -> None:
    assert verdict(usual(60, milliseconds), usual(600, 100.0)) == expected


def test_a_few_milliseconds_are_no_breach() -> None:
    assert verdict(usual(60, 15.0), usual(600, 2.0)) == "healthy"


def timed(requests: int, own: float, waited: float, cold: int = 0, seconds: float = 3.0) -> Live:
    """Answered requests of a version that reports its own time; some of them started a process."""
    warm = [version_stats.counted([{"label": "a"}], waited, Timing(own)) for _ in range(requests - cold)]
    started = [
        version_stats.counted([{"label": "a"}], 1000 * seconds, Timing(900.0, started=True))
        for _ in range(cold)
    ]
    return reduce(version_stats.add, [*warm, *started])


def test_the_start_of_a_container_is_counted_apart_and_is_no_latency() -> None:
    found = timed(50, own=10.0, waited=40.0, cold=5)
    assert (found.requests, found.cold, found.cold_seconds) == (50, 5, 15.0)
    assert sum(found.latency.values()) == sum(found.waits.values()) == 45
    assert found.p95_ms == pytest.approx(10.0, rel=0.1)


@pytest.mark.parametrize("cold", [0, 3, 5, 25])
def test_cold_starts_are_no_reason_to_withdraw_a_candidate(cold: int) -> None:
    assert verdict(timed(50, 10.0, 40.0, cold), timed(450, 10.0, 40.0, cold // 10)) == "healthy"


def test_cold_starts_are_shown() -> None:
    found = judged(timed(50, 10.0, 40.0, cold=5), timed(450, 10.0, 40.0))
    assert found.reason.startswith(
        "50 requests, 0 failed, p95 11 ms, 5 cold starts of 3.0 s; the champion 450"
    )


def test_cold_starts_have_limits_of_their_own() -> None:
    mine, theirs = timed(50, 10.0, 40.0, cold=10, seconds=8.0), timed(450, 10.0, 40.0)
    share = judged(mine, theirs, Limits(cold_share=0.1))
    assert (share.verdict, share.about) == ("harmful", "cold starts")
    assert share.reason == "20.0% of 50 requests were cold starts; allowed: 10.0%"
    slow = judged(mine, theirs, Limits(cold_seconds=5))
    assert slow.reason == "cold starts took 8.0 s in the mean of 10; allowed: 5.0 s"
    assert judged(mine, theirs, Limits(cold_share=0.2, cold_seconds=8)).verdict == "healthy"


def test_a_version_that_takes_long_by_its_own_time_is_found_though_the_network_takes_longer() -> None:
    found = judged(timed(60, 180.0, 480.0), timed(600, 60.0, 360.0))
    assert (found.verdict, found.about) == ("harmful", "latency")
    assert found.reason.startswith("p95 of latency ")


def test_a_version_before_which_callers_queue_is_found_though_it_is_fast_itself() -> None:
    found = judged(timed(60, 10.0, 900.0), timed(600, 10.0, 40.0))
    assert (found.verdict, found.about) == ("harmful", "latency")
    assert found.reason.startswith("p95 of the time that callers wait ")


def test_where_one_version_reports_no_time_of_its_own_what_callers_wait_is_compared() -> None:
    earlier = Live(requests=600, latency={version_stats.bucket(90.0): 600}, answers={"a": 600})
    assert verdict(timed(60, 10.0, 100.0), earlier) == "healthy"
    assert verdict(earlier, timed(600, 10.0, 100.0)) == "healthy"
    assert verdict(timed(60, 10.0, 900.0), earlier) == "harmful"


def test_a_few_slow_requests_that_may_be_chance_are_too_little_to_tell() -> None:
    mine = version_stats.add(timed(47, 50.0, 80.0), timed(3, 500.0, 530.0))
    found = judged(mine, version_stats.add(timed(436, 50.0, 80.0), timed(14, 500.0, 530.0)))
    assert (found.verdict, found.about) == ("too little seen", "latency")


def test_a_version_without_a_time_of_its_own_is_judged_by_what_callers_wait() -> None:
    found = version_stats.counted([{"label": "a"}], 40.0)
    assert (found.latency, found.waits) == ({version_stats.bucket(40.0): 1}, {})


def test_answers_that_collapse_into_one_are_found() -> None:
    found = judged(of(["a"] * 60), usual(600))
    assert (found.verdict, found.about) == ("harmful", "answers")
    assert "a 100% against 33%" in found.reason


def test_without_the_champions_answers_those_of_training_are_the_measure() -> None:
    assert verdict(of(["a"] * 60), Live()) == "harmful"
    assert verdict(of(["a", "b", "c", "a", "a"] * 12), Live()) == "healthy"


@pytest.mark.parametrize(("shift", "expected"), [(0.1, "healthy"), (3.0, "harmful")])
def test_values_that_move_away_are_found(shift: float, expected: str) -> None:
    def values(at: float) -> Live:
        return reduce(version_stats.add, [version_stats.counted([{"value": at}], 10.0)] * 60)

    baseline = Baseline({"mean": 150.0, "std": 10.0, "rows": 1000})
    assert verdict(values(150.0 + 10 * shift), values(150.0), baseline) == expected
    assert verdict(values(150.0 + 10 * shift), Live(), baseline) == expected


@given(st.lists(st.floats(0.5, 30_000), min_size=1, max_size=60))
def test_the_percentile_is_at_most_a_tenth_above_the_true_one(latencies: list[float]) -> None:
    found = reduce(version_stats.add, [version_stats.counted([{"label": "a"}], one) for one in latencies])
    true = sorted(latencies)[math.ceil(len(latencies) * 95 / 100) - 1]
    assert true <= found.p95_ms <= max(true * 1.1 + 0.001, 1.0)


@given(
    st.lists(st.tuples(st.sampled_from(LABELS), st.floats(1, 1000), st.booleans()), max_size=30), st.randoms()
)
def test_what_many_writers_counted_adds_up_in_any_order(seen: list[Any], random: Any) -> None:
    counted = [
        Live(requests=1, errors=1) if failed else version_stats.counted([{"label": label}], latency)
        for label, latency, failed in seen
    ]
    shuffled = list(counted)
    random.shuffle(shuffled)
    assert reduce(version_stats.add, counted, Live()) == reduce(version_stats.add, shuffled, Live())


def test_labels_agree_when_they_are_the_same_and_are_as_far_apart_as_their_probabilities() -> None:
    mine = [
        {"label": "a", "probabilities": {"a": 0.75, "b": 0.25}},
        {"label": "a", "probabilities": {"a": 1.0}},
    ]
    theirs = [
        {"label": "a", "probabilities": {"a": 0.5, "b": 0.5}},
        {"label": "b", "probabilities": {"b": 1.0}},
    ]
    assert version_stats.agreement(mine, theirs) == Live(
        compared=2, equal=1, distance=1.25, distance_squares=1.0625, pairs={"a": 1, "b": 1}, flips={"b": 1}
    )


def test_rankings_agree_when_the_items_are_the_same_in_the_same_order() -> None:
    def ranked(*items: str) -> dict[str, Any]:
        return {"items": [{"item": item, "score": 1.0} for item in items], "basis": "history"}

    found = version_stats.agreement(
        [ranked("x", "y"), ranked("x", "y"), ranked()], [ranked("x", "y"), ranked("y", "z"), ranked()]
    )
    assert (found.compared, found.equal) == (3, 2)
    assert found.distance == pytest.approx(2 / 3)


def test_values_agree_when_they_are_the_same_however_far_from_zero() -> None:
    mine = [{"value": 1.7e9}, {"value": 2.0}, {"value": 1.5}]
    found = version_stats.agreement(mine, [{"value": 1.7e9 + 0.5}, {"value": 1.5}, {"value": 1.5}])
    assert found == Live(compared=3, equal=1, distance=1.0, distance_squares=0.5)


def test_one_that_never_answered_is_withdrawn_even_where_the_champion_does_no_better() -> None:
    dead = Live(requests=50, errors=50)
    assert judged(dead, dead, Limits(requests=50), Baseline()).verdict == "harmful"


def test_an_answered_request_is_counted_with_its_labels() -> None:
    found = version_stats.counted([{"label": "a"}, {"label": "b", "basis": "x"}, {"label": "a"}], 3.0)
    assert found == Live(requests=1, latency={version_stats.bucket(3.0): 1}, answers={"a": 2, "b": 1})


def test_an_answered_request_is_counted_with_its_values() -> None:
    found = version_stats.counted([{"value": 2}, {"value": "1.5"}], 3.0)
    assert found == Live(requests=1, latency={version_stats.bucket(3.0): 1}, rows=2, total=3.5, squares=6.25)


def test_an_answered_request_of_a_ranking_is_counted_with_its_bases() -> None:
    assert version_stats.counted([{"basis": "history"}], 3.0).answers == {"history": 1}


def test_what_was_counted_of_one_version_adds_up_field_by_field() -> None:
    first = Live(
        requests=1,
        errors=2,
        latency={3: 1},
        answers={"a": 1},
        rows=4,
        total=5.0,
        squares=6.0,
        waits={3: 1},
        cold=2,
        cold_seconds=1.5,
        compared=7,
        equal=8,
        distance=9.0,
        distance_squares=11.0,
        pairs={"a": 5},
        flips={"a": 1},
    )
    second = Live(
        requests=10,
        errors=20,
        latency={3: 1, 4: 2},
        answers={"b": 1},
        rows=40,
        total=50.0,
        squares=60.0,
        waits={4: 2},
        cold=20,
        cold_seconds=15.0,
        compared=70,
        equal=80,
        distance=90.0,
        distance_squares=110.0,
        pairs={"a": 50, "b": 2},
        flips={"b": 2},
    )
    assert version_stats.add(first, second) == Live(
        requests=11,
        errors=22,
        latency={3: 2, 4: 2},
        answers={"a": 1, "b": 1},
        rows=44,
        total=55.0,
        squares=66.0,
        waits={3: 1, 4: 2},
        cold=22,
        cold_seconds=16.5,
        compared=77,
        equal=88,
        distance=99.0,
        distance_squares=121.0,
        pairs={"a": 55, "b": 2},
        flips={"a": 1, "b": 2},
    )


@pytest.mark.parametrize(("milliseconds", "bucket"), [(0.0, 0), (1.0, 0), (1.05, 1), (1.1, 1), (10**9, 110)])
def test_a_latency_is_in_the_first_bucket_that_reaches_it(milliseconds: float, bucket: int) -> None:
    assert version_stats.bucket(milliseconds) == bucket


def test_the_95th_percentile_is_the_bound_that_95_of_100_requests_keep() -> None:
    assert Live(latency={3: 95, 5: 5}).p95_ms == version_stats.BOUNDS_MS[3]
    assert Live(latency={3: 94, 5: 6}).p95_ms == version_stats.BOUNDS_MS[5]
    assert Live().p95_ms == 0.0


def test_shares_and_means_are_of_what_was_counted() -> None:
    assert (Live(requests=4, errors=1).error_rate, Live().error_rate) == (0.25, 0.0)
    assert (Live(rows=4, total=6.0).mean, Live().mean) == (1.5, None)


def test_a_pass_says_how_both_did() -> None:
    found = judged(usual(60), usual(600))
    assert found.reason == "60 requests, 0 failed, p95 11 ms; the champion 600, 0, 11 ms"


def test_what_is_thin_says_how_many_requests_are_missing() -> None:
    found = judged(usual(49), usual(600))
    assert found.reason == "49 requests; at least 50 are needed to tell"
