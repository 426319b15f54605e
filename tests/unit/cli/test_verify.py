"""``relearn verify``: what it prints, the file that it writes, how it ends."""

from __future__ import annotations

import json
import os
import signal
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError

from cli.stage.holdings import FewHoldings
from cli.verify.sandbox import Sandbox
from cli.verify.story import Answer, Step, Story
from relearn.lifecycle.runs import Run
from tests.support.cli_stage import ABOUT, CliStage
from tests.support.removals import TOLD, Lifecycle

REPORT = "relearn-verify-test.md"


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The working directory, in which the report is written."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("time.sleep", lambda _: None)
    return tmp_path


@pytest.fixture
def removing(monkeypatch: pytest.MonkeyPatch) -> Lifecycle:
    """The function that removes models; it removes whatever is asked for."""
    made = Lifecycle(TOLD)
    monkeypatch.setattr("cli.stage.removal.remove", made.remove)
    return made


@pytest.fixture
def lifecycle(removing: Lifecycle, monkeypatch: pytest.MonkeyPatch) -> Lifecycle:
    """The same, on a stage that holds nothing, which is quicker than to look."""
    monkeypatch.setattr(FewHoldings, "count", lambda _: {})
    return removing


def steps(monkeypatch: pytest.MonkeyPatch, run: Any) -> None:
    monkeypatch.setattr(Story, "steps", lambda _: [Step("only", "do it", "it is done", run)])


def test_a_stage_that_passes_is_told_in_lines_and_written_to_a_file(
    cli_stage: CliStage, lifecycle: Lifecycle, monkeypatch: pytest.MonkeyPatch, here: Path
) -> None:
    steps(monkeypatch, lambda: Answer({"version": 1}))
    result = cli_stage.run("verify")
    assert result.exit_code == 0, result.output
    assert "do it; expected: it is done" in result.stdout
    assert "version 1" in result.stdout
    assert "removed of verify: versions 2" in result.stdout
    assert "stage test does what it should" in result.stderr
    assert "| only | do it | it is done | passed |" in (here / REPORT).read_text()
    assert lifecycle.asked == [("verify", False), ("verifyendpoint", False)]


def test_for_scripts_one_document_is_printed(
    cli_stage: CliStage, lifecycle: Lifecycle, monkeypatch: pytest.MonkeyPatch, here: Path
) -> None:
    del lifecycle
    steps(monkeypatch, lambda: Answer({"version": 1}))
    result = cli_stage.run("verify", "--json", "--report", "other.md")
    made = json.loads(result.stdout)
    assert [(one["name"], one["status"]) for one in made["steps"]] == [
        ("empty", "passed"),
        ("only", "passed"),
    ]
    assert (made["stage"], made["result"], made["kept"]) == ("test", "passed", [])
    assert "do it; expected: it is done" in result.stderr
    assert (here / "other.md").is_file()


def test_a_stage_without_sandbox_models_fails_with_the_remedy(
    cli_stage: CliStage, lifecycle: Lifecycle, here: Path
) -> None:
    del lifecycle
    result = cli_stage.run("verify")
    assert result.exit_code == 1
    assert "the stage has no model verify" in result.stdout
    assert '"verify": true' in result.stdout
    assert '- remedy: set "verify": true for test in cdk.json, and deploy it' in (here / REPORT).read_text()


def test_what_a_failed_story_made_is_removed(
    cli_stage: CliStage, removing: Lifecycle, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken() -> Answer:
        cli_stage.s3.put_object(Bucket=cli_stage.uploads, Key="incoming/verify/a.csv", Body=b"a")
        raise OSError("the disk is full")

    steps(monkeypatch, broken)
    result = cli_stage.run("verify")
    assert result.exit_code == 1
    assert "OSError: the disk is full" in result.stdout
    assert "Versions" not in cli_stage.s3.list_object_versions(Bucket=cli_stage.uploads)
    assert removing.asked


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupted_story_is_cleaned_and_ends_as_interrupted(
    cli_stage: CliStage, lifecycle: Lifecycle, monkeypatch: pytest.MonkeyPatch, number: signal.Signals
) -> None:
    def interrupted() -> Answer:
        os.kill(os.getpid(), number)
        raise AssertionError("the signal had no effect")

    steps(monkeypatch, interrupted)
    result = cli_stage.run("verify")
    assert result.exit_code == 130
    assert [model for model, _ in lifecycle.asked] == ["verify", "verifyendpoint"]


def test_what_is_kept_on_request_is_told_with_its_command(
    cli_stage: CliStage, lifecycle: Lifecycle, monkeypatch: pytest.MonkeyPatch, here: Path
) -> None:
    steps(monkeypatch, lambda: Answer({}))
    result = cli_stage.run("verify", "--keep")
    assert result.exit_code == 0
    command = (
        "relearn --stage test --region eu-west-1 remove-model verify --yes --delete-objects --confirm verify"
    )
    assert command in result.stderr
    assert command in (here / REPORT).read_text()
    assert lifecycle.asked == []


def test_what_an_earlier_verification_left_is_removed_first(
    cli_stage: CliStage, removing: Lifecycle, monkeypatch: pytest.MonkeyPatch
) -> None:
    cli_stage.s3.put_object(Bucket=cli_stage.uploads, Key="incoming/verify/old.csv", Body=b"a")

    def look() -> Answer:
        assert "Versions" not in cli_stage.s3.list_object_versions(Bucket=cli_stage.uploads)
        return Answer({})

    steps(monkeypatch, look)
    assert cli_stage.run("verify").exit_code == 0
    assert removing.asked[0] == ("verify", False)


def test_a_verification_of_someone_else_is_left_alone(
    cli_stage: CliStage, lifecycle: Lifecycle, monkeypatch: pytest.MonkeyPatch
) -> None:
    cli_stage.ledger.create_run(Run(run_id="r1", model="verify", started_at="2026-05-04T10:00:00"))
    steps(monkeypatch, lambda: Answer({}))
    result = cli_stage.run("verify")
    assert result.exit_code == 1
    assert "run r1 of verify is under way: someone else verifies this stage" in result.stdout
    assert lifecycle.asked == []


def test_a_text_of_others_is_printed_as_one_line_without_control_characters(
    cli_stage: CliStage, lifecycle: Lifecycle, monkeypatch: pytest.MonkeyPatch
) -> None:
    del lifecycle
    steps(monkeypatch, lambda: Answer({"reason": "a\x1b[2Jb\nforged"}))
    printed = cli_stage.run("verify").stdout
    assert "a\\x1b[2Jb\\nforged" in printed
    assert "\x1b[2J" not in printed


def test_an_account_in_an_error_of_the_cleaning_is_printed_nowhere(
    cli_stage: CliStage, lifecycle: Lifecycle, monkeypatch: pytest.MonkeyPatch, here: Path
) -> None:
    arn = "arn:aws:sts::417293650128:assumed-role/Admin/alice"
    told: Any = {"Error": {"Code": "AccessDeniedException", "Message": f"User: {arn} is not authorized"}}
    lifecycle.answers = [ClientError(told, "Invoke")]
    steps(monkeypatch, lambda: Answer({}))
    result = cli_stage.run("verify")
    assert result.exit_code == 1
    assert (
        "Invoke: AccessDeniedException: User: arn:aws:sts::<account>:assumed-role/Admin/<session>"
        in result.stdout
    )
    assert "relearn --stage test --region eu-west-1 remove-model verify" in result.stdout
    assert "417293650128" not in result.output + (here / REPORT).read_text()


def test_an_account_is_printed_nowhere(
    cli_stage: CliStage, lifecycle: Lifecycle, monkeypatch: pytest.MonkeyPatch, here: Path
) -> None:
    del lifecycle
    steps(monkeypatch, lambda: Answer({"arn": "arn:aws:states:eu-west-1:417293650128:execution:x"}))
    result = cli_stage.run("verify")
    assert "417293650128" not in result.output + (here / REPORT).read_text()
    assert "arn:aws:states:eu-west-1:<account>:execution:x" in result.stdout


def test_an_error_of_aws_is_printed_with_its_call_and_its_remedy(
    cli_stage: CliStage, lifecycle: Lifecycle, monkeypatch: pytest.MonkeyPatch
) -> None:
    for model in ("verify", "verifyendpoint"):
        about = {**ABOUT, "name": model, "state": "waiting", "version": None}
        cli_stage.api.answers[f"/v1/models/{model}"] = (200, {}, about)

    def denied(*_: Any) -> str:
        raise ClientError({"Error": {"Code": "AccessDenied", "Message": "no"}}, "PutObject")

    monkeypatch.setattr(Sandbox, "put", denied)
    result = cli_stage.run("verify")
    assert result.exit_code == 1
    assert "failed upload" in result.stdout
    assert "PutObject: AccessDenied: no" in result.stdout
    assert "→ allow the action that the message names" in result.stdout
    assert [model for model, _ in lifecycle.asked] == ["verify", "verifyendpoint"]
