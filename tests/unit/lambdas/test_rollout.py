"""A candidate on its way: its steps, whose answer a caller gets meanwhile, and what is counted of both versions."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any, cast
from unittest.mock import call, create_autospec

import pytest

from lambdas.aws.dynamo.exactly_once import Line, Once
from lambdas.aws.dynamo.ledger import Ledger
from lambdas.aws.dynamo.table import Table
from lambdas.aws.dynamo.version_stats import LiveCounts
from lambdas.aws.fast.shadow_queue import TrialQueue
from lambdas.rollout.steps import RolloutSteps, wait_seconds
from lambdas.runtime.catalog import Catalog
from lambdas.serving.backends import Backends
from lambdas.serving.ledger_cache import VersionCache
from lambdas.serving.recorder import Recorder
from lambdas.serving.request_context import RequestContext
from lambdas.serving.shadow_sampling import Sampler
from lambdas.serving.shadow_trials import Trials
from lambdas.serving.traffic import FAILED, Answer, Traffic
from lambdas.serving.version_client import MODEL_SECONDS, Payload, VersionClient
from relearn.errors import (
    ConflictError,
    FieldError,
    InvalidInstancesError,
    ModelFailedError,
    NotServingError,
    NotWaitingError,
    UnanswerableError,
)
from relearn.lifecycle import approval
from relearn.lifecycle.run_context import RolloutStep
from relearn.lifecycle.runs import Run, RunState, Version
from relearn.naming.resources import Place
from relearn.records import predictions
from relearn.spec.rollout import Canary, Shadow
from relearn.traffic import rollout_plan, shadow_requests, version_stats
from relearn.traffic.rollout_plan import Step
from relearn.traffic.route import Change, Route
from relearn.traffic.shadow_requests import Trial
from relearn.traffic.timing import ModelReply, Timing
from tests.support.models import FLOWERS

NOW = datetime(2026, 5, 4, 10, tzinfo=UTC)
ROSE = {"length": 3.0, "width": 1.0}
OUTPUT = {"label": "rose", "probabilities": {"rose": 1.0}}
QUESTION = Payload(FLOWERS, [ROSE], [(1, b"body")])
CANARY = Route(champion=1, candidate=2, weight=100, revision=3)
SHADOW = Route(champion=1, candidate=2, shadow=True, revision=3)


@pytest.fixture
def counts() -> Any:
    return create_autospec(LiveCounts, instance=True)


# whose answer a caller gets


@pytest.fixture
def client() -> Any:
    found = create_autospec(VersionClient, instance=True)
    found.complete.side_effect = lambda payload, *_: payload
    found.ask.side_effect = lambda _question, _version, context, _seconds: _answer(context)
    return found


def _answer(context: RequestContext) -> list[dict[str, Any]]:
    with context.phase("model"):
        return [OUTPUT]


@pytest.fixture
def queue() -> Any:
    return create_autospec(TrialQueue, instance=True)


@pytest.fixture
def sampler() -> Any:
    return create_autospec(Sampler, instance=True)


@pytest.fixture
def traffic(client: Any, counts: Any, queue: Any, sampler: Any) -> Traffic:
    return Traffic(client=client, counts=counts, queue=queue, sampler=sampler)


@pytest.fixture
def context() -> RequestContext:
    return RequestContext(28.0, clock=lambda: 5.0)


def beside(context: RequestContext) -> None:
    for job in context.beside:
        job()


def failing(client: Any, failed: int, error: Exception) -> None:
    def ask(
        _question: Payload, version: int, context: RequestContext, _seconds: float
    ) -> list[dict[str, Any]]:
        if version == failed:
            raise error
        return _answer(context)

    client.ask.side_effect = ask


def test_without_a_candidate_the_champion_answers_and_nothing_is_counted(
    traffic: Traffic, client: Any, context: RequestContext
) -> None:
    found = traffic.answer(QUESTION, Route(champion=1), "key", context)
    assert found == Answer(1, [ROSE], [OUTPUT])
    assert client.complete.mock_calls == [call(QUESTION, 1, context)]
    assert client.ask.mock_calls == [call(QUESTION, 1, context, MODEL_SECONDS)]
    assert context.beside == []


def test_the_candidate_that_the_route_chooses_answers_and_is_counted(
    traffic: Traffic, client: Any, counts: Any, context: RequestContext
) -> None:
    assert traffic.answer(QUESTION, CANARY, "key", context) == Answer(2, [ROSE], [OUTPUT])
    assert client.ask.mock_calls == [call(QUESTION, 2, context, 10.0)]
    beside(context)
    assert counts.count.mock_calls == [call("flowers", 3, 2, version_stats.counted([OUTPUT], 0.0))]


def test_the_candidate_leaves_the_champion_half_of_the_time(traffic: Traffic, client: Any) -> None:
    late = RequestContext(6.0, clock=lambda: 5.0)
    traffic.answer(QUESTION, CANARY, "key", late)
    assert client.ask.call_args.args[-1] == 3.0


@pytest.mark.parametrize("error", [ModelFailedError("no"), NotServingError("no", 1), TimeoutError("no")])
def test_what_the_candidate_fails_the_champion_answers(
    traffic: Traffic, client: Any, counts: Any, context: RequestContext, error: Exception
) -> None:
    failing(client, 2, error)
    assert traffic.answer(QUESTION, CANARY, "key", context).version == 1
    assert [(one.args[1], one.args[3]) for one in client.ask.mock_calls] == [(2, 10.0), (1, MODEL_SECONDS)]
    beside(context)
    answered = version_stats.counted([OUTPUT], 0.0)
    assert counts.count.mock_calls == [call("flowers", 3, 2, FAILED), call("flowers", 3, 1, answered)]


def test_what_the_candidate_alone_does_not_know_counts_against_it(
    traffic: Traffic, client: Any, counts: Any, context: RequestContext
) -> None:
    failing(client, 2, InvalidInstancesError((FieldError("/instances/0", "unknown"),)))
    assert traffic.answer(QUESTION, CANARY, "key", context).version == 1
    beside(context)
    assert call("flowers", 3, 2, FAILED) in counts.count.mock_calls


def test_what_the_champion_does_not_know_either_is_nobodys_fault(
    traffic: Traffic, client: Any, context: RequestContext
) -> None:
    client.ask.side_effect = InvalidInstancesError((FieldError("/instances/0", "unknown"),))
    with pytest.raises(InvalidInstancesError):
        traffic.answer(QUESTION, CANARY, "key", context)
    assert context.beside == []


def test_a_champion_that_fails_beside_a_candidate_is_counted(
    traffic: Traffic, client: Any, counts: Any, context: RequestContext
) -> None:
    failing(client, 1, ModelFailedError("no"))
    with pytest.raises(ModelFailedError):
        traffic.answer(QUESTION, replace(CANARY, weight=0), "key", context)
    beside(context)
    assert counts.count.mock_calls == [call("flowers", 3, 1, FAILED)]


def test_a_copy_for_the_shadow_carries_the_question_and_the_answer(
    traffic: Traffic, counts: Any, queue: Any, sampler: Any, context: RequestContext
) -> None:
    sampler.take.return_value, queue.send.return_value = True, True
    assert traffic.answer(QUESTION, SHADOW, "key", context).version == 1
    beside(context)
    assert sampler.take.mock_calls == [call("flowers", 3)]
    trial = Trial(
        model="flowers",
        revision=3,
        candidate=2,
        champion=1,
        instances=[ROSE],
        predictions=[OUTPUT],
        milliseconds=0.0,
    )
    assert queue.send.mock_calls == [call(shadow_requests.write(trial))]
    assert (counts.count.mock_calls, context.skipped) == ([], False)


def test_a_copy_that_is_too_large_counts_for_the_champion_alone(
    traffic: Traffic, counts: Any, queue: Any, sampler: Any, context: RequestContext
) -> None:
    sampler.take.return_value, queue.send.return_value = True, False
    traffic.answer(QUESTION, SHADOW, "key", context)
    beside(context)
    assert counts.count.mock_calls == [call("flowers", 3, 1, version_stats.counted([OUTPUT], 0.0))]
    assert context.skipped


def test_what_the_sampler_does_not_take_is_not_copied(
    traffic: Traffic, sampler: Any, context: RequestContext
) -> None:
    sampler.take.return_value = False
    traffic.answer(QUESTION, SHADOW, "key", context)
    assert context.beside == []


# what the shadow would have answered


PLACE = Place("relearn-dev-flowers-v2", in_lambda=False)
TRIAL = Trial(
    model="flowers",
    revision=3,
    candidate=2,
    champion=1,
    instances=[ROSE],
    predictions=[OUTPUT],
    milliseconds=4.0,
)


@pytest.fixture
def backends() -> Any:
    found = create_autospec(Backends, instance=True)
    found.ask.return_value = ModelReply(json.dumps({"version": 2, "predictions": [OUTPUT]}).encode())
    return found


@pytest.fixture
def shadowing(backends: Any, counts: Any) -> Trials:
    versions = create_autospec(VersionCache, instance=True)
    versions.place.side_effect = lambda model, version: {("flowers", 2): PLACE}[model, version]
    known = create_autospec(Catalog, instance=True)
    known.spec = lambda model: {"flowers": FLOWERS}[model]
    return Trials(versions=versions, backends=backends, counts=counts, catalog=known)


def message(name: str, trial: Trial = TRIAL) -> dict[str, str]:
    return {"messageId": name, "body": shadow_requests.write(trial)}


def test_the_shadow_is_asked_what_the_champion_was(shadowing: Trials, backends: Any, counts: Any) -> None:
    assert shadowing.take([message("m1")]).told() == {"batchItemFailures": []}
    body = b'{"instances":[{"length":3.0,"width":1.0}]}'
    assert backends.ask.mock_calls == [call(PLACE, "flowers", 2, body, MODEL_SECONDS)]
    (of_candidate, of_champion) = counts.count.mock_calls
    (model, revision, version, done) = of_candidate.args
    assert (model, revision, version) == ("flowers", 3, 2)
    assert (done.requests, done.errors, done.compared, done.equal, done.answers) == (1, 0, 1, 1, {"rose": 1})
    assert of_champion == call("flowers", 3, 1, version_stats.counted([OUTPUT], 4.0))


@pytest.mark.parametrize(
    "error", [ModelFailedError("no"), TimeoutError(), UnanswerableError((FieldError("/instances/0", "no"),))]
)
def test_a_shadow_without_an_answer_has_failed_once(
    shadowing: Trials, backends: Any, counts: Any, error: Exception
) -> None:
    backends.ask.side_effect = error
    shadowing.take([message("m1")])
    assert counts.count.mock_calls[0] == call("flowers", 3, 2, FAILED)


def test_a_shadow_that_had_just_been_started_is_counted_apart_and_so_is_the_champion(
    shadowing: Trials, backends: Any, counts: Any
) -> None:
    backends.ask.return_value = backends.ask.return_value._replace(timing=Timing(900.0, started=True))
    shadowing.take([message("m1", replace(TRIAL, own_milliseconds=900.0, started=True))])
    done = [one.args[-1] for one in counts.count.mock_calls]
    assert [(one.requests, one.cold, dict(one.latency)) for one in done] == [(1, 1, {})] * 2


def test_the_trials_of_one_step_are_counted_in_one_write(shadowing: Trials, counts: Any) -> None:
    later = replace(TRIAL, revision=4)
    shadowing.take([message("m1"), message("m2"), message("m3", later)])
    counted = {(one.args[1], one.args[2]): one.args[3].requests for one in counts.count.mock_calls}
    assert counted == {(3, 2): 2, (3, 1): 2, (4, 2): 1, (4, 1): 1}
    assert len(counts.count.mock_calls) == 4


def test_the_trials_that_could_not_be_counted_come_again(
    shadowing: Trials, counts: Any, caplog: pytest.LogCaptureFixture
) -> None:
    counts.count.side_effect = TimeoutError("busy")
    told = shadowing.take([message("m1"), {"messageId": "m2", "body": "{"}]).told()
    assert told == {"batchItemFailures": [{"itemIdentifier": "m1"}, {"itemIdentifier": "m2"}]}
    assert sorted(caplog.messages) == ["counting 1 trials of flowers failed", "message m2 failed"]
    assert {record.levelname for record in caplog.records} == {"WARNING"}


# the steps of a rollout


SPEC = replace(
    FLOWERS,
    shadow=Shadow(minutes=10),
    rollout=Canary(steps=(10, 50), bake_minutes=5),
)


@pytest.fixture
def ledger() -> Any:
    found = create_autospec(Ledger, instance=True)
    found.version.return_value = Version(model="flowers", version=2)
    found.route.return_value = Route(champion=1, revision=3)
    found.run.return_value = Run(
        run_id="r", model="flowers", state=RunState.DEPLOYING, champion_version=1, reason="better"
    )
    found.move_run.side_effect = lambda run, state, reason: replace(run, state=state, reason=reason)
    return found


def rollout_steps(ledger: Any, seconds: int | None = None) -> RolloutSteps:
    known = create_autospec(Catalog, instance=True)
    known.spec = lambda model: {"flowers": SPEC}[model]
    return RolloutSteps(ledger=ledger, catalog=known, seconds=seconds, clock=lambda: NOW)


def test_the_first_step_asks_the_shadow(ledger: Any) -> None:
    step = rollout_steps(ledger).advance("flowers", "r", 2, None)
    plan = rollout_plan.plan(SPEC.rollout, SPEC.shadow, Route(champion=1))
    ((model, old, new, steps, change), _) = ledger.write_route.call_args
    assert (model, old, steps) == ("flowers", ledger.route.return_value, {})
    assert (new.candidate, new.shadow, new.weight) == (2, True, 0)
    finds = "requests find a fault of 10% in"
    why = (
        f"better; shadow: 50 {finds} 1 of 100 cases; canary 10 %: 50 {finds} 35 of 100 cases; "
        f"canary 50 %: 50 {finds} 1 of 100 cases"
    )
    assert change == Change("shadow", "run r", why)
    assert ledger.move_run.mock_calls == [call(ledger.run.return_value, RunState.WATCHING, why)]
    assert step == {
        "steps": [rollout_plan.step_to_dict(one) for one in plan],
        "index": 0,
        "phase": "shadow",
        "weight": 0,
        "limits": rollout_plan.step_to_dict(plan[0])["limits"],
        "revision": new.revision,
        "began": NOW.isoformat(),
        "wait_seconds": 60,
        "until": (NOW + timedelta(minutes=10)).isoformat(),
        "longest": (NOW + timedelta(minutes=30)).isoformat(),
    }
    read = (ledger.version.mock_calls, ledger.route.mock_calls, ledger.run.mock_calls)
    assert read == ([call("flowers", 2)], [call("flowers")], [call("flowers", "r")])


def test_the_next_step_gives_the_candidate_its_share(ledger: Any) -> None:
    first = rollout_steps(ledger).advance("flowers", "r", 2, None)
    ledger.route.return_value = ledger.write_route.call_args.args[2]
    ledger.run.return_value = replace(ledger.run.return_value, state=RunState.WATCHING)
    ledger.move_run.reset_mock()
    ledger.version.reset_mock()
    second = rollout_steps(ledger).advance("flowers", "r", 2, first)
    assert (second["index"], second["phase"], second["weight"]) == (1, "canary", 10)
    assert ledger.write_route.call_args.args[-1] == Change("canary 10 %", "run r", "better")
    assert (ledger.move_run.mock_calls, ledger.version.mock_calls) == ([], [])


def test_a_version_is_counted_with_its_own_time_beside_what_the_caller_waited(
    traffic: Traffic, counts: Any, context: RequestContext
) -> None:
    context.timing = Timing(3.0)
    traffic.answer(QUESTION, CANARY, "key", context)
    beside(context)
    (found,) = [one.args[-1] for one in counts.count.mock_calls]
    assert found.latency == {version_stats.bucket(3.0): 1}
    assert found.waits == {version_stats.bucket(0.0): 1}


def test_a_step_that_is_begun_twice_writes_nothing(ledger: Any) -> None:
    first = rollout_steps(ledger).advance("flowers", "r", 2, None)
    ledger.route.return_value = ledger.write_route.call_args.args[2]
    ledger.write_route.reset_mock()
    again = rollout_steps(ledger).advance("flowers", "r", 2, None)
    assert again == first
    ledger.write_route.assert_not_called()


def test_who_was_promoted_by_hand_has_gone_the_rest_of_its_way(ledger: Any) -> None:
    steps = [
        rollout_plan.step_to_dict(one) for one in (Step("canary", 10), Step("canary", 50), Step("promote"))
    ]
    ledger.route.return_value = Route(champion=2, previous=1, revision=9)
    before = cast("RolloutStep", {"steps": steps, "index": 0})
    step = rollout_steps(ledger).advance("flowers", "r", 2, before)
    assert (step["index"], step["phase"], step["revision"]) == (2, "promote", 9)
    ledger.write_route.assert_not_called()


@pytest.mark.parametrize(
    ("seconds", "wait", "minutes"), [(0, 0, 0.0), (30, 30, 0.5), (61, 31, 61 / 60), (36_000, 600, 600.0)]
)
def test_a_step_is_looked_at_every_minute_and_sixty_times_at_most(
    ledger: Any, seconds: int, wait: int, minutes: float
) -> None:
    step = rollout_steps(ledger, seconds).advance("flowers", "r", 2, None)
    assert step["wait_seconds"] == wait
    assert step["until"] == step["longest"] == (NOW + timedelta(minutes=minutes)).isoformat()


def test_a_step_that_may_last_long_is_looked_at_less_often() -> None:
    assert [wait_seconds(300, longest, 3) for longest in (300, 3_600, 86_400)] == [60, 60, 1440]
    assert wait_seconds(0, 600, 3) == 10


def test_a_version_that_nobody_approved_yet_takes_no_step(ledger: Any) -> None:
    ledger.version.return_value = Version(model="flowers", version=2, approval=approval.begin(NOW, 1))
    with pytest.raises(NotWaitingError):
        rollout_steps(ledger).advance("flowers", "r", 2, None)
    ledger.write_route.assert_not_called()


# the records of predictions


@pytest.fixture
def once() -> Any:
    return create_autospec(Once, instance=True)


@pytest.fixture
def table() -> Any:
    return create_autospec(Table, instance=True)


AT = "2026-05-04T10:00:00.000+00:00"
EXPIRES = predictions.expires_at(NOW)
RECORD = {"id": "i1", "model": "flowers", "at": AT, "version": 3, "outputs": [OUTPUT, OUTPUT]}


def records(*several: dict[str, Any]) -> list[dict[str, str]]:
    return [{"messageId": f"m{at}", "body": json.dumps(one)} for at, one in enumerate(several)]


def test_the_records_of_one_day_are_placed_together(once: Any, table: Any) -> None:
    next_day = {**RECORD, "at": "2026-05-05T10:00:00.000+00:00"}
    (first, second, third) = records(RECORD, next_day, RECORD)
    assert Recorder(once, table).take([first, second, third]).told() == {"batchItemFailures": []}
    attributes = {"rows": 2, "at": AT, "version": 3, "expires_at": EXPIRES}
    pk = predictions.partition("flowers", "i1")
    line = Line(pk, predictions.RECORD, first["body"].encode(), attributes)
    (today, tomorrow) = once.place.mock_calls
    assert today == call([line, line], predictions.predictions_folder("flowers", NOW))
    assert tomorrow.args[1] == predictions.predictions_folder("flowers", NOW + timedelta(days=1))


def test_a_record_that_lies_in_the_lake_already_is_only_remembered(once: Any, table: Any) -> None:
    there = {"id": "i1", "model": "flowers", "at": AT, "version": 3, "rows": 7, "object": "key"}
    table.write.side_effect = ConflictError("the message came before")
    assert Recorder(once, table).take(records(there)).told() == {"batchItemFailures": []}
    (written,) = table.write.call_args.args
    assert (written.pk, written.sk) == (predictions.partition("flowers", "i1"), predictions.RECORD)
    expected = {"rows": 7, "at": AT, "version": 3, "expires_at": EXPIRES, "object": "key"}
    assert written.item == expected
    once.place.assert_not_called()


def test_records_that_could_not_be_placed_come_again_together(
    once: Any, table: Any, caplog: pytest.LogCaptureFixture
) -> None:
    once.place.side_effect = TimeoutError("busy")
    told = Recorder(once, table).take([*records(RECORD, RECORD), {"messageId": "bad", "body": "{"}]).told()
    assert [one["itemIdentifier"] for one in told["batchItemFailures"]] == ["bad", "m0", "m1"]
    folder = predictions.predictions_folder("flowers", NOW)
    assert caplog.messages == ["message bad failed", f"2 records for {folder} failed"]
    assert {record.levelname for record in caplog.records} == {"ERROR"}
