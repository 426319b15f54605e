"""A version that waits is approved or rejected by hand, and lists say that it waits."""

from __future__ import annotations

import json
from typing import Any

import pytest

from relearn.lifecycle.approval import begin
from relearn.lifecycle.runs import Run, RunState, Version
from tests.support.cli_stage import NOW, CliStage

PATH = "/v1/models/iris/versions/8/approval"
APPROVAL = {
    "state": "APPROVED",
    "hours": 72,
    "until": "2026-05-07T10:00:00+00:00",
    "who": "ann",
    "why": "",
    "at": "2026-05-04T10:00:00+00:00",
}
VERSION: dict[str, Any] = {
    "version": 8,
    "state": "REGISTERED",
    "reason": "",
    "run_id": "r8",
    "metrics": {},
    "approval": APPROVAL,
    "created_at": "2026-05-04T09:00:00+00:00",
}


@pytest.fixture
def stage(cli_stage: CliStage) -> CliStage:
    cli_stage.api.answers[f"POST {PATH}"] = (200, {}, VERSION)
    return cli_stage


def sent(stage: CliStage) -> Any:
    (body,) = (body for path, _, body in stage.api.asked if path == PATH)
    return body


def test_a_version_is_approved_with_or_without_a_reason(stage: CliStage) -> None:
    result = stage.run("approve", "iris", "8")
    assert result.exit_code == 0
    assert sent(stage) == {"decision": "approve", "why": ""}
    assert "version 8 of iris approved by ann" in result.stderr
    assert "relearn wait iris --run r8" in result.stderr


def test_a_version_is_rejected_with_a_reason(stage: CliStage) -> None:
    assert stage.run("reject", "iris", "8", "--why", "rows of a test").exit_code == 0
    assert sent(stage) == {"decision": "reject", "why": "rows of a test"}


def test_without_a_reason_nothing_is_rejected(stage: CliStage) -> None:
    result = stage.run("reject", "iris", "8")
    assert result.exit_code == 2
    assert "--why" in result.stderr
    assert not stage.api.asked


def test_who_was_first_is_told(stage: CliStage) -> None:
    problem = {
        "type": "urn:relearn:problem:not-waiting",
        "title": "The version does not wait for this decision",
        "status": 409,
        "detail": "version 8 of iris was rejected by bob: no",
    }
    stage.api.answers[f"POST {PATH}"] = (409, {"content-type": "application/problem+json"}, problem)
    result = stage.run("approve", "iris", "8")
    assert result.exit_code == 1
    assert "version 8 of iris was rejected by bob: no" in result.stderr


def test_a_script_gets_json(stage: CliStage) -> None:
    assert json.loads(stage.run("approve", "iris", "8", "--json").stdout)["approval"]["who"] == "ann"


@pytest.fixture
def waits(cli_stage: CliStage) -> CliStage:
    """A stage where version 8 waits for a decision."""
    run = Run(run_id="r8", model="iris", state=RunState.JUDGING, started_at=NOW.isoformat(), reason="better")
    cli_stage.ledger.create_run(run)
    asked = begin(NOW, 72)
    cli_stage.ledger.register(run, Version(model="iris", version=8, run_id="r8", approval=asked))
    return cli_stage


def test_runs_say_what_is_waited_for_and_what_to_type(waits: CliStage) -> None:
    shown = " ".join(waits.run("runs", "iris").stdout.split())
    assert "AWAITING_APPROVAL" in shown.replace(" ", "")
    result = waits.run("wait", "iris", "--run", "r8", "--timeout", "0")
    assert "run r8 is AWAITING_APPROVAL as version 8: better; someone has to decide" in result.stderr
    assert "relearn approve iris 8" in result.stderr


def test_versions_in_json_have_the_question_and_not_the_task_that_waits(waits: CliStage) -> None:
    (found,) = json.loads(waits.run("versions", "iris", "--json").stdout)
    assert (found["approval"]["state"], found["approval"]["hours"]) == ("WAITING", 72)
    assert "task" not in found
