"""The steps of a run: asking a person, trying a version, promoting it, closing or failing the run."""

from __future__ import annotations

import hashlib
import json
import threading
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any, cast
from unittest.mock import call, create_autospec

import pytest

from lambdas.aws.dynamo.ledger import Ledger, Task
from lambdas.aws.notify import Notifier
from lambdas.aws.s3.storage import Storage
from lambdas.http import not_serving
from lambdas.rollout.approval_request import ApprovalRequests
from lambdas.rollout.approvals import Approvals
from lambdas.rollout.promotion import Promotion
from lambdas.runs import run_outcome
from lambdas.runs.failure import RunFailure
from lambdas.runs.lifecycle import Runs
from lambdas.runs.retirement import Retirement
from lambdas.runs.smoke_test import SECONDS, SmokeTest
from lambdas.runtime.catalog import Catalog
from lambdas.serving import request_context
from lambdas.serving.backends import Backends
from lambdas.serving.request_context import RequestContext
from relearn.errors import ConflictError, DataError, ModelFailedError, NotFoundError, NotWaitingError
from relearn.lifecycle import approval
from relearn.lifecycle.run_context import RunContext
from relearn.lifecycle.runs import Run, RunState, Version, VersionState
from relearn.naming.resources import Place
from relearn.traffic.route import Change, Route
from relearn.traffic.timing import ModelReply
from tests.support.models import FLOWERS, SAMPLES

NOW = datetime(2026, 5, 4, 10, tzinfo=UTC)
VERSION = Version(model="flowers", version=8, run_id="r", approval=approval.begin(NOW, 72))
TASK = Task("token", "2026-05-04#0000")


@pytest.fixture
def ledger() -> Any:
    return create_autospec(Ledger, instance=True)


# asking a person


@pytest.fixture
def notifier() -> Any:
    return create_autospec(Notifier, instance=True)


@pytest.fixture
def approvals() -> Any:
    return create_autospec(Approvals, instance=True)


@pytest.fixture
def requests(ledger: Any, notifier: Any, approvals: Any) -> ApprovalRequests:
    ledger.version.return_value = VERSION
    ledger.run.return_value = Run(
        run_id="r", model="flowers", state=RunState.AWAITING_APPROVAL, reason="better"
    )
    return ApprovalRequests(ledger=ledger, notifier=notifier, approvals=approvals)


def test_who_may_decide_is_told_how_and_until_when(
    requests: ApprovalRequests, ledger: Any, notifier: Any
) -> None:
    ledger.keep_task.return_value = True
    requests.ask("flowers", 8, TASK)
    assert ledger.keep_task.mock_calls == [call(VERSION, TASK)]
    assert ledger.run.mock_calls == [call("flowers", "r")]
    text = (
        'better\n\nTo decide, type: relearn approve flowers 8, or relearn reject flowers 8 --why "..."\n\n'
        "Or set its approval status in the SageMaker Model Registry.\n\n"
        "Without a decision it is rejected at 2026-05-07T10:00:00.000+00:00."
    )
    assert notifier.tell.mock_calls == [call("waiting", "flowers", "version 8 waits for approval", text)]


def test_a_decision_of_before_the_question_wakes_the_run(
    requests: ApprovalRequests, ledger: Any, approvals: Any
) -> None:
    decided = replace(VERSION, approval=replace(approval.begin(NOW, 72), who="ann"))
    ledger.version.side_effect = [VERSION, decided]
    requests.ask("flowers", 8, TASK)
    assert ledger.version.mock_calls == [call("flowers", 8)] * 2
    assert approvals.wake.mock_calls == [call(decided)]


@pytest.mark.parametrize(("kept", "state"), [(False, VersionState.REGISTERED), (True, VersionState.LIVE)])
def test_nobody_is_told_twice_or_of_what_is_decided(
    requests: ApprovalRequests, ledger: Any, notifier: Any, state: VersionState, *, kept: bool
) -> None:
    ledger.version.return_value = replace(VERSION, state=state)
    ledger.keep_task.return_value = kept
    requests.ask("flowers", 8, TASK)
    notifier.tell.assert_not_called()


def test_a_version_that_nobody_knows_is_not_asked_about(requests: ApprovalRequests, ledger: Any) -> None:
    ledger.version.return_value = None
    with pytest.raises(NotFoundError, match=r"^version 8 of flowers is not in the ledger$"):
        requests.ask("flowers", 8, TASK)


# trying a version


PLACE = Place("relearn-dev-flowers-v8", in_lambda=False)
QUESTIONS = [
    {
        "instance": {"length": 3.0, "width": 1.0},
        "prediction": {"label": "rose", "probabilities": {"rose": 1.0}},
    }
]
ON_RECORD = b"\n".join(json.dumps(one).encode() for one in QUESTIONS)


def answered(*labels: str) -> ModelReply:
    predictions = [{"label": label, "probabilities": {label: 1.0}} for label in labels]
    return ModelReply(json.dumps({"version": 8, "predictions": predictions}).encode())


@pytest.fixture
def storage() -> Any:
    return create_autospec(Storage, instance=True)


@pytest.fixture
def backends() -> Any:
    return create_autospec(Backends, instance=True)


@pytest.fixture
def smoke(ledger: Any, storage: Any, backends: Any) -> SmokeTest:
    ledger.version.return_value = replace(VERSION, answers_sha256=hashlib.sha256(ON_RECORD).hexdigest())
    storage.read.return_value = ON_RECORD
    known = create_autospec(Catalog, instance=True)
    known.samples, known.spec = SAMPLES, lambda model: {"flowers": FLOWERS}[model]
    return SmokeTest(ledger=ledger, storage=storage, backends=backends, catalog=known, lake="lake")


def test_a_version_is_asked_its_sample_and_what_was_answered_in_training(
    smoke: SmokeTest, ledger: Any, storage: Any, backends: Any
) -> None:
    backends.ask.side_effect = [answered("rose", "tulip"), answered("rose")]
    assert smoke.run("flowers", 8, PLACE) == {"predictions": 3}
    asked = [
        json.dumps({"instances": rows}).encode() for rows in (SAMPLES["flowers"], [QUESTIONS[0]["instance"]])
    ]
    assert backends.ask.mock_calls == [call(PLACE, "flowers", 8, body, SECONDS) for body in asked]
    assert ledger.version.mock_calls == [call("flowers", 8)]
    assert storage.read.call_args.args[:2] == ("lake", "reports/flowers/r/answers.jsonl")


def test_a_version_that_answers_otherwise_than_in_training_is_refused(
    smoke: SmokeTest, backends: Any
) -> None:
    backends.ask.side_effect = [answered("rose", "tulip"), answered("tulip")]
    said = r"^version 8 of flowers at relearn-dev-flowers-v8: 1 of 1 answers are not those of the model that was judged"
    with pytest.raises(ModelFailedError, match=said):
        smoke.run("flowers", 8, PLACE)


TWIN_ROWS = 40
REPORT = b'{"baseline": {}}'


def with_twin(storage: Any, ledger: Any, label: str) -> None:
    """Record answers whose twin gave ``label`` each time, and where the deployed version says rose."""
    twin = {"label": label, "probabilities": {"rose": 0.5}}
    lines = b"\n".join(json.dumps({**QUESTIONS[0], "twin": twin}).encode() for _ in range(TWIN_ROWS))
    ledger.version.return_value = replace(VERSION, answers_sha256=hashlib.sha256(lines).hexdigest())
    storage.read.side_effect = lambda _, key, __: lines if key.endswith("answers.jsonl") else REPORT


def test_a_model_fitted_again_that_answers_as_its_twin_does_is_deployed(
    smoke: SmokeTest, ledger: Any, storage: Any, backends: Any
) -> None:
    with_twin(storage, ledger, "rose")
    backends.ask.side_effect = [answered("rose", "tulip"), answered(*["rose"] * TWIN_ROWS)]
    assert smoke.run("flowers", 8, PLACE) == {"predictions": 2 + TWIN_ROWS}


def test_a_model_fitted_again_that_answers_otherwise_than_its_twin_is_refused(
    smoke: SmokeTest, ledger: Any, storage: Any, backends: Any
) -> None:
    with_twin(storage, ledger, "tulip")
    backends.ask.side_effect = [answered("rose", "tulip"), answered(*["rose"] * TWIN_ROWS)]
    said = (
        r"^version 8 of flowers: against its twin, which was judged, answers differ by 1\.00 in their shares; "
        r"allowed: 0\.\d+ \(rose 100% against 0%, tulip 0% against 100%\)$"
    )
    with pytest.raises(ModelFailedError, match=said):
        smoke.run("flowers", 8, PLACE)


def test_a_job_that_left_no_answers_is_tried_on_the_sample_alone(
    smoke: SmokeTest, ledger: Any, storage: Any, backends: Any
) -> None:
    ledger.version.return_value = VERSION
    backends.ask.return_value = answered("rose", "tulip")
    assert smoke.run("flowers", 8, PLACE) == {"predictions": 2}
    storage.read.assert_not_called()


def test_answers_that_changed_since_the_version_was_judged_are_refused(
    smoke: SmokeTest, storage: Any, backends: Any
) -> None:
    backends.ask.return_value = answered("rose", "tulip")
    storage.read.return_value = b"other"
    given, kept = (hashlib.sha256(content).hexdigest() for content in (b"other", ON_RECORD))
    said = f"reports/flowers/r/answers.jsonl has SHA-256 {given}; when it was judged it had {kept}"
    with pytest.raises(DataError, match=said) as caught:
        smoke.run("flowers", 8, PLACE)
    assert caught.value.code == "answers"


def test_a_version_that_nobody_knows_is_not_tried(smoke: SmokeTest, ledger: Any, backends: Any) -> None:
    backends.ask.return_value = answered("rose", "tulip")
    ledger.version.return_value = None
    with pytest.raises(NotFoundError, match=r"^version 8 of flowers is not in the ledger$"):
        smoke.run("flowers", 8, PLACE)


# promoting it


@pytest.fixture
def promotion(ledger: Any) -> Promotion:
    ledger.version.return_value = replace(VERSION, approval=None)
    ledger.run.return_value = Run(
        run_id="r", model="flowers", state=RunState.DEPLOYING, champion_version=7, reason="better"
    )
    ledger.route.return_value = Route(champion=7, previous=6, revision=3)
    return Promotion(ledger=ledger)


def test_a_promotion_moves_the_route_and_both_versions_at_once(promotion: Promotion, ledger: Any) -> None:
    told = promotion.promote("flowers", "r", 8)
    assert told == {"champion": 8, "previous": 7, "revision": ledger.write_route.call_args.args[2].revision}
    steps = {
        8: (VersionState.REGISTERED, VersionState.LIVE),
        7: (VersionState.LIVE, VersionState.PREVIOUS),
    }
    ((model, old, new, moved, change), _) = ledger.write_route.call_args
    assert (model, old, moved) == ("flowers", ledger.route.return_value, steps)
    assert (new.champion, new.previous, change) == (8, 7, Change("promoted", "run r", "better"))
    asked = (ledger.version.mock_calls, ledger.run.mock_calls, ledger.route.mock_calls)
    assert asked == ([call("flowers", 8)], [call("flowers", "r")], [call("flowers")])


def test_the_first_version_has_none_before_it(promotion: Promotion, ledger: Any) -> None:
    ledger.run.return_value = replace(ledger.run.return_value, champion_version=0)
    ledger.route.return_value = Route()
    promotion.promote("flowers", "r", 8)
    assert ledger.write_route.call_args.args[3] == {8: (VersionState.REGISTERED, VersionState.LIVE)}


def test_a_version_that_serves_already_is_promoted_without_a_write(promotion: Promotion, ledger: Any) -> None:
    ledger.route.return_value = Route(champion=8, previous=7, revision=4)
    assert promotion.promote("flowers", "r", 8) == {"champion": 8, "previous": 7, "revision": 4}
    ledger.write_route.assert_not_called()


def test_a_version_that_nobody_approved_yet_is_not_promoted(promotion: Promotion, ledger: Any) -> None:
    ledger.version.return_value = VERSION
    with pytest.raises(NotWaitingError, match="version 8 of flowers waits for a decision"):
        promotion.promote("flowers", "r", 8)
    ledger.write_route.assert_not_called()


# how a run ends


GOOD: dict[str, Any] = {"proceed": True, "data": {"verdict": "pass", "reason": "fine", "tables": ["main"]}}
BETTER = {"verdict": "promote", "reason": "better"}


@pytest.mark.parametrize(
    ("context", "outcome"),
    [
        ({"proceed": False}, (RunState.EMPTY, "nothing was pending any more")),
        (
            {**GOOD, "data": {"verdict": "reject", "reason": "no labels"}},
            (RunState.REJECTED, "before training: no labels"),
        ),
        ({**GOOD, "judgement": BETTER}, (RunState.PROMOTED, "better")),
        ({**GOOD, "judgement": {"verdict": "reject", "reason": "worse"}}, (RunState.REJECTED, "worse")),
        (
            {**GOOD, "judgement": BETTER, "approval": {"verdict": "approve", "reason": "by ann"}},
            (RunState.PROMOTED, "better; by ann"),
        ),
        (
            {**GOOD, "judgement": BETTER, "approval": {"verdict": "reject", "reason": "by ann"}},
            (RunState.REJECTED, "by ann"),
        ),
        (
            {**GOOD, "judgement": BETTER, "watched": {"verdict": "breach", "reason": "slow"}},
            (RunState.ROLLED_BACK, "slow"),
        ),
        (
            {**GOOD, "judgement": BETTER, "watched": {"verdict": "pass", "reason": "sound"}},
            (RunState.PROMOTED, "better"),
        ),
    ],
)
def test_a_run_ends_as_its_execution_shows(context: RunContext, outcome: tuple[RunState, str]) -> None:
    assert run_outcome.outcome_of(context) == outcome


def test_only_the_check_of_its_data_stops_a_run_before_training() -> None:
    rejected, empty = (
        cast("RunContext", context)
        for context in ({"proceed": True, "data": {"verdict": "reject"}}, {"proceed": False})
    )
    assert run_outcome.stopped_by_its_data(rejected)
    assert not run_outcome.stopped_by_its_data(cast("RunContext", GOOD))
    assert not run_outcome.stopped_by_its_data(empty)


def test_a_run_that_fails_is_ended_before_its_candidate_is_removed() -> None:
    runs, retirement = create_autospec(Runs, instance=True), create_autospec(Retirement, instance=True)
    RunFailure(runs=runs, retirement=retirement).fail("flowers", "r", "no capacity")
    assert runs.fail.mock_calls == [call("flowers", "r", "no capacity")]
    assert retirement.retire.mock_calls == [call("flowers")]


def test_a_candidate_that_can_not_be_removed_yet_does_not_keep_a_run_from_ending(
    caplog: pytest.LogCaptureFixture,
) -> None:
    runs, retirement = create_autospec(Runs, instance=True), create_autospec(Retirement, instance=True)
    retirement.retire.side_effect = ConflictError("it is in the making")
    RunFailure(runs=runs, retirement=retirement).fail("flowers", "r", "no capacity")
    (record,) = [record for record in caplog.records if record.name == "lambdas.runs.failure"]
    told = record.__dict__
    assert (record.getMessage(), told["model"], told["run_id"]) == (
        "the sweep will try again",
        "flowers",
        "r",
    )


# what is done beside an answer


def test_what_is_done_beside_an_answer_is_over_when_the_answer_goes() -> None:
    context, done = RequestContext(1.0), []
    context.beside = [lambda: done.append(1), lambda: done.append(2)]
    with context.work_beside():
        pass
    assert (sorted(done), context.uncounted) == ([1, 2], False)


def test_what_fails_beside_an_answer_is_counted_as_lost(caplog: pytest.LogCaptureFixture) -> None:
    def fails() -> None:
        raise OSError("no network")

    context = RequestContext(1.0)
    context.beside = [fails]
    with context.work_beside():
        pass
    assert context.uncounted
    assert caplog.messages == ["what a version did is not counted"]
    assert caplog.records[0].exc_info


def test_what_does_not_end_in_time_is_counted_as_lost(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(request_context, "BESIDE_SECONDS", 0.01)
    end, context = threading.Event(), RequestContext(1.0)

    ends_with_the_process: list[bool] = []

    def waits() -> None:
        ends_with_the_process.append(threading.current_thread().daemon)
        end.wait(60)

    context.beside = [waits]
    with context.work_beside():
        pass
    assert context.uncounted
    end.set()
    assert ends_with_the_process == [True]


# what a model that does not serve waits for


def test_what_a_model_waits_for_is_read_from_its_own_records(ledger: Any) -> None:
    ledger.latest_run.return_value, ledger.uploads.return_value = None, []
    assert (
        str(not_serving.why(ledger, "flowers"))
        == "no version of flowers serves yet; it waits for: the first upload"
    )
    assert (ledger.latest_run.mock_calls, ledger.uploads.mock_calls) == ([call("flowers")], [call("flowers")])
