"""What a verification reads of a stage, and how long it waits."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any, cast

import pytest
from botocore.exceptions import ClientError

from cli.stage.target import Choice, Target
from cli.verify.remedies import UnexpectedError
from cli.verify.sandbox import Sandbox
from relearn.lifecycle.runs import Run, RunState
from relearn.lifecycle.uploads import UploadState
from relearn_client import Client
from tests.support.cli_stage import REGION, CliStage

START = datetime(2026, 5, 4, 10, 0, tzinfo=UTC)


@pytest.fixture
def target(cli_stage: CliStage) -> Target:
    del cli_stage
    return Choice(stage="test", region=REGION, profile=None, local_file=None).target()


def sandbox(
    target: Target, *, clock: Callable[[], float] = lambda: 0.0, told: list[str] | None = None
) -> Sandbox:
    said = told if told is not None else []
    api = cast("Client", None)
    return Sandbox(
        target=target, api=api, tell=said.append, patience_seconds=9, clock=clock, sleep=lambda _: None
    )


class Service:
    """Answers any call of an AWS client with data, or with its error."""

    def __init__(self, answer: Any) -> None:
        self.answer = answer
        self.asked: list[tuple[str, dict[str, Any]]] = []

    def __getattr__(self, name: str) -> Any:
        def call(**given: Any) -> Any:
            self.asked.append((name, given))
            if isinstance(self.answer, Exception):
                raise self.answer
            return self.answer

        return call

    def get_paginator(self, name: str) -> Any:
        service = self

        class Pages:
            def paginate(self, **given: Any) -> list[Any]:
                return [getattr(service, name)(**given)]

        return Pages()


def answering(target: Target, monkeypatch: pytest.MonkeyPatch, answer: Any) -> Service:
    service = Service(answer)
    monkeypatch.setattr(target, "client", lambda _: service)
    return service


DENIED = ClientError({"Error": {"Code": "AccessDenied"}}, "Describe")
RUN = Run(run_id="r1", model="verify", state=RunState.PROMOTED)


def test_what_does_not_come_in_time_is_an_error_that_names_it(target: Target) -> None:
    seconds = iter([0.0, 9.5])
    with pytest.raises(UnexpectedError, match=r"not seen within 9 s: the end of the world"):
        sandbox(target, clock=lambda: next(seconds)).wait("the end of the world", lambda: None)


def test_what_is_waited_for_is_told(target: Target) -> None:
    told: list[str] = []
    seen = iter([None, "there"])
    assert sandbox(target, told=told).wait("it", lambda: next(seen)) == "there"
    assert told == ["it"]


def test_a_file_is_put_where_uploads_arrive(cli_stage: CliStage, target: Target) -> None:
    upload_id = sandbox(target).put("verify", "first.csv", b"a,b\n")
    body = cli_stage.s3.get_object(Bucket=cli_stage.uploads, Key="incoming/verify/first.csv")["Body"].read()
    assert (len(upload_id), body) == (32, b"a,b\n")


def test_the_run_of_an_upload_is_returned_once_it_has_ended(cli_stage: CliStage, target: Target) -> None:
    upload = cli_stage.upload("incoming/verify/first.csv", model="verify", state=UploadState.TRAINED)
    run = Run(run_id="r1", model="verify", started_at=START.isoformat(), uploads=(upload.upload_id,))
    cli_stage.ledger.create_run(run)
    meanwhile: list[str] = []

    def during() -> None:
        found = cli_stage.ledger.run("verify", "r1")
        meanwhile.append(found.state.value)
        cli_stage.ledger.move_run(found, RunState.FAILED, "no data")

    found = sandbox(target).run_of("verify", upload.upload_id, during)
    assert (found.state, found.reason, meanwhile) == (RunState.FAILED, "no data", ["DEBOUNCING"])


def test_an_upload_that_is_refused_has_no_run_to_wait_for(cli_stage: CliStage, target: Target) -> None:
    upload = cli_stage.upload("a", model="verify", state=UploadState.QUARANTINED, reason="empty: no rows")
    with pytest.raises(UnexpectedError, match="is QUARANTINED: empty: no rows"):
        sandbox(target).run_of("verify", upload.upload_id)


def test_a_training_job_is_billed_from_its_start_to_its_end(
    target: Target, monkeypatch: pytest.MonkeyPatch
) -> None:
    job = {"TrainingStartTime": START, "TrainingEndTime": START + timedelta(seconds=90)}
    made = sandbox(target)
    service = answering(target, monkeypatch, job)
    assert made.training_seconds(RUN) == 90
    assert service.asked == [("describe_training_job", {"TrainingJobName": "relearn-test-verify-r1"})]


@pytest.mark.parametrize("answer", [{}, DENIED], ids=["not started", "denied"])
def test_a_job_without_times_costs_nothing_that_is_known(
    target: Target, monkeypatch: pytest.MonkeyPatch, answer: Any
) -> None:
    made = sandbox(target)
    answering(target, monkeypatch, answer)
    assert (made.training_seconds(RUN), made.transform_seconds("verify", "b")) == (0, 0)


def test_every_state_that_an_execution_enters_is_a_transition(
    target: Target, monkeypatch: pytest.MonkeyPatch
) -> None:
    events = [
        {"type": kind}
        for kind in ("ExecutionStarted", "TaskStateEntered", "TaskScheduled", "WaitStateEntered")
    ]
    made = with_machine(sandbox(target), monkeypatch)
    service = answering(target, monkeypatch, {"events": events})
    assert made.transitions(RUN) == 2
    arn = "arn:aws:states:eu-west-1:1:execution:relearn-test-retrain:r1"
    assert service.asked == [("get_execution_history", {"executionArn": arn})]


def test_a_history_that_may_not_be_read_counts_no_transitions(
    target: Target, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = with_machine(sandbox(target), monkeypatch)
    answering(target, monkeypatch, DENIED)
    assert made.transitions(RUN) == 0


def test_a_run_is_stopped_by_its_execution(target: Target, monkeypatch: pytest.MonkeyPatch) -> None:
    made = with_machine(sandbox(target), monkeypatch)
    service = answering(target, monkeypatch, {})
    made.stop(RUN)
    ((call, given),) = service.asked
    assert call == "stop_execution"
    assert given["executionArn"] == "arn:aws:states:eu-west-1:1:execution:relearn-test-retrain:r1"


def test_alarms_of_both_kinds_are_read_by_the_stages_prefix(
    target: Target, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = sandbox(target)
    page = {
        "MetricAlarms": [{"AlarmName": "a", "StateValue": "OK"}],
        "CompositeAlarms": [{"AlarmName": "b", "StateValue": "ALARM"}],
    }
    service = answering(target, monkeypatch, page)
    assert made.alarms() == {"a": "OK", "b": "ALARM"}
    assert service.asked[0][1]["AlarmNamePrefix"] == "relearn-test-"


def with_machine(made: Sandbox, monkeypatch: pytest.MonkeyPatch) -> Sandbox:
    machine = "arn:aws:states:eu-west-1:1:stateMachine:relearn-test-retrain"
    monkeypatch.setattr(made.target, "output", lambda _: machine)
    return made
