"""A batch over moto: begun over HTTP, its file checked, its job started, its end written down; events come twice."""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from botocore.exceptions import ClientError

from lambdas.aws.dynamo.batches import BatchRecords
from lambdas.aws.dynamo.table import Table
from lambdas.batches import results
from lambdas.handlers import batch_event, batches
from lambdas.runtime import s3_events
from relearn.api import operations as api
from relearn.lifecycle.batches import Batch, BatchState
from relearn.naming import resources, s3_keys
from relearn.records import predictions
from tests.support import gateway
from tests.support.models import FLOWERS_CSV
from tests.support.stage import without_credentials_for_links
from tests.support.world import LAKE, TABLE, UPLOADS, LambdaContext, World

NO_ANSWER = "the model's answer to these values is not finite"
ROWS = b'{"length": 3.0, "width": 1.0}\n{"length": 9.0, "width": 4.0}\n'


@pytest.fixture
def live(world: World) -> World:
    """A stage on which flowers serves version 1."""
    world.send(FLOWERS_CSV)
    world.run()
    return world


def records(world: World) -> BatchRecords:
    return BatchRecords(Table(world.dynamodb, TABLE), world.clock)


def ask(operation: api.Operation, model: str = "flowers", batch: str = "") -> tuple[int, dict[str, str], Any]:
    return gateway.answered(
        batches.handler(gateway.event(operation, model=model, batch=batch), LambdaContext())
    )


def begin() -> Any:
    status, _, body = ask(api.CREATE_BATCH)
    assert status == 201, body
    return body


def look(batch: str) -> Any:
    status, _, body = ask(api.GET_BATCH, batch=batch)
    assert status == 200, body
    return body


def hear(event: dict[str, Any]) -> dict[str, str]:
    answer: dict[str, str] = batch_event.handler(json.loads(json.dumps(event)), LambdaContext())
    return answer


def send(world: World, batch: str, body: bytes = ROWS) -> dict[str, Any]:
    """Upload the file of a batch; the event that tells of it."""
    event: dict[str, Any] = world.put(s3_keys.batch_input_key("flowers", batch), body)
    return event


def job_event(batch: str, status: str, **more: str) -> dict[str, Any]:
    name = resources.transform_job("test", "flowers", batch)
    return {
        "source": "aws.sagemaker",
        "detail-type": "SageMaker Transform Job State Change",
        "detail": {"TransformJobName": name, "TransformJobStatus": status, **more},
    }


def job(world: World, batch: str) -> dict[str, Any]:
    return world.sagemaker.transforms[resources.transform_job("test", "flowers", batch)]


@pytest.mark.usefixtures("live")
def test_a_new_batch_waits_for_its_file_and_says_where_to_send_it() -> None:
    status, headers, body = ask(api.CREATE_BATCH)
    assert (status, headers["location"]) == (201, f"/v1/models/flowers/batches/{body['batch']}")
    assert (body["state"], body["version"], body["rows"], body["result"]) == (
        "WAITING_FOR_FILE",
        None,
        None,
        None,
    )
    form = body["upload"]
    assert form["fields"]["key"] == f"batches/flowers/{body['batch']}/input.jsonl"
    assert UPLOADS in form["url"]
    assert form["fields"]["x-amz-algorithm"] == "AWS4-HMAC-SHA256"
    assert look(body["batch"])["state"] == "WAITING_FOR_FILE"


@pytest.mark.usefixtures("world")
def test_a_model_that_does_not_serve_begins_no_batch() -> None:
    status, headers, problem = ask(api.CREATE_BATCH)
    assert (status, problem["type"]) == (503, "urn:relearn:problem:not-serving")
    assert int(headers["retry-after"]) > 0


def test_without_credentials_to_sign_with_no_batch_is_begun(
    live: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    without_credentials_for_links(monkeypatch)
    status, headers, problem = ask(api.CREATE_BATCH)
    assert (status, problem["type"]) == (503, "urn:relearn:problem:no-links")
    assert int(headers["retry-after"]) > 0
    assert records(live).newest("flowers", 10) == []


@pytest.mark.usefixtures("live")
@pytest.mark.parametrize("batch", ["none", "20260504t100000-abcdef", "x" * 3000])
def test_an_unknown_batch_is_not_found(batch: str) -> None:
    assert ask(api.GET_BATCH, batch=batch)[0] == 404


def test_a_file_is_scored_by_the_version_that_serves(live: World) -> None:
    batch = begin()["batch"]
    assert hear(send(live, batch)) == {"batch": batch, "state": "RUNNING"}
    found = look(batch)
    assert (found["state"], found["version"], found["rows"]) == ("RUNNING", 1, 2)
    asked = job(live, batch)
    assert asked["ModelName"] == "relearn-test-flowers-v1"
    source = asked["TransformInput"]["DataSource"]["S3DataSource"]["S3Uri"]
    assert source == f"s3://{LAKE}/batches/flowers/{batch}/input.jsonl"
    assert asked["TransformOutput"]["S3OutputPath"] == f"s3://{LAKE}/batches/flowers/{batch}/result"
    assert {tag["Key"]: tag["Value"] for tag in asked["Tags"]}["relearn:batch"] == batch
    copied = live.s3.get_object(Bucket=LAKE, Key=f"batches/flowers/{batch}/input.jsonl")["Body"].read()
    assert copied == ROWS


def complete(world: World, batch: str) -> None:
    """End the job of a batch as its container would: an answer a line, in order."""
    answers: list[dict[str, Any]] = []
    for line in stored(world, s3_keys.batch_input_key("flowers", batch)):
        if "width" not in line or line["width"] > 99:
            answers.append({"errors": [{"pointer": "", "detail": NO_ANSWER}]})
        else:
            label = "rose" if line["length"] < 5 else "tulip"
            answers.append({"label": label, "probabilities": {"rose": 0.5, "tulip": 0.5}})
    body = b"".join(json.dumps(answer).encode() + b"\n" for answer in answers)
    world.s3.put_object(Bucket=LAKE, Key=s3_keys.batch_output_key("flowers", batch), Body=body)
    job(world, batch)["TransformJobStatus"] = "Completed"


def stored(world: World, key: str) -> list[Any]:
    """The lines of an object of the lake."""
    body = world.s3.get_object(Bucket=LAKE, Key=key)["Body"].read()
    return [json.loads(line) for line in body.splitlines()]


def result(world: World, batch: str) -> list[Any]:
    return stored(world, s3_keys.batch_answers_key("flowers", batch))


def test_a_line_that_can_not_be_answered_is_named_and_costs_no_other_line_its_prediction(
    live: World,
) -> None:
    batch = begin()["batch"]
    rows = b'{"length": 3.0, "width": 1.0}\n\nno json\n{"length": 9.0, "width": 100}\n{"length": 9.0, "width": 4.0}'
    assert hear(send(live, batch, rows))["state"] == "RUNNING"
    complete(live, batch)
    assert hear(job_event(batch, "Completed"))["state"] == "SUCCEEDED"
    found = look(batch)
    assert (found["rows"], found["failed"]) == (5, 3)
    assert [error["line"] for error in found["errors"]] == [2, 3]
    lines = result(live, batch)
    assert [line.get("label") for line in lines] == ["rose", None, None, None, "tulip"]
    assert [(line["line"], line["errors"][0]["detail"]) for line in lines[1:4]] == [
        (2, "got an empty line; allowed: one JSON object a line"),
        (
            3,
            "the line is not JSON: got 'no json' at line 1, column 1 (character 0); allowed: a value of JSON",
        ),
        (4, NO_ANSWER),
    ]


def test_every_prediction_has_an_id_that_feedback_can_name_and_a_record_without_private_columns(
    live: World,
) -> None:
    batch = begin()["batch"]
    hear(send(live, batch, ROWS + b"no json\n" + ROWS))
    complete(live, batch)
    for _ in range(2):  # an event may come again
        hear(job_event(batch, "Completed"))
    names_given = [line["id"] for line in result(live, batch) if "id" in line]
    assert len(set(names_given)) == 4
    index = Table(live.dynamodb, TABLE)
    for name in names_given:
        parsed = predictions.parse_prediction_id(name)
        assert parsed is not None
        known = index.get(predictions.partition("flowers", parsed.record), predictions.RECORD)
        assert known is not None
        assert (known["version"], known["rows"]) == (1, 4)
    assert known is not None
    (record,) = predictions.read_records(
        live.s3.get_object(Bucket=LAKE, Key=known["object"])["Body"].read().splitlines()
    )
    assert [row["length"] for row in record.inputs] == [3.0, 9.0, 3.0, 9.0]
    assert [row["label"] for row in record.outputs] == ["rose", "tulip", "rose", "tulip"]


def test_predictions_share_a_record_only_as_many_as_those_of_a_request(
    live: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(results, "ROWS_A_RECORD", 2)
    batch = begin()["batch"]
    hear(send(live, batch, ROWS * 2 + ROWS[:30]))
    complete(live, batch)
    hear(job_event(batch, "Completed"))
    given = [predictions.parse_prediction_id(line["id"]) for line in result(live, batch)]
    assert [one.row for one in given if one is not None] == [0, 1, 0, 1, 0]
    assert len({one.record for one in given if one is not None}) == 3


def test_a_job_that_did_not_answer_line_by_line_fails_the_batch(live: World) -> None:
    batch = begin()["batch"]
    hear(send(live, batch))
    live.s3.put_object(
        Bucket=LAKE, Key=s3_keys.batch_output_key("flowers", batch), Body=b'{"label": "rose"}\n'
    )
    hear(job_event(batch, "Completed"))
    assert look(batch)["reason"] == "the transform job did not answer one line for each line of the file"


def test_a_completed_job_closes_the_batch_with_a_link_that_expires(live: World) -> None:
    batch = begin()["batch"]
    hear(send(live, batch))
    complete(live, batch)
    assert hear(job_event(batch, "Completed")) == {"batch": batch, "state": "SUCCEEDED"}
    found = look(batch)
    assert found["ended_at"]
    assert [step["state"] for step in found["states"]] == ["WAITING_FOR_FILE", "RUNNING", "SUCCEEDED"]
    link = urlsplit(found["result"]["url"])
    assert link.path.endswith(f"batches/flowers/{batch}/answers.jsonl")
    given = parse_qs(link.query)
    assert given["X-Amz-Expires"] == ["2700"]
    assert f"flowers-{batch}.jsonl" in given["response-content-disposition"][0]


def test_a_file_of_which_no_line_fits_fails_with_its_lines_and_starts_nothing(live: World) -> None:
    batch = begin()["batch"]
    hear(send(live, batch, b'{"length": 3.0}\n' + b"no json\n"))
    found = look(batch)
    assert found["state"] == "FAILED"
    assert (
        found["reason"] == "line 1: /width: missing; allowed: a number, at least 0, at most 100; and 1 more"
    )
    assert [error["line"] for error in found["errors"]] == [1, 2]
    assert live.sagemaker.transforms == {}


def test_every_event_may_come_again_and_late(live: World) -> None:
    batch = begin()["batch"]
    arrived = send(live, batch)
    for _ in range(2):
        assert hear(arrived)["state"] == "RUNNING"
    assert hear(job_event(batch, "InProgress"))["state"] == "RUNNING"
    complete(live, batch)
    for event in (job_event(batch, "Completed"), arrived, job_event(batch, "Failed")):
        assert hear(event)["state"] == "SUCCEEDED"
    assert live.sagemaker.calls.count("CreateTransformJob") == 1


def test_a_file_sent_later_with_the_same_form_changes_nothing(live: World) -> None:
    batch = begin()["batch"]
    first = send(live, batch)
    later = send(live, batch, b"nonsense\n")
    hear(first)
    assert hear(later)["state"] == "RUNNING"
    assert look(batch)["rows"] == 2
    copied = live.s3.get_object(Bucket=LAKE, Key=s3_keys.batch_input_key("flowers", batch))["Body"].read()
    assert copied == ROWS


def test_a_start_that_broke_half_way_is_taken_up_again(live: World) -> None:
    batch = begin()["batch"]
    arrived = send(live, batch)
    _remove_lake(live)
    with pytest.raises(ClientError):
        hear(arrived)
    assert look(batch)["state"] == "RUNNING"
    live.s3.create_bucket(Bucket=LAKE, CreateBucketConfiguration={"LocationConstraint": "eu-central-1"})
    hear(arrived)
    assert job(live, batch)["TransformJobStatus"] == "InProgress"


def _remove_lake(world: World) -> None:
    for item in world.s3.list_objects_v2(Bucket=LAKE).get("Contents", []):
        world.s3.delete_object(Bucket=LAKE, Key=item["Key"])
    world.s3.delete_bucket(Bucket=LAKE)


def test_a_lost_reply_starts_one_job(live: World) -> None:
    batch = begin()["batch"]
    live.sagemaker.lose_reply_of = "CreateTransformJob"
    assert hear(send(live, batch))["state"] == "RUNNING"
    assert len(live.sagemaker.transforms) == 1


def test_the_answer_repairs_what_a_lost_event_left(live: World) -> None:
    batch = begin()["batch"]
    hear(send(live, batch))
    job(live, batch)["TransformJobStatus"] = "Stopped"
    assert look(batch)["state"] == "FAILED"
    assert records(live).batch("flowers", batch).state is BatchState.FAILED


def test_the_result_whose_event_was_lost_is_written_when_the_sweep_asks_for_the_batch(live: World) -> None:
    batch = begin()["batch"]
    hear(send(live, batch))
    complete(live, batch)
    assert look(batch)["state"] == "RUNNING"  # who answers the API writes no results
    assert hear(s3_events.batch_runs("flowers", batch))["state"] == "SUCCEEDED"
    assert len(result(live, batch)) == 2


def test_what_is_no_batchs_is_ignored(live: World) -> None:
    assert hear(send(live, "20260504t100000-abcdef")) == {}
    assert hear(live.put("batches/flowers/notes.txt", b"x")) == {}
    assert hear(job_event("20260504t100000-abcdef", "Completed")) == {}
    other = job_event("x", "Completed")
    other["detail"]["TransformJobName"] = "relearn-test-flowers-exp-20260504"
    assert hear(other) == {}


def test_the_newest_batches_come_first(live: World) -> None:
    ids = []
    for _ in range(3):
        ids.append(begin()["batch"])
        live.clock.pass_seconds(1)
    listed = ask(api.LIST_BATCHES)[2]["batches"]
    assert [item["batch"] for item in listed] == ids[::-1]
    assert ask(api.LIST_BATCHES, "prices")[2] == {"batches": []}


def test_an_id_that_is_taken_is_not_given_twice(live: World) -> None:
    ids = iter(["same", "same", "other"])
    made: list[Batch] = [records(live).create("flowers", lambda: next(ids)) for _ in range(2)]
    assert [batch.batch_id for batch in made] == ["same", "other"]
