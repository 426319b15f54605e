"""Where versions run and how they come to serve, as a spec says it."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from relearn.errors import SpecError
from relearn.spec import hosting, rollout
from relearn.spec.hosting import Hosting, InLambda, Realtime, Serverless
from relearn.spec.rollout import Canary, Instant, Limits, Rollout, Shadow
from relearn.traffic import rollout_plan
from relearn.traffic.rollout_plan import Step
from relearn.traffic.route import Route

LIMITS = st.builds(
    Limits,
    requests=st.integers(1, 1000),
    shift=st.floats(0, 1),
    false_alarm=st.sampled_from([0.01, 0.05]),
    undecided=st.sampled_from(["promote", "withdraw"]),
)
ROLLOUTS = st.one_of(
    st.builds(Instant),
    st.builds(
        Canary,
        steps=st.lists(st.integers(1, 99), min_size=1, unique=True).map(sorted).map(tuple),
        bake_minutes=st.floats(0, 1440),
        limits=LIMITS,
        max_minutes=st.sampled_from([None, 1440]),
    ),
)
PHASES = st.sampled_from(("shadow", "canary", "promote"))
HOSTINGS = st.one_of(
    st.builds(Serverless, memory_mb=st.sampled_from([1024, 6144]), provisioned=st.integers(0, 10)),
    st.builds(
        Realtime,
        instance=st.sampled_from(["ml.m5.large", "ml.c7g.4xlarge"]),
        minimum=st.integers(1, 2),
        maximum=st.integers(2, 100),
        target_invocations=st.integers(1, 100_000),
        keeps_host=st.booleans(),
    ),
    st.builds(InLambda, memory_mb=st.integers(256, 10_240)),
)


@given(HOSTINGS)
def test_hosting_survives_being_stored_as_json(value: Hosting) -> None:
    assert hosting.from_dict(json.loads(json.dumps(hosting.to_dict(value)))) == value


def test_what_an_earlier_release_wrote_and_reads_names_no_host() -> None:
    """A version's record outlives a release that is put back."""
    assert "keeps_host" not in hosting.to_dict(Serverless())
    assert hosting.from_dict({"type": "serverless"}) == Serverless()


def test_a_model_has_a_host_in_lambda_and_where_its_spec_keeps_one() -> None:
    assert hosting.has_host(InLambda())
    assert hosting.has_host(Serverless(keeps_host=True))
    assert hosting.has_host(Realtime(instance="ml.m5.large", keeps_host=True))
    assert not hosting.has_host(Serverless())
    assert not hosting.has_host(Realtime(instance="ml.m5.large"))


def test_a_burstable_instance_may_be_had_without_scaling() -> None:
    assert not Realtime(instance="ml.t2.medium", minimum=2, maximum=2).scales


@given(ROLLOUTS)
def test_a_rollout_survives_being_stored_as_json(value: Rollout) -> None:
    assert rollout.from_dict(json.loads(json.dumps(rollout.to_dict(value)))) == value


@pytest.mark.parametrize(
    ("field", "make"),
    [
        ("hosting.provisioned", lambda: Serverless(max_concurrency=5, provisioned=6)),
        ("hosting.instance", lambda: Realtime(instance="m5.large")),
        ("hosting.maximum", lambda: Realtime(instance="ml.m5.large", minimum=3, maximum=2)),
        ("hosting.maximum", lambda: Realtime(instance="ml.t2.medium", minimum=1, maximum=2)),
        ("hosting.keeps_host", lambda: Serverless(keeps_host="yes")),  # type: ignore[arg-type]
        ("hosting.keeps_host", lambda: Realtime(instance="ml.m5.large", keeps_host=1)),  # type: ignore[arg-type]
        ("hosting.target_invocations", lambda: Realtime(instance="ml.m5.large", target_invocations=0)),
        ("hosting.memory_mb", lambda: InLambda(memory_mb=128)),
        ("hosting.type", lambda: hosting.from_dict({"type": "container"})),
        ("rollout.steps", lambda: Canary(steps=(50, 10))),
        ("rollout.steps", lambda: Canary(steps=(100,))),
        ("rollout.steps", lambda: Canary(steps=())),
        ("rollout.bake_minutes", lambda: Canary(bake_minutes=-1)),
        ("rollout.limits.latency_ratio", lambda: Limits(latency_ratio=0.5)),
        ("rollout.limits.requests", lambda: Limits(requests=0)),
        ("rollout.limits.false_alarm", lambda: Limits(false_alarm=0)),
        ("rollout.limits.false_alarm", lambda: Limits(false_alarm=0.6)),
        ("rollout.limits.cold_share", lambda: Limits(cold_share=0)),
        ("rollout.limits.cold_seconds", lambda: Limits(cold_seconds=0)),
        ("rollout.limits.flips", lambda: Limits(flips=-0.1)),
        ("rollout.limits.undecided", lambda: Limits(undecided="wait")),  # type: ignore[arg-type]
        ("rollout.max_minutes", lambda: Canary(bake_minutes=5, max_minutes=4)),
        ("shadow.max_minutes", lambda: Shadow(minutes=5, max_minutes=100_000)),
        ("rollout.type", lambda: rollout.from_dict({"type": "sudden"})),
        ("shadow.minutes", lambda: Shadow(minutes=100_000)),
    ],
)
def test_a_mistake_names_the_field(field: str, make: Callable[[], Any]) -> None:
    with pytest.raises(SpecError) as caught:
        make()
    assert caught.value.field == field


def test_a_shadow_goes_before_the_canary_and_the_promotion_is_last() -> None:
    canary, shadow = Canary(steps=(10, 50), bake_minutes=5, max_minutes=7), Shadow(minutes=3)
    assert rollout_plan.plan(canary, shadow, Route(champion=1)) == (
        Step("shadow", 0, 3, shadow.limits, 9),
        Step("canary", 10, 5, canary.limits, 7),
        Step("canary", 50, 5, canary.limits, 7),
        Step("promote"),
    )
    assert rollout_plan.plan(Instant(), None, Route(champion=1)) == (Step("promote"),)


def test_a_step_lasts_three_times_as_long_at_most_unless_the_spec_says_otherwise() -> None:
    assert (Canary(bake_minutes=5).longest_minutes, Shadow(minutes=10).longest_minutes) == (15, 30)
    assert Canary(bake_minutes=1000).longest_minutes == rollout.LONGEST_MINUTES
    assert Canary(bake_minutes=5, max_minutes=5).longest_minutes == 5


def test_an_earlier_release_reads_a_rollout_that_uses_nothing_new() -> None:
    """An artifact outlives a release that is put back."""
    known = {"requests", "error_rate", "latency_ratio", "shift"}
    canary, shadow = rollout.to_dict(Canary()), rollout.shadow_to_dict(Shadow())
    assert shadow is not None
    assert canary.keys() == {"type", "steps", "bake_minutes", "limits"}
    assert shadow.keys() == {"minutes", "limits"}
    assert canary["limits"].keys() == shadow["limits"].keys() == known


def test_the_first_version_has_nobody_to_be_compared_with() -> None:
    assert rollout_plan.plan(Canary(), Shadow(), Route()) == (Step("promote"),)


@given(
    st.builds(Step, PHASES, st.integers(0, 99), st.floats(0, 1440), st.none() | LIMITS, st.floats(0, 1440))
)
def test_a_step_survives_its_json_and_company(step: Step) -> None:
    data = json.loads(json.dumps({**rollout_plan.step_to_dict(step), "revision": 7}))
    assert rollout_plan.step_from_dict(data) == step


def test_a_step_of_a_run_that_is_older_than_minutes_lasts_none() -> None:
    step = rollout_plan.step_from_dict({"phase": "canary", "weight": 10, "limits": None})
    assert step == Step("canary", 10, 0.0, None, 0.0)


@pytest.mark.parametrize(
    ("step", "words", "route"),
    [
        (Step("shadow"), "shadow", Route(3, revision=1, candidate=4, shadow=True)),
        (Step("canary", 10), "canary 10 %", Route(3, revision=1, candidate=4, weight=10)),
    ],
    ids=["shadow", "canary"],
)
def test_a_step_says_what_the_route_is_while_it_lasts(step: Step, words: str, route: Route) -> None:
    assert step.words == words
    assert step.on(Route(3), 4, 3) == route
    assert step.on(route, 4, 3) is route
