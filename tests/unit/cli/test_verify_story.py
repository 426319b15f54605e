"""The story of a verification, on a stage in memory that does what it should, or something else."""

from __future__ import annotations

from collections.abc import Callable
from types import SimpleNamespace
from typing import Any, cast

import pytest
from botocore.exceptions import ClientError, NoCredentialsError

from cli.verify import data
from cli.verify.playing import Outcome, play
from cli.verify.sandbox import Sandbox
from cli.verify.story import Story
from relearn.lifecycle.runs import Run, RunState
from relearn.lifecycle.uploads import UploadState
from relearn_client import NotFoundError
from relearn_client.errors import Problem
from tests.support.verified_stage import VerifiedStage, failed

STEPS = [
    *("stage", "upload", "request", "canary", "promoted", "worse", "broken"),
    *("rollback", "batch", "records", "feedback", "endpoint", "alarms"),
]


def told(stage: VerifiedStage) -> list[Outcome]:
    steps = Story(cast("Sandbox", stage)).steps()
    return play(steps, lambda _: None, stage="test", model="verify")


def first_failure(**otherwise: Any) -> Outcome:
    return next(one for one in told(VerifiedStage(**otherwise)) if one.status != "passed")


def denied(*_: Any, **__: Any) -> Any:
    answer: Any = {
        "Error": {"Code": "AccessDenied", "Message": "not authorized to perform: s3:PutObject"},
        "ResponseMetadata": {"RequestId": "4442587FB7D0A2F9"},
    }
    raise ClientError(answer, "PutObject")


def raising(error: BaseException) -> Callable[..., Any]:
    def raised(*_: Any, **__: Any) -> Any:
        raise error

    return raised


def test_every_step_passes_on_a_stage_that_does_what_it_should() -> None:
    found = told(VerifiedStage())
    assert [(one.name, one.status, one.problem) for one in found] == [
        (name, "passed", None) for name in STEPS
    ]


def test_the_data_of_both_models_is_uploaded_before_anything_is_waited_for() -> None:
    stage = VerifiedStage()
    told(stage)
    assert stage.calls[:2] == ["verifyendpoint/weights.csv", "verify/first.csv"]


def test_a_step_says_what_was_answered_and_what_it_cost() -> None:
    upload = told(VerifiedStage())[1]
    assert upload.answer == {
        "upload": "first.csv",
        "run": "r1",
        "state": "PROMOTED",
        "version": 1,
        "metrics": {"accuracy": 1.0},
        "reason": "",
    }
    assert upload.usd == pytest.approx(0.115 + 40 * 0.025 / 1000)


def test_the_answers_of_the_canary_are_counted_by_version() -> None:
    canary = told(VerifiedStage())[3]
    assert canary.answer["route"] == ["canary 50 %", "promoted"]
    assert canary.answer["answered_meanwhile"] == {"version 2": 1}


def test_after_a_step_that_fails_no_other_is_run() -> None:
    stage = VerifiedStage(ended=failed("the job failed"))
    found = told(stage)
    assert [one.status for one in found] == ["passed", "failed", *["not run"] * 11]
    assert stage.asked == {}


def test_an_error_of_aws_is_told_with_its_code_call_request_and_remedy() -> None:
    problem = first_failure(put=denied).problem
    assert problem is not None
    assert (problem.code, problem.operation, problem.request_id) == (
        "AccessDenied",
        "PutObject",
        "4442587FB7D0A2F9",
    )
    assert problem.message == "not authorized to perform: s3:PutObject"
    assert "allow the action" in problem.remedy


def test_an_error_of_aws_in_the_reason_of_a_run_has_its_remedy() -> None:
    reason = "SageMaker.ResourceLimitExceededException: The account-level service limit is 0 Instances"
    outcome = first_failure(ended=failed(reason))
    assert outcome.problem is not None
    assert reason in outcome.problem.message
    assert "relearn doctor" in outcome.problem.remedy


def test_a_failure_without_a_known_error_names_where_to_look() -> None:
    problem = first_failure(ended=failed("odd")).problem
    assert problem is not None
    assert "relearn runs verify" in problem.remedy
    assert "/aws/lambda/relearn-test-*" in problem.remedy


def test_missing_credentials_have_a_remedy() -> None:
    problem = first_failure(put=raising(NoCredentialsError())).problem
    assert problem is not None
    assert "configure credentials" in problem.remedy


def test_an_interruption_ends_the_story_at_its_step() -> None:
    found = told(VerifiedStage(run_of=raising(KeyboardInterrupt())))
    assert [one.status for one in found] == ["passed", "interrupted", *["not run"] * 11]


def test_a_mistake_of_ours_is_a_failure_that_says_so() -> None:
    outcome = first_failure(alarms=raising(KeyError("x")))
    assert (outcome.name, outcome.status) == ("alarms", "failed")
    assert outcome.problem is not None
    assert (outcome.problem.code, "open an issue" in outcome.problem.remedy) == ("KeyError", True)


def test_a_stage_without_the_sandbox_models_is_told_how_to_get_them() -> None:
    outcome = first_failure(model=raising(NotFoundError(Problem(404))))
    assert outcome.name == "stage"
    assert outcome.problem is not None
    assert outcome.problem.message == "the stage has no model verify"
    assert '"verify": true' in outcome.problem.remedy


def _run(run_id: str, state: RunState, version: int = 0) -> Callable[[str, str], Run]:
    def ended(model: str, upload_id: str) -> Run:
        if upload_id == run_id:
            return Run(run_id="r9", model=model, state=state, version=version, reason="why")
        return VerifiedStage().ended(model, upload_id)

    return ended


def _upload(_model: str, upload_id: str) -> Any:
    return SimpleNamespace(upload_id=upload_id, state=UploadState.ACCEPTED, reason="")


MISBEHAVIOUR: dict[str, tuple[str, dict[str, Any], str]] = {
    "the first version is rejected": (
        "upload",
        {"ended": _run("first.csv", RunState.REJECTED)},
        "run r9 of verify is REJECTED: why; expected PROMOTED",
    ),
    "the better version is rolled back": (
        "canary",
        {"ended": _run("better.csv", RunState.ROLLED_BACK)},
        "is ROLLED_BACK: why",
    ),
    "the better version has no higher number": (
        "canary",
        {"ended": _run("better.csv", RunState.PROMOTED, 1)},
        "version 1 is not newer than version 1",
    ),
    "the better version got no share of the requests": (
        "canary",
        {"route": lambda _: SimpleNamespace(revision=3, champion=1, candidate=0, history=())},
        "the route went nowhere",
    ),
    "the worse version is promoted": (
        "worse",
        {"ended": _run("worse.csv", RunState.PROMOTED, 3)},
        "run r9 is PROMOTED: why; expected REJECTED",
    ),
    "a broken file is accepted": ("broken", {"checked": _upload}, "is ACCEPTED"),
    "the batch fails": (
        "batch",
        {
            "batch": lambda _model, name: SimpleNamespace(
                batch=name, ended=True, state="FAILED", reason="no", rows=0
            )
        },
        "batch b1 is FAILED: no",
    ),
    "the batch lacks rows": (
        "batch",
        {"results": lambda _: iter(())},
        "the batch's 0 predictions are not those",
    ),
    "ground truth is not kept": (
        "feedback",
        {"feedback": lambda _, truths: SimpleNamespace(counts={"unknown": len(truths)})},
        "expected accepted",
    ),
    "the endpoint is not in service": (
        "endpoint",
        {"endpoint_status": lambda *_: "Failed"},
        "the endpoint is Failed",
    ),
    "no alarm is deployed": ("alarms", {"alarms": dict}, "the stage has no alarm"),
    "an alarm of the sandbox is raised": (
        "alarms",
        {"alarms": lambda: {"relearn-test-guard-verify-server-errors": "ALARM"}},
        "alarms of the sandbox models are raised: relearn-test-guard-verify-server-errors",
    ),
}


@pytest.mark.parametrize("what", MISBEHAVIOUR)
def test_a_stage_that_does_something_else_fails_the_step(what: str) -> None:
    step, otherwise, message = MISBEHAVIOUR[what]
    outcome = first_failure(**otherwise)
    assert (outcome.name, outcome.status) == (step, "failed")
    assert outcome.problem is not None
    assert message in outcome.problem.message


def test_a_version_that_answers_wrongly_fails_the_request() -> None:
    answering = VerifiedStage()

    def predict(model: str, instances: list[Any]) -> Any:
        return VerifiedStage.predict(answering, model, [{"length": 9.0, "width": 1.0} for _ in instances])

    answering.predict = predict  # type: ignore[method-assign]
    outcome = next(one for one in told(answering) if one.status != "passed")
    assert outcome.name == "request"
    assert outcome.problem is not None
    assert "answers ['large', 'large']; expected ['small', 'large']" in outcome.problem.message


def _rows(content: bytes) -> list[list[str]]:
    return [line.split(",") for line in content.decode().splitlines()[1:]]


def test_the_data_is_the_same_every_time() -> None:
    assert [made() for made in (data.first, data.better, data.worse, data.weights)] == [
        made() for made in (data.first, data.better, data.worse, data.weights)
    ]


def test_the_worse_file_has_as_many_rows_as_the_others_and_the_opposite_labels() -> None:
    right = [*_rows(data.first()), *_rows(data.better())]
    wrong = _rows(data.worse())
    assert len(wrong) == len(right)
    truth = {(float(length) > 5, float(width) > 5): size for length, width, size in right}
    assert all(truth[float(length) > 5, float(width) > 5] != size for length, width, size in wrong)
