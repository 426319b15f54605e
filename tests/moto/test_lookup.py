"""A request may name an entity: what it leaves out is looked up for the version that answers."""

from __future__ import annotations

import json
import threading
from typing import Any

import pytest

from lambdas.handlers import predict
from lambdas.runtime.catalog import Catalog
from lambdas.serving import prediction
from relearn.records import predictions
from tests.moto.test_predict import EVENT, lines, refusal, told
from tests.support.guests import MODEL, ROWS, begin, row, serve, with_guests
from tests.support.records import Queue
from tests.support.wire import LocalAWS
from tests.support.world import LambdaContext, World

WHOLE = {"guest": "ann", "length": 8.0, "width": 2.0, "mood": None, "age": None}


@pytest.fixture
def models_catalog(models_catalog: Catalog, monkeypatch: pytest.MonkeyPatch) -> Catalog:
    return with_guests(models_catalog, monkeypatch)


@pytest.fixture
def scored(world: World, local_aws: LocalAWS) -> list[Any]:
    """A stage where version 1 of the model serves; what its container is sent."""
    serve(world, ROWS)
    container, sent = world.sagemaker.brain, []

    def note(endpoint: str, body: dict[str, Any]) -> tuple[int, Any]:
        sent.append(body["instances"])
        return container(endpoint, body)

    world.sagemaker.brain = note
    local_aws.reads.clear()
    return sent


def ask(
    *instances: dict[str, Any], headers: dict[str, str] | None = None, seconds: float = 29
) -> tuple[int, dict[str, str], Any]:
    event = {
        **EVENT,
        "pathParameters": {"model": MODEL},
        "rawPath": f"/v1/models/{MODEL}/predict",
        "headers": {"content-type": "application/json", **(headers or {})},
        "body": json.dumps({"instances": list(instances)}),
    }
    answer = predict.handler(event, LambdaContext(seconds=seconds))
    return answer["statusCode"], answer["headers"], json.loads(answer["body"])


def columns(found: dict[str, Any]) -> dict[str, Any]:
    """A line of the training job as the container gets it."""
    return {name: value for name, value in found.items() if name != "as_of"}


def look_ups(local_aws: LocalAWS) -> list[int]:
    """Count the keys of every look-up."""
    return [
        len(request["RequestItems"]["online"]["Keys"])
        for action, request in local_aws.reads
        if action == "BatchGetItem"
    ]


def test_an_entity_is_scored_with_the_features_that_the_run_left(scored: list[Any]) -> None:
    status, _, answer = ask(*({"guest": one["guest"]} for one in ROWS))
    assert (status, answer["version"]) == (200, 1)
    assert [one["label"] for one in answer["predictions"]] == ["rose", "tulip", "rose"]
    assert scored == [[columns(one) for one in ROWS]]


def test_a_complete_instance_is_not_looked_up(scored: list[Any], local_aws: LocalAWS) -> None:
    assert ask(WHOLE, {"length": 1.0, "width": 1.0})[0] == 200
    assert look_ups(local_aws) == []
    assert scored == [[WHOLE, {"length": 1.0, "width": 1.0}]]


def test_the_version_that_answers_is_the_one_that_is_looked_up(world: World, scored: list[Any]) -> None:
    assert ask({"guest": "ann"})[2]["version"] == 1
    begin(world, [row("ann", 50.0), row("zoe", 60.0)], "b.csv")
    world.run(MODEL)
    assert ask({"guest": "ann"})[2]["version"] == 1  # the route is remembered for a moment
    predict.predictor.cache_clear()
    assert ask({"guest": "ann"}, {"guest": "zoe"})[2]["version"] == 2
    assert [one["length"] for sent in scored[-2:] for one in sent] == [3.0, 50.0, 60.0]


def test_an_unknown_entity_is_told_to_which_version_and_what_to_give(scored: list[Any]) -> None:
    status, _, problem = ask({"guest": "ann"}, {"guest": "zoe", "length": 1.0})
    assert (status, problem["type"]) == (422, "urn:relearn:problem:invalid-instances")
    assert problem["errors"] == [
        {
            "pointer": "/instances/1/guest",
            "detail": "got 'zoe', not known to version 1; allowed: a known one, or to give width, mood, age too",
        }
    ]
    assert scored == []


@pytest.mark.parametrize("guest", ["", "g" * 257, 7, ["ann"]])
@pytest.mark.usefixtures("scored")
def test_what_can_be_no_entity_is_refused_without_a_look_up(local_aws: LocalAWS, guest: Any) -> None:
    status, _, problem = ask({"guest": guest})
    assert (status, [one["pointer"] for one in problem["errors"]]) == (422, ["/instances/0/guest"])
    assert look_ups(local_aws) == []


def test_a_thousand_entities_are_answered_in_order(world: World, local_aws: LocalAWS) -> None:
    rows = [row(f"guest {number:04}", float(number % 10)) for number in range(1000)]
    serve(world, rows)
    status, _, answer = ask(*({"guest": one["guest"]} for one in reversed(rows)))
    assert status == 200
    expected = ["rose" if one["length"] < 5 else "tulip" for one in reversed(rows)]
    assert [one["label"] for one in answer["predictions"]] == expected
    assert sorted(look_ups(local_aws)) == [100] * 10


# trouble


def some(count: int) -> Any:
    """DynamoDB with capacity for so many keys of a call."""

    def answer(_path: str, _headers: dict[str, str], body: bytes) -> tuple[int, dict[str, str], bytes]:
        keys = json.loads(body)["RequestItems"]["online"]["Keys"]
        left = {"online": {"Keys": keys[count:], "ConsistentRead": True}}
        found = answer.table.batch_get_item(RequestItems={"online": {"Keys": keys[:count]}})  # type: ignore[attr-defined]
        said = {"Responses": found["Responses"], "UnprocessedKeys": left}
        return 200, {}, json.dumps(said).encode()

    return answer


def test_what_dynamodb_had_no_capacity_for_is_asked_for_again(
    world: World, scored: list[Any], local_aws: LocalAWS
) -> None:
    partly = some(1)
    partly.table = world.dynamodb
    local_aws.table_once = [partly, refusal("ProvisionedThroughputExceededException")] * 2
    assert ask(*({"guest": one["guest"]} for one in ROWS))[0] == 200
    assert scored == [[columns(one) for one in ROWS]]
    assert local_aws.table_once == []


@pytest.mark.usefixtures("scored")
def test_a_table_that_does_not_answer_in_time_is_a_gateway_timeout(local_aws: LocalAWS) -> None:
    over = threading.Event()
    local_aws.table_once = [lambda *_: over.wait(10)] * 2  # type: ignore[list-item]
    status, _, _ = ask({"guest": "ann"}, seconds=prediction.ANSWER_SECONDS + 0.3)
    over.set()
    assert status == 504


@pytest.mark.usefixtures("scored")
def test_a_table_without_capacity_is_a_gateway_timeout_at_the_end(local_aws: LocalAWS) -> None:
    local_aws.table_once = [refusal("ThrottlingException")] * 100
    assert ask({"guest": "ann"}, seconds=prediction.ANSWER_SECONDS + 0.5)[0] == 504


def test_a_fault_of_the_table_is_ours(world: World, local_aws: LocalAWS, scored: list[Any]) -> None:
    del local_aws, scored
    world.dynamodb.delete_table(TableName="online")
    assert ask({"guest": "ann"})[0] == 500


# what is told of it


@pytest.mark.usefixtures("scored")
def test_an_answer_says_how_long_the_look_up_took() -> None:
    _, headers, _ = ask({"guest": "ann"})
    phases = [part.split(";")[0] for part in headers["server-timing"].split(", ")]
    assert phases == ["validate", "features", "model", "record", "total"]


@pytest.mark.usefixtures("scored")
def test_look_ups_and_unknown_entities_are_counted(capsys: pytest.CaptureFixture[str]) -> None:
    capsys.readouterr()
    ask({"guest": "ann"}, {"guest": "ann"}, {"guest": "zoe"})
    (line,) = lines(capsys)
    assert (line["Lookups"], line["UnknownEntities"]) == (2, 1)
    assert told(line)["Lookups"] == told(line)["UnknownEntities"] == {"stage": "test", "model": MODEL}
    assert "ann" not in json.dumps(line)


def inputs_of(world: World) -> list[Any]:
    """Read the records that were sent: what was scored."""
    return [record.inputs for record in predictions.read_records(b.encode() for b in Queue(world).take())]


@pytest.mark.usefixtures("scored")
def test_a_record_has_the_instance_as_scored_without_what_is_private(world: World) -> None:
    ask({"guest": "ann", "width": 7.0}, WHOLE)
    assert inputs_of(world) == [
        [
            {"length": 3.0, "width": 7.0, "mood": "sunny"},
            {"length": 8.0, "width": 2.0, "mood": None},
        ]
    ]


@pytest.mark.usefixtures("scored")
def test_an_answer_that_is_given_again_has_the_same_record(world: World) -> None:
    key = {"idempotency-key": "one"}
    first = ask({"guest": "ben"}, headers=key)[2]
    world.dynamodb.delete_table(TableName="online")  # long after the version was retired
    _, headers, again = ask({"guest": "ben"}, headers=key)
    assert (headers["idempotency-replayed"], again) == ("true", first)
    assert inputs_of(world) == [[{"length": 9.0, "width": 1.0, "mood": None}]] * 2


def test_what_is_kept_for_a_key_has_nothing_private(world: World, scored: list[Any]) -> None:
    del scored
    from lambdas.aws.dynamo.idempotency_store import _unpack  # noqa: PLC0415

    ask({"guest": "ben"}, headers={"idempotency-key": "one"})
    (item,) = (
        item
        for item in world.dynamodb.scan(TableName="ledger")["Items"]
        if item["pk"]["S"].startswith("IDEMPOTENCY#")
    )
    kept = json.dumps(_unpack(item["answer"]["S"]))
    assert "mood" in kept
    assert "age" not in kept
