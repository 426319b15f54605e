"""What the sweep does for batches: a file that nobody heard of is handed on, and no batch waits for ever."""

from __future__ import annotations

from typing import Any

import pytest

from lambdas.aws.dynamo.batches import BatchRecords
from lambdas.aws.dynamo.table import Table
from lambdas.handlers import batch_event, sweep
from relearn.lifecycle.batches import Batch
from relearn.naming import resources, s3_keys
from tests.support.world import TABLE, LambdaContext, World

ROWS = b'{"length": 3.0, "width": 1.0}\n{"length": 9.0, "width": 4.0}\n'
ID = "20260504t100000-abcdef"


@pytest.fixture
def live(today: World) -> World:
    """A stage on which flowers serves version 1, and a batch waits for its file."""
    today.serve()
    today.sagemaker.models[resources.endpoint("test", "flowers", 1)] = {}
    records(today).create("flowers", lambda: ID)
    return today


def records(world: World) -> BatchRecords:
    return BatchRecords(Table(world.dynamodb, TABLE), world.clock)


def batch(world: World) -> Batch:
    return records(world).batch("flowers", ID)


def store(world: World, body: bytes = ROWS) -> dict[str, Any]:
    """Let the file arrive; the event that S3 sends of it."""
    event: dict[str, Any] = world.put(s3_keys.batch_input_key("flowers", ID), body)
    return event


def swept(world: World) -> list[tuple[str, Any]]:
    """Sweep; the calls that were asked for."""
    sweep.handler({"source": "aws.scheduler"}, LambdaContext())
    return world.functions.take()


def test_a_file_whose_event_was_lost_is_handed_on_as_the_event_would_have(live: World) -> None:
    sent = store(live)
    live.clock.pass_seconds(200)
    ((function, event),) = swept(live)
    assert function == resources.function("test", "batch_event")
    given = {key: sent["detail"]["object"][key] for key in ("key", "size", "version-id")}
    assert event["detail"]["object"] == given
    assert event["detail"]["bucket"] == sent["detail"]["bucket"]
    assert batch_event.handler(event, LambdaContext()) == {"batch": ID, "state": "RUNNING"}
    assert (batch(live).version, batch(live).rows) == (1, 2)
    assert resources.transform_job("test", "flowers", ID) in live.sagemaker.transforms


def test_of_two_files_the_first_is_handed_on(live: World) -> None:
    first = store(live)
    store(live, b"nonsense\n")
    live.clock.pass_seconds(200)
    ((_, event),) = swept(live)
    assert event["detail"]["object"]["version-id"] == first["detail"]["object"]["version-id"]


def test_a_file_that_comes_after_that_changes_nothing(live: World) -> None:
    live.clock.pass_seconds(3 * 3600)
    swept(live)
    assert batch_event.handler(store(live), LambdaContext())["state"] == "FAILED"
    assert live.sagemaker.transforms == {}


def test_the_file_of_no_batch_is_let_alone(live: World) -> None:
    live.put(s3_keys.batch_input_key("flowers", "20260504t100000-000000"), ROWS)
    live.clock.pass_seconds(200)
    assert swept(live) == []


def test_a_batch_that_can_not_be_handed_on_is_heard_of_and_keeps_no_upload_waiting(live: World) -> None:
    live.functions.functions.clear()
    store(live)
    live.put("incoming/flowers/data.csv", b"length,width,kind\n3,1,rose\n")
    live.clock.pass_seconds(200)
    with pytest.raises(ExceptionGroup, match="some models"):
        swept(live)
    url = live.sqs.get_queue_url(QueueName="ingest")["QueueUrl"]
    assert len(live.sqs.receive_message(QueueUrl=url)["Messages"]) == 1
