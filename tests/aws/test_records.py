"""Prediction records: one for each answer, sent without harm to it, and in the lake exactly once."""

from __future__ import annotations

import json
import random
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings

from lambdas import keeping, predict, record, wiring
from lambdas.aws import outbox
from lambdas.aws.once import Line, Once
from lambdas.config import Config
from lambdas.visit import Visit
from relearn import predictions
from relearn.predictions import Record
from tests.aws.test_predict import EVENT, GOOD, call, lines, mutated, refusal, told
from tests.aws.wire import Behaviour, LocalAWS
from tests.aws.world import LAKE, TABLE, LambdaContext, World

SECRET = "Jane-Doe-4711"


class Queue:
    """The queue of records."""

    def __init__(self, world: World) -> None:
        self._sqs = world.sqs
        self._url = world.sqs.get_queue_url(QueueName="records")["QueueUrl"]

    def take(self) -> list[str]:
        """Take the bodies of all messages."""
        bodies = []
        while messages := self._sqs.receive_message(QueueUrl=self._url, MaxNumberOfMessages=10).get(
            "Messages"
        ):
            for message in messages:
                bodies.append(message["Body"])
                self._sqs.delete_message(QueueUrl=self._url, ReceiptHandle=message["ReceiptHandle"])
        return bodies


@pytest.fixture
def queue(world: World, local_aws: LocalAWS) -> Queue:
    """The queue of a stage where both models serve version 1."""
    del local_aws
    world.serve("flowers")
    world.serve("prices")
    return Queue(world)


def keyed(key: str) -> dict[str, Any]:
    return {"headers": {"content-type": "application/json", "idempotency-key": key}}


def prices(owner: str | None) -> dict[str, Any]:
    """A request to the model that has a private column."""
    return {
        "body": json.dumps({"instances": [{"area": 50.0, "owner": owner}]}),
        "pathParameters": {"model": "prices"},
    }


def take_in(*bodies: str) -> list[str]:
    """Deliver messages as one batch; give the ids of those that failed."""
    messages = [{"messageId": str(number), "body": body} for number, body in enumerate(bodies)]
    answer = record.handler({"Records": messages}, LambdaContext())
    return [failure["itemIdentifier"] for failure in answer["batchItemFailures"]]


def in_the_lake(world: World) -> list[Record]:
    """Read every line there is."""
    keys = world.lake("predictions/")
    content = b"".join(world.s3.get_object(Bucket=LAKE, Key=key)["Body"].read() for key in keys)
    return list(predictions.read_records(content.splitlines()))


def message(number: int = 0, model: str = "flowers", day: int = 4) -> str:
    at = datetime(2026, 5, day, 10, 0, number, tzinfo=UTC)
    made = Record(
        id=predictions.record_id(at, str(number)),
        model=model,
        version=1,
        at=at.isoformat(timespec="milliseconds"),
        request_id=f"request-{number}",
        latency_ms=1.5,
        inputs=[{"length": 1.0}, {"length": 2.0}],
        outputs=[{"label": "rose"}, {"label": "tulip"}],
    )
    return predictions.line(made).decode()


# ids


@pytest.mark.usefixtures("queue")
def test_every_prediction_has_an_id_of_its_own_as_its_first_member() -> None:
    found = call()[2]["predictions"]
    parsed = [predictions.parse_prediction_id(prediction["id"]) for prediction in found]
    assert [name.row for name in parsed if name] == [0, 1]
    assert len({name.record for name in parsed if name}) == 1
    assert [next(iter(prediction)) for prediction in found] == ["id", "id"]


@pytest.mark.usefixtures("queue")
def test_two_answers_have_different_ids() -> None:
    assert call()[2]["predictions"][0]["id"] != call()[2]["predictions"][0]["id"]


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


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
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


def test_an_answer_kept_by_a_version_without_records_is_given_again_as_it_was(
    queue: Queue, monkeypatch: pytest.MonkeyPatch
) -> None:
    old = {"model": "flowers", "version": 1, "predictions": [{"label": "rose", "probabilities": {}}]}
    with monkeypatch.context() as before:
        before.setattr(keeping.Keeper, "answer", lambda *_: old)
        call(**keyed("a"))
    assert call(**keyed("a"))[::2] == (200, old)
    assert queue.take() == []


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
    monkeypatch.setattr(outbox, "QUEUE_SECONDS", 0.4)
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


@pytest.mark.usefixtures("queue")
def test_no_record_is_counted_as_lost_when_it_was_sent(capsys: pytest.CaptureFixture[str]) -> None:
    capsys.readouterr()
    call()
    (line,) = lines(capsys)
    assert "RecordsLost" not in told(line)


def test_what_passes_is_tried_once_more(queue: Queue, local_aws: LocalAWS) -> None:
    local_aws.queue_once = [refusal("ThrottlingException")]
    assert call()[0] == 200
    assert len(queue.take()) == 1


def test_a_request_without_time_left_loses_its_record_and_not_its_answer() -> None:
    visit = Visit(0)
    visit.record = dict
    keeping.Keeper(outbox.Outbox(queue=None, url="", s3=None, lake=""), None).send(visit)  # type: ignore[arg-type]
    assert visit.lost


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
    monkeypatch.setattr(outbox, "MAX_MESSAGE_BYTES", 100)
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
    monkeypatch.setattr(outbox, "MAX_MESSAGE_BYTES", 100)


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


# taking in


def indexed(found: Record) -> dict[str, Any]:
    table = wiring.table(Config.from_env())
    item = table.get(predictions.partition(found.model, found.id), predictions.RECORD)
    assert item is not None
    return {name: value for name, value in item.items() if name not in ("pk", "sk", "claimed_at")}


@pytest.mark.usefixtures("local_aws")
def test_the_records_of_a_model_and_day_are_lines_of_one_object_that_the_index_names(world: World) -> None:
    bodies = [message(1), message(2), message(3, "prices"), message(4, day=5)]
    assert take_in(*bodies) == []
    assert [key.rsplit("/", 1)[0] for key in sorted(world.lake("predictions/"))] == [
        "predictions/flowers/dt=2026-05-04",
        "predictions/flowers/dt=2026-05-05",
        "predictions/prices/dt=2026-05-04",
    ]
    found = in_the_lake(world)
    assert sorted(predictions.line(one).decode() for one in found) == sorted(bodies)
    first = next(one for one in found if one.request_id == "request-1")
    item = indexed(first)
    assert item["object"] in world.lake("predictions/flowers/dt=2026-05-04/")
    assert (item["rows"], item["version"], item["at"]) == (2, 1, first.at)
    ninety_days = int(datetime.fromisoformat(first.at).timestamp()) + 90 * 86_400
    assert item["expires_at"] > ninety_days


@pytest.mark.usefixtures("local_aws")
def test_a_record_that_comes_again_in_the_same_or_another_batch_is_one_line(world: World) -> None:
    assert take_in(message(1), message(2), message(1)) == []
    assert take_in(message(2), message(3)) == []
    assert sorted(one.request_id for one in in_the_lake(world)) == ["request-1", "request-2", "request-3"]


@pytest.mark.parametrize(
    "broken", ["", "{", "[]", "{}", '{"object": "key"}', json.dumps({**json.loads(message()), "at": "today"})]
)
@pytest.mark.usefixtures("local_aws")
def test_a_message_that_is_no_record_fails_alone(world: World, broken: str) -> None:
    assert take_in(message(1), broken, message(2)) == ["1"]
    assert len(in_the_lake(world)) == 2


@pytest.mark.usefixtures("local_aws")
def test_a_folder_that_can_not_be_written_fails_its_own_messages_alone(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    place = Once.place

    def refuse(once: Once, found: list[Line], folder: str) -> Any:
        if "prices" in folder:
            raise OSError
        return place(once, found, folder)

    monkeypatch.setattr(Once, "place", refuse)
    assert take_in(message(1), message(2, "prices"), message(3)) == ["1"]
    monkeypatch.undo()
    assert {one.model for one in in_the_lake(world)} == {"flowers"}


# the whole way


def batches(bodies: list[str]) -> Iterator[list[str]]:
    """Deal messages as SQS may: in any order, some twice, in batches of any size."""
    dice = random.Random(4711)
    dealt = bodies + dice.sample(bodies, len(bodies) // 3)
    dice.shuffle(dealt)
    while dealt:
        size = dice.randint(1, 9)
        yield dealt[:size]
        del dealt[:size]


def test_every_answer_of_many_at_once_is_one_line_in_the_lake(queue: Queue, world: World) -> None:
    def ask(number: int) -> str | None:
        body = {"instances": [{"length": number // 9, "width": 1}]} if number % 5 else []
        changes = keyed(f"key-{number // 9}") if number % 3 == 0 else {}
        status, _, answer = call(body, **changes)
        name: str | None = answer["predictions"][0]["id"] if status == 200 else None
        return name

    with ThreadPoolExecutor(8) as pool:
        answered = {name for name in pool.map(ask, range(80)) if name}
    for batch in batches(queue.take()):
        assert take_in(*batch) == []
    stored = [predictions.prediction_id(one.id, 0) for one in in_the_lake(world)]
    assert sorted(stored) == sorted(answered)
    assert len(stored) > 30
