"""Every answer of predict sends one record of it, without harm to the answer; nothing else sends any."""

from __future__ import annotations

import json
import threading
from datetime import datetime, timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, given

from lambdas.aws.fast import prediction_queue
from lambdas.handlers import predict
from lambdas.serving import prediction_records
from lambdas.serving.request_context import RequestContext
from relearn.records import predictions
from tests.moto.test_predict import EVENT, GOOD, call, lines, mutated, refusal
from tests.support.examples import examples
from tests.support.records import Queue, in_the_lake, indexed, keyed, take_in
from tests.support.wire import Behaviour, LocalAWS
from tests.support.world import TABLE, LambdaContext, World

SECRET = "Jane-Doe-4711"


def prices(owner: str | None) -> dict[str, Any]:
    """A request to the model that has a private column."""
    return {
        "body": json.dumps({"instances": [{"area": 50.0, "owner": owner}]}),
        "pathParameters": {"model": "prices"},
    }


# ids


@pytest.fixture(autouse=True)
def _patient(monkeypatch: pytest.MonkeyPatch) -> None:
    """A busy machine sends no record in the second that a function has for it."""
    monkeypatch.setattr(prediction_queue, "QUEUE_SECONDS", 60.0)


@pytest.mark.usefixtures("queue")
def test_every_prediction_has_an_id_of_its_own_as_its_first_member() -> None:
    found = call()[2]["predictions"]
    parsed = [predictions.parse_prediction_id(prediction["id"]) for prediction in found]
    assert [name.row for name in parsed if name] == [0, 1]
    assert len({name.record for name in parsed if name}) == 1
    assert [next(iter(prediction)) for prediction in found] == ["id", "id"]


@pytest.mark.usefixtures("queue")
def test_an_answer_that_is_given_again_has_the_same_ids_and_nothing_that_callers_do_not_get() -> None:
    first, second = call(**keyed("a")), call(**keyed("a"))
    assert second[1]["idempotency-replayed"] == "true"
    assert first[2] == second[2]
    assert set(first[2]) == {"model", "version", "predictions"}


# sending


def test_an_answer_sends_one_record_that_says_what_was_asked_and_answered(queue: Queue) -> None:
    answer = call()[2]
    (body,) = queue.take()
    (found,) = predictions.read_records([body.encode()])
    assert found.inputs == GOOD["instances"]
    assert [
        {"id": predictions.prediction_id(found.id, row), **output} for row, output in enumerate(found.outputs)
    ] == answer["predictions"]
    assert (found.model, found.version, found.request_id) == ("flowers", 1, "JKJaXmPLvHcESHA=")
    at = datetime.fromisoformat(found.at)
    assert (at.utcoffset(), f"{at:%Y%m%dt%H%M%S}") == (timedelta(0), found.id[:15])
    assert 0 < found.latency_ms < 10_000


@pytest.mark.parametrize(
    ("changes", "status"),
    [
        ({"body": "{"}, 400),
        ({"headers": {"content-type": "application/json", "idempotency-key": "a b"}}, 400),
        ({"pathParameters": {"model": "trees"}}, 404),
        ({"body": " " * 4_000_001}, 413),
        ({"headers": {"content-type": "text/csv"}}, 415),
        ({"body": "[]"}, 422),
    ],
)
def test_a_refused_request_sends_none(queue: Queue, changes: dict[str, Any], status: int) -> None:
    assert (
        predict.handler({**EVENT, "body": json.dumps(GOOD), **changes}, LambdaContext())["statusCode"]
        == status
    )
    assert queue.take() == []


@examples(60, HealthCheck.function_scoped_fixture)
@given(body=mutated())
def test_any_request_sends_one_record_when_it_is_answered_and_none_when_it_is_refused(
    queue: Queue, body: Any
) -> None:
    answered = call(body)[0] == 200
    assert len(queue.take()) == answered


def test_a_request_that_the_model_fails_sends_none(queue: Queue, local_aws: LocalAWS) -> None:
    local_aws.once = [refusal("ValidationError")]
    assert call()[0] == 502
    assert queue.take() == []


def test_a_key_with_another_body_sends_none(queue: Queue) -> None:
    call(**keyed("a"))
    queue.take()
    assert call({"instances": GOOD["instances"][:1]}, **keyed("a"))[0] == 409
    assert queue.take() == []


def test_an_answer_that_is_given_again_sends_the_record_it_had_the_first_time(queue: Queue) -> None:
    for number in range(3):
        call(**keyed("a"), requestContext={**EVENT["requestContext"], "requestId": f"request-{number}"})
    bodies = queue.take()
    assert len(bodies) == 3
    assert len(set(bodies)) == 1
    assert json.loads(bodies[0])["request_id"] == "request-0"


# a queue in trouble


def never(*_: Any) -> None:
    threading.Event().wait(0.5)


@pytest.mark.parametrize(
    "trouble",
    [
        [refusal("AccessDeniedException")],
        [refusal("AWS.SimpleQueueService.NonExistentQueue")],
        [refusal("InternalFailure", 500)] * 2,
        [refusal("ThrottlingException")] * 2,
        [lambda *_: None] * 2,
        [never],
    ],
    ids=["denied", "gone", "broken", "busy", "hangs up", "slow"],
)
@pytest.mark.usefixtures("queue")
def test_a_lost_record_is_counted_and_told_and_the_answer_is_unharmed(
    local_aws: LocalAWS,
    trouble: list[Behaviour],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    caplog: pytest.LogCaptureFixture,
) -> None:
    monkeypatch.setattr(prediction_queue, "QUEUE_SECONDS", 0.4)
    capsys.readouterr()
    local_aws.queue_once = [*trouble]
    status, headers, answer = call({"instances": [{"length": 12.345, "width": 1}]})
    assert (status, answer["version"]) == (200, 1)
    assert "record;dur=" in headers["server-timing"]
    assert local_aws.queue_once == []
    (line,) = lines(capsys)
    assert line["RecordsLost"] == 1
    lost = [
        g["Dimensions"] for g in line["_aws"]["CloudWatchMetrics"] if g["Metrics"][0]["Name"] == "RecordsLost"
    ]
    assert lost == [[["stage", "model"]], [["stage"]]]
    assert "the record of an answer is lost" in caplog.text
    assert "12.345" not in caplog.text + json.dumps(line)


def test_what_passes_is_tried_once_more(queue: Queue, local_aws: LocalAWS) -> None:
    local_aws.queue_once = [refusal("ThrottlingException")]
    assert call()[0] == 200
    assert len(queue.take()) == 1


def test_a_request_without_time_left_loses_its_record_and_not_its_answer() -> None:
    context = RequestContext(0)
    context.record = dict
    queue = prediction_queue.PredictionQueue(queue=None, url="", s3=None, lake="")  # type: ignore[arg-type]
    prediction_records.PredictionRecords(queue, None).send(context)  # type: ignore[arg-type]
    assert context.lost


# private columns


def test_a_private_column_is_in_no_record_no_message_no_log_and_no_object(
    queue: Queue, world: World, capsys: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> None:
    answer = predict.handler({**EVENT, **prices(SECRET)}, LambdaContext())
    assert answer["statusCode"] == 200
    (body,) = queue.take()
    assert json.loads(body)["inputs"] == [{"area": 50.0}]
    take_in(body)
    (found,) = in_the_lake(world)
    assert found.inputs == [{"area": 50.0}]
    items = world.dynamodb.scan(TableName=TABLE)["Items"]
    assert SECRET not in body + caplog.text + capsys.readouterr().out + json.dumps(items)


def test_a_private_column_is_in_no_large_record_either(
    queue: Queue, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(prediction_queue, "MAX_MESSAGE_BYTES", 100)
    predict.handler({**EVENT, **prices(SECRET)}, LambdaContext())
    (body,) = queue.take()
    (found,) = in_the_lake(world)
    assert found.inputs == [{"area": 50.0}]
    assert SECRET not in body


# large records


def test_a_record_that_no_message_takes_has_an_object_of_its_own(queue: Queue, world: World) -> None:
    rows = [{"area": number / 7} for number in range(1000)]
    told = {"version": 1, "predictions": [{"value": 1.0, "why": "x" * 250}] * 1000}
    world.sagemaker.brain = lambda _endpoint, _body: (200, told)
    answer = call({"instances": rows}, pathParameters={"model": "prices"})[2]
    (body,) = queue.take()
    (key,) = world.lake("predictions/")
    name = answer["predictions"][0]["id"].rpartition("-")[0]
    (found,) = in_the_lake(world)
    assert (found.id, len(found.inputs), len(found.outputs)) == (name, 1000, 1000)
    assert key == f"predictions/prices/dt={found.at[:10]}/{name}.jsonl"
    assert json.loads(body) == {
        "id": name, "model": "prices", "version": 1, "at": found.at, "rows": 1000, "object": key,
    }  # fmt: skip


@pytest.fixture
def all_large(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every record is too large for a message."""
    monkeypatch.setattr(prediction_queue, "MAX_MESSAGE_BYTES", 100)


@pytest.mark.usefixtures("all_large")
def test_a_large_record_that_is_sent_again_is_the_same_object_and_known_once(
    queue: Queue, world: World
) -> None:
    for _ in range(3):
        call(**keyed("a"))
    bodies = queue.take()
    assert len(bodies) == 3
    assert take_in(*bodies) == []
    assert take_in(*bodies) == []
    (key,) = world.lake("predictions/")
    (found,) = in_the_lake(world)
    item = indexed(found)
    assert item == {
        "object": key, "rows": 2, "at": found.at, "version": 1,
        "expires_at": predictions.expires_at(datetime.fromisoformat(found.at)),
    }  # fmt: skip


@pytest.mark.usefixtures("all_large")
def test_a_large_record_that_the_lake_does_not_take_is_lost(
    queue: Queue, local_aws: LocalAWS, capsys: pytest.CaptureFixture[str]
) -> None:
    capsys.readouterr()
    local_aws.s3_once = [lambda *_: (403, {}, b"<Error>AccessDenied</Error>")]
    assert call()[0] == 200
    assert lines(capsys)[0]["RecordsLost"] == 1
    assert queue.take() == []


@pytest.mark.usefixtures("all_large")
def test_a_large_record_that_another_request_is_writing_is_sent_all_the_same(
    queue: Queue, local_aws: LocalAWS
) -> None:
    local_aws.s3_once = [lambda *_: (409, {}, b"<Error>ConditionalRequestConflict</Error>")]
    assert call()[0] == 200
    assert len(queue.take()) == 1
