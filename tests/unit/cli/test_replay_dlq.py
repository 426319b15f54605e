"""Dead letters go back to where they failed; each is shown with why it failed, where that is known."""

from __future__ import annotations

import json
from typing import Any

import pytest

from relearn.lifecycle import retries
from relearn.lifecycle.uploads import UploadState
from relearn.naming import ids
from tests.support.cli_stage import CliStage

POISON = "no JSON at all"


def event(stage: CliStage, name: str = "a") -> str:
    """An event about the upload that `CliStage.upload` writes down."""
    found = {"key": f"incoming/iris/{name}", "version-id": "v1", "size": 10, "sequencer": "01"}
    return json.dumps({"detail": {"bucket": {"name": stage.uploads}, "object": found}})


def bodies(stage: CliStage, queue: str) -> list[str]:
    return [message["Body"] for message in stage.messages(queue)]


def told(stage: CliStage, *arguments: str) -> Any:
    result = stage.run("replay-dlq", *arguments, "--json")
    assert result.exit_code == 0, result.stderr
    return json.loads(result.stdout)


def test_a_dead_letter_of_each_queue_goes_back_to_it(cli_stage: CliStage) -> None:
    for queue in ("ingest", "record", "trial"):
        cli_stage.bury(queue, f"letter of {queue}")
    result = cli_stage.run("replay-dlq")
    assert result.exit_code == 0
    for queue in ("ingest", "record", "trial"):
        assert bodies(cli_stage, queue) == [f"letter of {queue}"]
        assert bodies(cli_stage, f"{queue}-dead") == []
    assert "3 sent back; what was done already changes nothing" in result.stderr


def test_replayed_twice_nothing_more_is_sent(cli_stage: CliStage) -> None:
    cli_stage.bury("ingest", POISON)
    cli_stage.run("replay-dlq")
    result = cli_stage.run("replay-dlq")
    assert "no dead letters in any queue of the stage: there is nothing to replay" in result.stderr
    assert bodies(cli_stage, "ingest") == [POISON]


def test_one_queue_leaves_the_others_alone(cli_stage: CliStage) -> None:
    cli_stage.bury("ingest", "i")
    cli_stage.bury("record", "r")
    cli_stage.run("replay-dlq", "record")
    assert bodies(cli_stage, "record") == ["r"]
    assert bodies(cli_stage, "ingest-dead") == ["i"]


def test_a_queue_that_does_not_exist_is_refused_with_those_that_do(cli_stage: CliStage) -> None:
    result = cli_stage.run("replay-dlq", "nosuch")
    assert result.exit_code == 1
    assert "allowed: ingest, scheduled_run, record, trial, batch_event" in result.stderr


def test_a_dry_run_shows_and_leaves(cli_stage: CliStage) -> None:
    cli_stage.bury("ingest", POISON)
    result = cli_stage.run("replay-dlq", "ingest", "--dry-run")
    assert POISON in result.stdout
    assert "send them back: relearn replay-dlq ingest" in result.stderr
    assert bodies(cli_stage, "ingest") == []
    assert bodies(cli_stage, "ingest-dead") == [POISON]


def test_more_letters_than_one_call_gives_all_go_back(cli_stage: CliStage) -> None:
    for number in range(25):
        cli_stage.bury("trial", str(number))
    assert len(told(cli_stage)) == 25
    assert sorted(bodies(cli_stage, "trial"), key=int) == [str(number) for number in range(25)]


def test_a_letter_that_came_back_is_shown_as_replayed_before(cli_stage: CliStage) -> None:
    cli_stage.bury("ingest", POISON)
    assert told(cli_stage)[0]["replayed_before"] is None
    (message,) = cli_stage.messages(
        "ingest"
    )  # what SQS does after the last try: the same message, attributes too
    cli_stage.bury(
        "ingest",
        message["Body"],
        **{name: a["StringValue"] for name, a in message["MessageAttributes"].items()},
    )
    result = cli_stage.run("replay-dlq", "--dry-run")
    assert told(cli_stage, "--dry-run")[0]["replayed_before"]
    assert "-" in result.stdout
    assert "their cause has not gone" in cli_stage.run("replay-dlq").stderr


def test_the_ledger_says_why_an_event_of_an_upload_failed(cli_stage: CliStage) -> None:
    upload_id = ids.upload_id(cli_stage.uploads, "incoming/iris/a", "v1")
    upload = cli_stage.upload(upload_id=upload_id)
    cli_stage.ledger.note_trouble(upload, "not decided yet: AccessDenied")
    cli_stage.bury("ingest", event(cli_stage))
    (one,) = told(cli_stage, "ingest")
    assert one["why"] == f"upload {upload_id[:12]} of iris is RECEIVED: not decided yet: AccessDenied"


def test_an_upload_that_was_decided_since_is_told_so(cli_stage: CliStage) -> None:
    cli_stage.ledger.move_upload(cli_stage.upload(), UploadState.QUARANTINED, "empty: no row")
    cli_stage.bury("ingest", json.dumps(retries.message("iris", cli_stage.ledger.uploads("iris"))))
    assert "of iris is QUARANTINED: empty: no row" in told(cli_stage)[0]["why"]


@pytest.mark.parametrize("body", [POISON, "[]", '{"detail": 3}', '{"detail": {"object": {}}}', "null"])
def test_what_is_no_event_of_an_upload_is_told_so(cli_stage: CliStage, body: str) -> None:
    cli_stage.bury("ingest", body)
    assert "it is no event of an upload: it cannot succeed" in told(cli_stage)[0]["why"]


def test_an_upload_that_the_ledger_does_not_know_is_told_so(cli_stage: CliStage) -> None:
    cli_stage.bury("ingest", event(cli_stage, "new"))
    assert "is not in the ledger yet" in told(cli_stage, "--dry-run")[0]["why"]


def test_what_the_service_said_is_told(cli_stage: CliStage) -> None:
    cli_stage.bury("record", "{}", ErrorMessage="Task timed out after 60 seconds")
    assert told(cli_stage, "record")[0]["why"] == "Task timed out after 60 seconds"


def test_of_what_nobody_knows_why_the_log_is_named(cli_stage: CliStage) -> None:
    cli_stage.bury("trial", "{}")
    assert "see the log of relearn-test-trial" in told(cli_stage, "trial")[0]["why"]


def test_a_call_that_failed_is_made_again_with_what_it_was_made_with(
    cli_stage: CliStage, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL_LAMBDA", cli_stage.url)
    path = "/2015-03-31/functions/relearn-test-scheduled_run/invocations"
    cli_stage.api.answers[f"POST {path}"] = (202, {}, b"")
    cli_stage.bury("scheduled_run", '{"model": "iris"}', ErrorMessage="Rate exceeded")
    (one,) = told(cli_stage, "scheduled_run")
    assert one["why"] == "Rate exceeded"
    ((asked, headers, body),) = cli_stage.api.asked
    assert (asked, headers["x-amz-invocation-type"], body) == (path, "Event", b'{"model": "iris"}')
    assert bodies(cli_stage, "scheduled_run-dead") == []


def test_a_letter_that_can_not_be_sent_stays(cli_stage: CliStage, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL_LAMBDA", cli_stage.url)
    monkeypatch.setattr("cli.stage.dead_letters.HELD_SECONDS", 0)
    cli_stage.bury("batch_event", "{}")
    assert cli_stage.run("replay-dlq", "batch_event").exit_code == 1
    assert bodies(cli_stage, "batch_event-dead") == ["{}"]
