"""A candidate is tried beside the champion, on moto: one that does harm is withdrawn, a good one serves in the end."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from lambdas import wiring
from lambdas.handlers import advance, predict
from lambdas.runtime.catalog import Catalog
from lambdas.runtime.config import Config
from relearn.errors import ConflictError, FrozenRouteError
from relearn.lifecycle.runs import RunState, VersionState
from relearn.naming import resources
from relearn.spec.rollout import Canary, Limits, Shadow
from relearn.traffic.route import Change, Route, freeze, roll_back
from relearn.traffic.version_stats import Live, add, agreement, counted
from tests.moto.test_predict import call
from tests.support.candidates import by
from tests.support.models import FLOWERS, FLOWERS_CSV
from tests.support.wire import Answer
from tests.support.world import STAGE, World, brain

LIMITS = Limits(requests=20, latency_ratio=50)
"""Probes take as long as a busy machine lets them, for either version: only `slow` counts as slow."""
CANARY = Canary(steps=(10, 50), bake_minutes=5, limits=LIMITS)
BY_HAND = Change("by hand", "ann", "to see what happens")
ROSE, TULIP = {"label": "rose", "probabilities": {}}, {"label": "tulip", "probabilities": {}}
Step = dict[str, Any]


@pytest.fixture
def models_catalog(models_catalog: Catalog) -> Catalog:
    return replace(
        models_catalog, specs={**models_catalog.specs, "flowers": replace(FLOWERS, rollout=CANARY)}
    )


@pytest.fixture
def served(world: World) -> World:
    """A stage where version 1 serves, and data has come that makes version 2."""
    world.send(FLOWERS_CSV, "incoming/flowers/0.csv")
    world.run()
    world.notifications()
    world.send(FLOWERS_CSV, "incoming/flowers/1.csv")
    return world


def answers_of(version: int, answer: Callable[[dict[str, Any]], tuple[int, Any]]) -> Any:
    """The container of one version answers so, every other like a healthy one."""

    def answered(endpoint: str, body: dict[str, Any]) -> tuple[int, Any]:
        return answer(body) if endpoint.endswith(f"-v{version}") else brain(endpoint, body)

    return answered


def count(world: World, step: Step, version: int, live: Live, *, times: int = 20) -> None:
    counts = wiring.live_counts(Config.from_env())
    del world
    for _ in range(times):
        counts.count("flowers", step["revision"], version, live)


def route(world: World) -> Route:
    return world.ledger.route("flowers")


def told(world: World) -> list[str]:
    return [one["MessageAttributes"]["kind"]["Value"] for one in world.notifications()]


def weights(world: World) -> list[tuple[str, int]]:
    """The writes of the route, oldest first: what was done, and the candidate's share from then on."""
    history = world.ledger.route_history("flowers", newest=50)
    return [(one.change.what, one.route.weight) for one in reversed(history)]


def test_the_first_version_of_a_model_serves_at_once(world: World) -> None:
    world.send(FLOWERS_CSV)
    assert world.run().state is RunState.PROMOTED
    assert weights(world) == [("promoted", 0)]


def test_a_healthy_candidate_gets_more_step_by_step_and_then_all(served: World) -> None:
    run = served.run()
    assert run.state is RunState.PROMOTED
    assert weights(served)[1:] == [("canary 10 %", 10), ("canary 50 %", 50), ("promoted", 0)]
    assert (route(served).champion, route(served).previous, route(served).candidate) == (2, 1, 0)
    assert list(run.times)[-2:] == ["WATCHING", "PROMOTED"]


def test_a_shadow_goes_before_the_canary(served: World, models_catalog: Catalog) -> None:
    spec = models_catalog.specs["flowers"]
    models_catalog.specs["flowers"] = replace(spec, shadow=Shadow(minutes=1, limits=LIMITS))
    shadowed: list[bool] = []
    served.asked = lambda _step: shadowed.append(route(served).shadow)
    assert served.run().state is RunState.PROMOTED
    assert shadowed[0]
    assert not shadowed[-1]
    assert [what for what, _ in weights(served)[1:]] == ["shadow", "canary 10 %", "canary 50 %", "promoted"]


def errors(_body: dict[str, Any]) -> tuple[int, Any]:
    return 500, {"error": "no"}


def collapsed(body: dict[str, Any]) -> tuple[int, Any]:
    label = {"label": "rose", "probabilities": {"rose": 0.5, "tulip": 0.5}}
    return 200, {"version": 2, "predictions": [label for _ in body["instances"]]}


def fails_from_then_on(world: World, answer: Callable[[dict[str, Any]], tuple[int, Any]]) -> None:
    """Let version 2 pass its smoke test, and answer so once it is tried."""

    def asked(_step: Step) -> None:
        world.sagemaker.brain = answers_of(2, answer)

    world.asked = asked


@pytest.mark.parametrize(
    ("answer", "why"), [(errors, "requests failed"), (collapsed, "answers differ by 0.50 in their shares")]
)
def test_a_candidate_that_does_harm_is_found_by_probes_when_nobody_asks(
    served: World, answer: Callable[[dict[str, Any]], tuple[int, Any]], why: str
) -> None:
    fails_from_then_on(served, answer)
    run = served.run()
    assert run.state is RunState.ROLLED_BACK
    assert run.reason.startswith("canary 10 %: asked what was held out: ")
    assert why in run.reason
    assert weights(served)[1:] == [("canary 10 %", 10), ("withdrawn", 0)]


def twin(**answers: int) -> dict[str, Any]:
    """Report a model fitted again on all rows, and what its twin answered to the probes."""
    return {"twin": {"onnx_sha256": "0", "answers": answers, "rows": 0, "total": 0.0, "squares": 0.0}}


def test_a_model_fitted_again_that_answers_otherwise_than_its_twin_is_found_in_the_first_step(
    served: World,
) -> None:
    served.lies = twin(tulip=60)
    run = served.run()
    assert run.state is RunState.ROLLED_BACK
    assert run.reason.startswith(
        "canary 10 %: against its twin, which was judged, answers differ by 0.50 in their shares; allowed: "
    )


def test_a_model_fitted_again_that_answers_as_its_twin_did_serves(served: World) -> None:
    served.lies = twin(rose=30, tulip=30)
    assert served.run().state is RunState.PROMOTED


def test_a_candidate_answers_each_probe_for_its_twin_in_the_first_step_alone(served: World) -> None:
    """What callers send later may be other rows than those that were held out."""
    asked = Counter[int]()
    steps: list[int] = []

    def answer(body: dict[str, Any]) -> tuple[int, Any]:
        asked[steps[-1]] += 1
        return brain("relearn-test-flowers-v2", body)

    def begun(step: Step) -> None:
        steps.append(step["index"])
        served.sagemaker.brain = answers_of(2, answer)

    served.lies, served.asked, served.repeats = twin(rose=1, tulip=1), begun, 1
    assert served.run().state is RunState.PROMOTED
    assert asked == {0: 1 + LIMITS.requests + len(served.probes), 1: 1 + LIMITS.requests}


def slow(step: Step, world: World) -> None:
    count(world, step, 1, counted([ROSE], 10.0))
    count(world, step, 2, counted([ROSE], 900.0))


def failing(step: Step, world: World) -> None:
    count(world, step, 1, counted([ROSE], 10.0))
    count(world, step, 2, Live(requests=1, errors=1), times=4)


def one_sided(step: Step, world: World) -> None:
    for label in (ROSE, TULIP):
        count(world, step, 1, counted([label], 10.0))
    count(world, step, 2, counted([ROSE], 10.0))


@pytest.mark.parametrize(
    ("harm", "why"),
    [
        (slow, "p95 of latency"),
        (failing, "4 of 4 requests failed"),
        (one_sided, "answers differ by 0.50 in their shares"),
    ],
)
def test_a_candidate_that_does_harm_to_those_who_ask_is_withdrawn_within_the_step(
    served: World, harm: Callable[[Step, World], None], why: str
) -> None:
    served.asked = lambda step: harm(step, served)
    run = served.run()
    assert run.state is RunState.ROLLED_BACK
    assert why in run.reason
    assert weights(served)[1:] == [("canary 10 %", 10), ("withdrawn", 0)]


def reported(better: int, worse: int) -> dict[str, Any]:
    """What a job's report says of the champion, with how the candidate did beside it."""
    duel = {"better": better, "worse": worse}
    return {"champion": {"version": 1, "metrics": {"f1_macro": 0.188}, "duel": duel}}


@pytest.mark.parametrize("ask", [None, one_sided])
def test_a_candidate_that_is_surely_better_and_answers_otherwise_is_withdrawn_and_people_hear_whom_to_look_at(
    served: World, ask: Callable[[Step, World], None] | None
) -> None:
    served.lies = reported(better=36, worse=1)
    if ask is None:
        fails_from_then_on(served, collapsed)
    else:
        served.asked = lambda step: ask(step, served)
    run = served.run()
    assert run.state is RunState.ROLLED_BACK
    assert "look at the champion, version 1" in run.reason
    first, *_, last = served.notifications()
    assert first["MessageAttributes"]["kind"]["Value"] == "doubted"
    assert last["MessageAttributes"]["kind"]["Value"] == "rolled_back"
    assert "look at the champion, version 1" in first["Message"]
    assert "answers differ by 0.50 in their shares" in first["Message"]
    assert "surely better than it at 36 of what was held out, worse at 1" in first["Message"]


def test_answers_that_differ_count_against_a_candidate_that_is_better_by_chance(served: World) -> None:
    served.lies = reported(better=9, worse=3)
    fails_from_then_on(served, collapsed)
    assert served.run().state is RunState.ROLLED_BACK
    assert told(served) == ["rolled_back"]


@pytest.mark.parametrize("harm", [slow, failing])
def test_a_candidate_that_is_surely_better_is_withdrawn_for_any_other_harm(
    served: World, harm: Callable[[Step, World], None]
) -> None:
    served.lies = reported(better=36, worse=1)
    served.asked = lambda step: harm(step, served)
    assert served.run().state is RunState.ROLLED_BACK


def test_one_that_fails_is_withdrawn_before_the_steps_time_is_up(served: World) -> None:
    looks: list[Step] = []

    def asked(step: Step) -> None:
        looks.append(step)
        failing(step, served)

    served.asked = asked
    assert served.run().state is RunState.ROLLED_BACK
    assert len(looks) == 1
    assert looks[0]["wait_seconds"] == 60


def test_a_step_in_which_nobody_asked_lasts_its_maximum_before_probes_are_sent(served: World) -> None:
    looks, probed = Counter[int](), Counter[int]()

    def asked(step: Step) -> None:
        looks[step["index"]] += 1
        served.sagemaker.brain = answers_of(2, lambda body: answered(step, body))

    def answered(step: Step, body: dict[str, Any]) -> tuple[int, Any]:
        probed[looks[step["index"]]] += 1
        return brain("relearn-test-flowers-v2", body)

    served.asked = asked
    assert served.run().state is RunState.PROMOTED
    assert looks == {0: 15, 1: 15}
    assert probed == {15: 2 * (1 + LIMITS.requests)}


def test_a_step_lasts_longer_only_until_enough_was_seen(served: World) -> None:
    looks = Counter[int]()

    def asked(step: Step) -> None:
        looks[step["index"]] += 1
        if looks[step["index"]] == 7:
            healthy(step, served)

    served.asked = asked
    assert served.run().state is RunState.PROMOTED
    assert looks == {0: 7, 1: 7}


def healthy(step: Step, world: World) -> None:
    for version in (1, 2):
        count(world, step, version, counted([ROSE, TULIP], 10.0))


def doubtful(step: Step, world: World) -> None:
    """Two of 22 failed, which the champion's 20 do not show to be more than chance."""
    if (
        step["index"] == 0
        and not wiring.live_counts(Config.from_env()).total("flowers", step["revision"], 2).requests
    ):
        healthy(step, world)
        count(world, step, 2, Live(requests=1, errors=1), times=2)


@pytest.mark.parametrize(
    ("undecided", "ended"), [("promote", RunState.PROMOTED), ("withdraw", RunState.ROLLED_BACK)]
)
def test_of_a_candidate_of_which_too_little_was_seen_becomes_what_the_spec_says(
    served: World, models_catalog: Catalog, undecided: Any, ended: RunState
) -> None:
    rollout = replace(CANARY, limits=replace(LIMITS, undecided=undecided))
    models_catalog.specs["flowers"] = replace(models_catalog.specs["flowers"], rollout=rollout)
    served.asked = lambda step: doubtful(step, served)
    run = served.run()
    assert run.state is ended
    if ended is RunState.ROLLED_BACK:
        assert run.reason.startswith("canary 10 %: too little seen: 2 of 22 requests failed")
        assert run.reason.endswith("the spec says withdraw")


@pytest.mark.parametrize("repeats", [1, 3])
def test_evidence_of_errors_is_kept_over_steps_however_often_they_are_looked_at(
    served: World, repeats: int
) -> None:
    """Four of 60 against 4 of 600 is not enough in either step, but in both together."""
    steps: list[int] = []

    def asked(step: Step) -> None:
        if step["index"] not in steps:
            steps.append(step["index"])
            for version, times, failed in ((1, 600, 4), (2, 60, 4)):
                good = counted([ROSE, TULIP], 10.0)
                wiring.live_counts(Config.from_env()).count(
                    "flowers",
                    step["revision"],
                    version,
                    replace(good, requests=times, errors=failed, latency={25: times - failed}),
                )

    served.asked, served.repeats = asked, repeats
    run = served.run()
    assert (run.state, steps) == (RunState.ROLLED_BACK, [0, 1])
    assert run.reason.startswith("canary 50 %: 4 of 60 requests failed")


def shadowed(served: World, models_catalog: Catalog, flips: int, limits: Limits = LIMITS) -> RunState:
    """Let a shadow answer 60 requests, of which so many otherwise than the champion; gives how the run ended."""
    spec = models_catalog.specs["flowers"]
    models_catalog.specs["flowers"] = replace(spec, shadow=Shadow(minutes=1, limits=limits))
    done: list[int] = []

    def asked(step: Step) -> None:
        if step["phase"] == "shadow" and not done:
            done.append(1)
            same, other = agreement([ROSE], [ROSE]), agreement([TULIP], [ROSE])
            count(served, step, 1, counted([ROSE], 10.0), times=60)
            count(served, step, 2, add(counted([ROSE], 10.0), other), times=flips)
            count(served, step, 2, add(counted([ROSE], 10.0), same), times=60 - flips)

    served.asked = asked
    return served.run().state


@pytest.mark.parametrize(
    ("flips", "why"),
    [
        (60, "not one of 60 answers is the champion's"),
        (40, "66.7% of 60 answers differ from the champion's; the evaluation set predicts 10.0%"),
        (6, ""),
    ],
)
def test_a_shadow_that_differs_more_often_than_the_evaluation_set_predicts_is_withdrawn(
    served: World, models_catalog: Catalog, flips: int, why: str
) -> None:
    told = {
        "rows": 300,
        "flips": 30,
        "classes": {"rose": [300, 30]},
        "distance": 0.0,
        "distance_squares": 0.0,
    }
    reported_champion = reported(better=10, worse=10)["champion"]
    served.lies = {"champion": {**reported_champion, "agreement": told}}
    ended = shadowed(served, models_catalog, flips)
    assert ended is (RunState.ROLLED_BACK if why else RunState.PROMOTED)
    if why:
        assert served.ledger.runs("flowers", newest=1)[0].reason.startswith(f"shadow: {why}")


def test_a_shadow_that_agrees_on_nothing_is_withdrawn_where_nothing_is_predicted(
    served: World, models_catalog: Catalog
) -> None:
    assert shadowed(served, models_catalog, 60) is RunState.ROLLED_BACK


def test_what_the_steps_can_find_is_told_before_they_begin(served: World) -> None:
    reasons: list[str] = []
    served.asked = lambda _step: reasons.append(served.ledger.runs("flowers", newest=1)[0].reason)
    served.run()
    told = "canary 10 %: 20 requests find a fault of 10% in "
    assert told in reasons[0]
    history = {one.change.what: one.change.why for one in served.ledger.route_history("flowers", newest=50)}
    assert told in history["canary 10 %"]


def test_a_withdrawn_version_has_failed_for_the_reason_and_loses_its_endpoint(served: World) -> None:
    fails_from_then_on(served, collapsed)
    run = served.run()
    version = served.ledger.version("flowers", 2)
    assert version is not None
    assert (version.state, version.reason, version.endpoint) == (VersionState.FAILED, run.reason, "")
    assert list(served.sagemaker.endpoints) == ["relearn-test-flowers-v1"]
    assert (route(served).champion, route(served).candidate) == (1, 0)


def test_what_was_rolled_back_is_not_tried_again_with_the_same_data(served: World) -> None:
    fails_from_then_on(served, collapsed)
    run = served.run()
    assert served.states_of() == ["TRAINED", "FAILED"]
    assert served.ledger.lock("flowers") is None
    served.asked = lambda _step: None
    served.sagemaker.brain = brain
    served.send(FLOWERS_CSV, "incoming/flowers/2.csv")
    assert not set(run.uploads) & set(served.run().snapshot)


def test_every_step_may_be_repeated(served: World) -> None:
    served.repeats = 3
    assert served.run().state is RunState.PROMOTED
    assert weights(served)[1:] == [("canary 10 %", 10), ("canary 50 %", 50), ("promoted", 0)]


def test_the_steps_of_a_rollback_may_be_repeated_too(served: World) -> None:
    served.repeats = 3
    fails_from_then_on(served, collapsed)
    assert served.run().state is RunState.ROLLED_BACK
    assert weights(served)[1:] == [("canary 10 %", 10), ("withdrawn", 0)]
    assert told(served) == ["rolled_back"]


def test_a_rollout_keeps_to_the_way_it_was_begun_on(served: World, models_catalog: Catalog) -> None:
    def asked(_step: Step) -> None:
        models_catalog.specs["flowers"] = FLOWERS  # a deployment comes between

    served.asked = asked
    served.run()
    assert [weight for _, weight in weights(served)] == [0, 10, 50, 0]


def test_a_stage_may_have_shorter_steps_than_the_specs_say(
    served: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ROLLOUT_SECONDS", "2")
    advance.rollout_steps.cache_clear()
    waited: list[int] = []
    served.asked = lambda step: waited.append(step["wait_seconds"])
    served.run()
    assert waited == [2, 2]


def move(world: World, new: Callable[[Route], Route]) -> None:
    """Write the route by hand, once, while version 2 is tried."""

    def asked(_step: Step) -> None:
        old = route(world)
        if old.candidate:
            world.ledger.write_route("flowers", old, new(old), {}, BY_HAND)

    world.asked = asked


def test_a_route_that_is_frozen_meanwhile_ends_the_run_and_its_data_waits(served: World) -> None:
    move(served, lambda old: freeze(old, frozen=True))
    run = served.run()
    assert run.state is RunState.FAILED
    assert run.reason.startswith(FrozenRouteError.__name__)
    assert served.states_of() == ["TRAINED", "ACCEPTED"]
    assert [upload.attempts for upload in served.ledger.uploads("flowers")] == [0, 0]
    assert list(served.sagemaker.endpoints) == ["relearn-test-flowers-v1"]


def test_a_rollback_by_hand_ends_the_run(served: World) -> None:
    move(served, lambda old: roll_back(old, to=7))
    run = served.run()
    assert run.state is RunState.FAILED
    assert run.reason.startswith(ConflictError.__name__)
    assert route(served).champion == 7


def test_a_candidate_that_was_withdrawn_by_hand_is_not_tried_any_more(served: World) -> None:
    move(served, lambda old: freeze(replace(freeze(old, frozen=True)), frozen=False))
    run = served.run()
    assert (run.state, route(served).champion) == (RunState.FAILED, 1)
    assert "is no longer tried" in run.reason


def test_a_run_that_breaks_while_its_candidate_is_tried_takes_it_out_of_the_route(served: World) -> None:
    run = served.run(broken="promote")
    assert run.state is RunState.FAILED
    assert (route(served).champion, route(served).candidate, route(served).weight) == (1, 0, 0)
    assert list(served.sagemaker.endpoints) == ["relearn-test-flowers-v1"]


def test_without_probes_of_its_own_a_candidate_is_asked_the_models_sample(served: World) -> None:
    served.probes = ()
    fails_from_then_on(served, errors)
    assert served.run().state is RunState.ROLLED_BACK


@pytest.mark.usefixtures("local_aws")
def test_those_who_ask_meanwhile_get_no_error_of_a_candidate_that_answers_errors(served: World) -> None:
    statuses: list[int] = []

    def asked(_step: Step) -> None:
        predict.predictor.cache_clear()  # it remembers routes for seconds, which are none here
        served.sagemaker.brain = answers_of(2, errors)
        statuses.extend(call(**by(f"caller-{number}"))[0] for number in range(40))

    served.asked = asked
    run = served.run()
    assert run.state is RunState.ROLLED_BACK
    assert "requests failed" in run.reason
    assert "asked what was held out" not in run.reason
    assert set(statuses) == {200}
    assert len(statuses) == 40  # one look was enough


@pytest.mark.usefixtures("local_aws")
def test_a_healthy_candidate_is_judged_by_those_who_ask_it(served: World) -> None:
    versions: set[int] = set()

    def sent(*_: object) -> Answer:
        return 200, {}, b'{"MessageId": "m"}'

    def asked(_step: Step) -> None:
        predict.predictor.cache_clear()
        served.aws.queue_once = [sent] * 100  # moto's queue counts all its messages for each that is sent
        versions.update(call(**by(f"caller-{number}"))[2]["version"] for number in range(100))

    served.asked = asked
    assert served.run().state is RunState.PROMOTED
    assert versions == {1, 2}


@pytest.mark.parametrize(
    ("mode", "ended"),
    [({"type": "serverless"}, RunState.ROLLED_BACK), ({"type": "realtime"}, RunState.PROMOTED)],
    ids=["the same mode", "another mode"],
)
def test_latencies_of_probes_are_compared_only_where_both_versions_run_alike(
    served: World, models_catalog: Catalog, mode: dict[str, Any], ended: RunState
) -> None:
    rollout = replace(CANARY, limits=Limits(requests=20))
    models_catalog.specs["flowers"] = replace(models_catalog.specs["flowers"], rollout=rollout)

    def slowly(body: dict[str, Any]) -> tuple[int, Any]:
        time.sleep(0.2)  # ten times what a candidate may always be slower by
        return brain(resources.endpoint(STAGE, "flowers", 2), body)

    def asked(_step: Step) -> None:
        candidate = served.ledger.version("flowers", 2)
        assert candidate is not None
        served.ledger.change_version(candidate, hosting=mode)
        served.sagemaker.brain = answers_of(2, slowly)

    served.asked = asked
    run = served.run()
    assert (run.state, "p95 of latency" in run.reason) == (ended, ended is RunState.ROLLED_BACK)
