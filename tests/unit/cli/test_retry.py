"""An upload or a run is tried again by one command, which says what helps and what to do next."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from typing import Any

import pytest

from lambdas.aws.dynamo.ledger import Ledger
from relearn.lifecycle import retries
from relearn.lifecycle.runs import RunState
from relearn.lifecycle.uploads import Upload, UploadState
from tests.support.cli_stage import CliStage

RUN = "20260504t100000-aaaaaa"


@pytest.fixture(autouse=True)
def patience(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody takes anything up here, unless a test does."""
    monkeypatch.setattr("cli.commands.retry.TAKEN_UP_SECONDS", 0.0)


@pytest.fixture
def quarantined(cli_stage: CliStage) -> Upload:
    upload = cli_stage.upload()
    return cli_stage.ledger.move_upload(upload, UploadState.QUARANTINED, "schema: no column species")


@pytest.fixture
def ingest(cli_stage: CliStage, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Take up what is asked for, as the function does."""
    monkeypatch.setattr("cli.commands.retry.TAKEN_UP_SECONDS", 30.0)
    done = threading.Event()

    def take() -> None:
        while not done.wait(0.01):
            for message in cli_stage.messages("ingest"):
                _begin(cli_stage.ledger, json.loads(message["Body"])["detail"])

    worker = threading.Thread(target=take)
    worker.start()
    yield
    done.set()
    worker.join()


def _begin(ledger: Ledger, detail: Any) -> None:
    model, asked = retries.parse_detail(detail)
    for upload_id in asked:
        upload = ledger.upload(model, upload_id)
        assert upload is not None
        ledger.retry_upload(upload)


def asked(stage: CliStage) -> list[Any]:
    return [json.loads(message["Body"]) for message in stage.messages("ingest")]


def test_a_retry_asks_ingest_and_writes_nothing_itself(cli_stage: CliStage, quarantined: Upload) -> None:
    cli_stage.run("retry", quarantined.upload_id[:8])
    assert asked(cli_stage) == [retries.message("iris", [quarantined])]
    assert cli_stage.ledger.upload("iris", quarantined.upload_id) == quarantined


@pytest.mark.usefixtures("ingest")
def test_it_says_what_helps_that_it_began_and_how_to_follow_it(
    cli_stage: CliStage, quarantined: Upload
) -> None:
    result = cli_stage.run("retry", quarantined.upload_id)
    assert result.exit_code == 0
    assert "where the file is wrong, mend it and upload it" in result.stderr
    assert f"relearn wait iris --upload {quarantined.upload_id[:12]}" in result.stderr
    begun = cli_stage.ledger.upload("iris", quarantined.upload_id)
    assert begun is not None
    assert begun.state is UploadState.RECEIVED


def test_a_retry_that_does_not_begin_says_where_it_may_be(cli_stage: CliStage, quarantined: Upload) -> None:
    result = cli_stage.run("retry", quarantined.upload_id, "--json")
    assert result.exit_code == 1
    assert "relearn replay-dlq ingest --dry-run" in result.stderr
    assert json.loads(result.stdout) == {"model": "iris", "uploads": [quarantined.upload_id], "begun": False}


@pytest.mark.usefixtures("ingest")
def test_a_run_is_tried_again_by_its_uploads(cli_stage: CliStage) -> None:
    upload = cli_stage.upload()
    run = cli_stage.new_run(RUN, uploads=(upload.upload_id,))
    accepted = cli_stage.ledger.move_upload(upload, UploadState.ACCEPTED)
    cli_stage.ledger.move_run(run, RunState.REJECTED, "f1_macro 0.2")
    cli_stage.ledger.move_upload(accepted, UploadState.FAILED, f"rejected by run {RUN}: f1_macro 0.2")
    result = cli_stage.run("retry", RUN)
    assert result.exit_code == 0, result.stderr
    assert "the same data and code end the same way" in result.stderr
    again = cli_stage.ledger.upload("iris", upload.upload_id)
    assert again is not None
    assert again.state is UploadState.ACCEPTED


def test_a_run_that_goes_on_is_not_tried_again(cli_stage: CliStage) -> None:
    cli_stage.new_run(RUN)
    result = cli_stage.run("retry", RUN)
    assert result.exit_code == 1
    assert f"relearn wait iris --run {RUN}" in result.stderr
    assert asked(cli_stage) == []


def test_what_waits_only_goes_on(cli_stage: CliStage) -> None:
    waits = cli_stage.ledger.move_upload(cli_stage.upload(), UploadState.ACCEPTED)
    result = cli_stage.run("retry", waits.upload_id)
    assert result.exit_code == 0
    assert "is ACCEPTED, and goes on now" in result.stderr
    assert len(asked(cli_stage)) == 1


def test_a_trained_upload_is_refused_before_anything_is_asked(cli_stage: CliStage) -> None:
    accepted = cli_stage.ledger.move_upload(cli_stage.upload(), UploadState.ACCEPTED)
    trained = cli_stage.ledger.move_upload(accepted, UploadState.TRAINED, run_id=RUN)
    result = cli_stage.run("retry", trained.upload_id)
    assert result.exit_code == 1
    assert "there is nothing to retry" in result.stderr
    assert asked(cli_stage) == []


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["ffffffff"], "0 uploads of iris start with 'ffffffff'"),
        (["20260504t100000-bbbbbb"], "none of iris has a run 20260504t100000-bbbbbb"),
    ],
)
def test_what_does_not_exist_is_told_with_where_to_look(
    cli_stage: CliStage, arguments: list[str], told: str
) -> None:
    result = cli_stage.run("retry", *arguments)
    assert result.exit_code == 1
    assert told in result.stderr
    assert "see relearn" in result.stderr.lower()


def test_an_upload_for_a_model_that_is_not_deployed_is_named_with_its_model(cli_stage: CliStage) -> None:
    upload = cli_stage.upload(model="rose", key="incoming/rose/a")
    cli_stage.ledger.move_upload(upload, UploadState.QUARANTINED, "unknown_model")
    assert "where the model is not deployed, name it too" in cli_stage.run("retry", upload.upload_id).stderr
    cli_stage.run("retry", upload.upload_id, "--model", "rose")
    (message,) = asked(cli_stage)
    assert message["detail"]["model"] == "rose"


def test_uploads_are_listed_by_state_with_the_way_to_try_them_again(
    cli_stage: CliStage, quarantined: Upload
) -> None:
    cli_stage.ledger.move_upload(cli_stage.upload("b"), UploadState.FAILED, "gone")
    cli_stage.upload("c")
    shown = cli_stage.run("uploads", "iris", "--state", "quarantined")
    assert "no column species" in shown.stdout
    assert "gone" not in shown.stdout
    assert "relearn retry UPLOAD" in shown.stderr
    both = cli_stage.run("uploads", "iris", "--state", "quarantined", "--state", "failed", "--json").stdout
    assert {one["state"] for one in json.loads(both)} == {"QUARANTINED", "FAILED"}
    cli_stage.ledger.retry_upload(quarantined)
    assert "after 1 retry" in cli_stage.run("uploads", "iris").stdout


def test_a_state_that_does_not_exist_is_refused_with_those_that_do(cli_stage: CliStage) -> None:
    result = cli_stage.run("uploads", "iris", "--state", "lost")
    assert result.exit_code == 2
    assert "'failed'" in result.stderr
