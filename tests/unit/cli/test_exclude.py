"""An upload is taken out of training by one command, with a reason."""

from __future__ import annotations

import json
from typing import Any

import pytest

from relearn.lifecycle.uploads import Upload, UploadState
from tests.support.cli_stage import CliStage


@pytest.fixture(autouse=True)
def patience(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody takes anything up here."""
    monkeypatch.setattr("cli.commands.exclude.TAKEN_UP_SECONDS", 0.0)


@pytest.fixture
def accepted(cli_stage: CliStage) -> Upload:
    return cli_stage.ledger.move_upload(cli_stage.upload(), UploadState.ACCEPTED)


def asked(stage: CliStage) -> list[Any]:
    return [json.loads(message["Body"])["detail"] for message in stage.messages("ingest")]


def test_an_exclusion_asks_ingest_with_who_and_why(cli_stage: CliStage, accepted: Upload) -> None:
    result = cli_stage.run("exclude", accepted.upload_id[:8], "--why", "a sensor was broken")
    assert result.exit_code == 1
    assert "ingest is busy, or failed" in result.stderr
    (detail,) = asked(cli_stage)
    assert (detail["upload_id"], detail["why"]) == (accepted.upload_id, "a sensor was broken")
    assert detail["who"].startswith("arn:aws:")
    assert cli_stage.ledger.upload("iris", accepted.upload_id) == accepted


def test_what_is_excluded_is_said_with_the_way_back(
    cli_stage: CliStage, accepted: Upload, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("cli.commands.exclude.TAKEN_UP_SECONDS", 30.0)
    cli_stage.ledger.move_upload(accepted, UploadState.EXCLUDED, "by ann: wrong")
    result = cli_stage.run("exclude", accepted.upload_id, "--why", "again", "--json")
    assert result.exit_code == 0
    assert asked(cli_stage) == []
    assert (
        f"is EXCLUDED by ann: wrong; to train on it again: relearn retry {accepted.upload_id[:12]}"
        in result.stderr
    )
    assert json.loads(result.stdout)["excluded"] is True


@pytest.mark.parametrize(
    ("state", "told"),
    [
        (UploadState.QUARANTINED, "is QUARANTINED: it is in no later snapshot already"),
        (None, "is RECEIVED: it is being checked; exclude it when it is ACCEPTED"),
    ],
)
def test_what_can_not_be_excluded_says_why(cli_stage: CliStage, state: UploadState | None, told: str) -> None:
    upload = cli_stage.upload()
    if state is not None:
        cli_stage.ledger.move_upload(upload, state, "empty")
    result = cli_stage.run("exclude", upload.upload_id, "--why", "x")
    assert result.exit_code == 1
    assert told in result.stderr
    assert asked(cli_stage) == []


def test_without_a_reason_nothing_is_excluded(cli_stage: CliStage, accepted: Upload) -> None:
    result = cli_stage.run("exclude", accepted.upload_id)
    assert result.exit_code == 2
    assert "--why" in result.stderr
    assert asked(cli_stage) == []
