"""What failed is found, understood and tried again by a person, with commands alone."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from cli.main import app
from tests.e2e.client import Stage
from tests.e2e.proxied import options

pytestmark = [pytest.mark.e2e, pytest.mark.local]

MODEL = "iris"
SEED = Path(__file__).parents[2] / "training" / "models" / MODEL / "seed.csv"
POISON = '{"detail": "no event of anything"}'
ENDS = ("TRAINED", "FAILED", "QUARANTINED")


class Person:
    """Somebody with the command."""

    def __init__(self, stage: Stage, folder: Path) -> None:
        self._options = options(stage, folder)

    def relearn(self, *arguments: str, code: int = 0) -> Any:
        ran = CliRunner().invoke(app, [*self._options, *arguments, "--json"])
        assert ran.exit_code == code, ran.stderr
        return json.loads(ran.stdout)


@pytest.fixture
def person(stage: Stage, tmp_path: Path) -> Person:
    stage.wait_until_served(MODEL)
    return Person(stage, tmp_path)


@contextmanager
def impatient(stage: Stage) -> Iterator[None]:
    """Let a message that failed be tried again at once, so that its last try comes soon."""
    sqs, url = stage.client("sqs"), stage.queue_of("ingest")
    name = "VisibilityTimeout"
    before = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=[name])["Attributes"][name]
    sqs.set_queue_attributes(QueueUrl=url, Attributes={name: "1"})
    try:
        yield
    finally:
        sqs.set_queue_attributes(QueueUrl=url, Attributes={name: before})


@contextmanager
def nobody_reads(stage: Stage) -> Iterator[None]:
    """Keep ingest from its queue."""
    client = stage.client("lambda")
    (mapping,) = client.list_event_source_mappings(FunctionName=f"relearn-{stage.name}-ingest")[
        "EventSourceMappings"
    ]
    client.update_event_source_mapping(UUID=mapping["UUID"], Enabled=False)
    try:
        yield
    finally:
        client.update_event_source_mapping(UUID=mapping["UUID"], Enabled=True)


def dead_letters(stage: Stage) -> str:
    """URL of ingest's dead letters."""
    return str(json.loads(stage.outputs["TrainingDeadLetters"])["ingest"]["dead"])


def waiting(stage: Stage, url: str) -> int:
    name = "ApproximateNumberOfMessages"
    return int(
        stage.client("sqs").get_queue_attributes(QueueUrl=url, AttributeNames=[name])["Attributes"][name]
    )


def test_a_poison_message_is_buried_replayed_and_buried_again_and_harms_nothing(
    stage: Stage, person: Person
) -> None:
    before = stage.items(MODEL, "UPLOAD#")
    with impatient(stage):
        stage.client("sqs").send_message(QueueUrl=stage.queue_of("ingest"), MessageBody=POISON)
        stage.wait("the message buried", lambda: waiting(stage, dead_letters(stage)) == 1)
        (first,) = person.relearn("replay-dlq", "ingest")
        assert (first["body"], first["replayed_before"]) == (POISON, None)
        assert "it cannot succeed" in first["why"]
        stage.wait("the message buried again", lambda: waiting(stage, dead_letters(stage)) == 1)
    (second,) = person.relearn("replay-dlq", "--dry-run")
    assert second["replayed_before"]
    assert stage.items(MODEL, "UPLOAD#") == before
    stage.client("sqs").purge_queue(QueueUrl=dead_letters(stage))


def test_an_upload_whose_event_was_buried_is_taken_in_by_a_replay_and_a_second_replay_changes_nothing(
    stage: Stage, person: Person
) -> None:
    sqs, url = stage.client("sqs"), stage.queue_of("ingest")
    with nobody_reads(stage):
        version = stage.put(MODEL, "buried.csv", SEED.read_bytes())
        message = stage.wait("its event", lambda: _take(sqs, url))
        sqs.send_message(QueueUrl=dead_letters(stage), MessageBody=message)
    assert stage.upload(MODEL, version) is None
    (letter,) = person.relearn("replay-dlq", "ingest")
    assert "is not in the ledger yet" in letter["why"]
    upload = stage.wait_for_upload(MODEL, version, *ENDS)
    stage.wait("iris at rest", lambda: stage.at_rest(MODEL))
    runs = len(stage.items(MODEL, "RUN#"))
    sqs.send_message(QueueUrl=dead_letters(stage), MessageBody=message)
    person.relearn("replay-dlq", "ingest")
    stage.wait("the ingest queue drained", lambda: stage.queued("ingest") == 0)
    assert stage.upload(MODEL, version) == stage.upload(MODEL, upload["version_id"]) == upload
    assert len(stage.items(MODEL, "RUN#")) == runs


def _take(sqs: Any, url: str) -> str | None:
    for message in sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=1).get("Messages", []):
        sqs.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])
        return str(message["Body"])
    return None


def test_a_quarantined_file_is_found_by_its_state_and_quarantined_again_for_the_same_reason(
    stage: Stage, person: Person
) -> None:
    version = stage.put(MODEL, "wrong.csv", b"sepal_length\n5.1\n")
    first = stage.wait_for_upload(MODEL, version, *ENDS)
    listed = person.relearn("uploads", MODEL, "--state", "quarantined")
    assert first["upload_id"] in [one["upload_id"] for one in listed]
    person.relearn("retry", first["upload_id"], "--wait", code=1)
    again = stage.upload(MODEL, version)
    assert again is not None
    assert (again["state"], again["reason"]) == (first["state"], first["reason"])
    assert [one["reason"] for one in again["earlier"]] == [first["reason"]]
