"""Features that are looked up come with the version that a run promotes, and go with it."""

from __future__ import annotations

import json
from functools import partial
from typing import Any

import pytest
from botocore.exceptions import ClientError

from lambdas import wiring
from lambdas.aws import clients
from lambdas.aws.dynamo.online_features import Online
from lambdas.aws.s3.ranged_reader import Blocks
from lambdas.handlers import lifecycle, open_run, publish
from lambdas.runs import publication
from lambdas.runtime import catalog as catalogs
from lambdas.runtime.catalog import Catalog
from lambdas.runtime.config import Config
from relearn.errors import ConflictError, DataError
from relearn.lifecycle.run_context import Published
from relearn.lifecycle.runs import RunState, VersionState
from relearn.naming import s3_keys
from relearn.records import online_features
from tests.support.guests import AS_OF, MODEL, ROWS, begin, items, row, serve, with_guests
from tests.support.models import FLOWERS_CSV
from tests.support.world import LAKE, ONLINE, LambdaContext, World

MANY = [row(f"guest {number:04}", float(number % 10)) for number in range(203)]


@pytest.fixture
def models_catalog(models_catalog: Catalog, monkeypatch: pytest.MonkeyPatch) -> Catalog:
    return with_guests(models_catalog, monkeypatch)


def item(world: World, version: int, guest: str) -> Any:
    pk, sk = online_features.key(MODEL, version, guest)
    return world.dynamodb.get_item(TableName=ONLINE, Key={"pk": {"S": pk}, "sk": {"S": sk}}).get("Item")


def test_a_promoted_version_has_the_features_that_its_run_left(world: World) -> None:
    run = serve(world, ROWS)
    assert run.state is RunState.PROMOTED
    assert items(world) == {1: 3}
    found = item(world, 1, "çem")
    assert found["as_of"]["S"] == AS_OF
    expected = {name: value for name, value in ROWS[2].items() if name not in ("guest", "as_of")}
    assert json.loads(found["columns"]["S"]) == expected


def test_every_step_may_be_repeated(world: World) -> None:
    world.repeats = 3
    assert serve(world, MANY).state is RunState.PROMOTED
    assert items(world) == {1: 203}


def test_a_job_copies_nothing_that_earlier_runs_left_online(world: World) -> None:
    """CheckpointConfig: the whole prefix is copied from S3 before a job starts (Amazon SageMaker Developer Guide, checkpoints)."""
    serve(world, ROWS, ROWS[:1])
    begin(world, MANY, "c.csv")
    run_id, store = world.latest(MODEL).run_id, f"{s3_keys.features_prefix(MODEL)}month=2026-05.parquet"
    world.s3.put_object(Bucket=LAKE, Key=store, Body=b"features that every run may use again")
    context = open_run.handler({"model": MODEL, "run_id": run_id}, LambdaContext())
    assert context["checkpoint_uri"] == f"s3://{LAKE}/{s3_keys.features_prefix(MODEL)}"
    assert world.lake(s3_keys.features_prefix(MODEL)) == [store]


def test_a_run_that_is_opened_again_keeps_its_own_features(world: World) -> None:
    begin(world, ROWS)
    event = {"model": MODEL, "run_id": world.latest(MODEL).run_id}
    open_run.handler(event, LambdaContext())
    own = s3_keys.online_key(MODEL, event["run_id"])
    world.s3.put_object(Bucket=LAKE, Key=own, Body=b"{}\n")
    open_run.handler(event, LambdaContext())
    assert world.lake(s3_keys.online_prefix(MODEL)) == [own]


def test_the_ledger_knows_what_a_version_has_to_look_up(world: World) -> None:
    serve(world, ROWS)
    version = world.ledger.version(MODEL, 1)
    assert version is not None
    assert version.online == {"rows": 3, "as_of": "2026-05-04T09:00:00Z"}


def test_a_model_whose_requests_give_its_columns_publishes_nothing(world: World) -> None:
    world.send(FLOWERS_CSV)
    assert world.run().state is RunState.PROMOTED
    assert items(world) == {}


def test_a_model_without_any_entity_is_promoted_too(world: World) -> None:
    assert serve(world, []).state is RunState.PROMOTED
    assert items(world) == {}


def test_champion_and_previous_keep_their_features_and_the_one_before_loses_them(world: World) -> None:
    serve(world, ROWS, MANY, ROWS[:1])
    assert items(world) == {2: 203, 3: 1}
    before = world.ledger.version(MODEL, 1)
    assert before is not None
    assert (before.state, before.online) == (VersionState.RETIRED, {})


# a run that breaks


@pytest.mark.parametrize(
    ("lie", "told"),
    [
        ({"rows": 4}, "rows of features/guests/online/{run}.jsonl is 3; the report of run {run} says 4"),
        ({"sha256": "0" * 64}, "says '0000"),
    ],
)
def test_a_file_that_is_not_what_the_report_says_fails_the_run_and_leaves_the_champion_alone(
    world: World, lie: dict[str, Any], told: str
) -> None:
    serve(world, MANY)
    begin(world, ROWS, "b.csv")
    real = world._leave_online  # what the job leaves is right, what it says is not
    world._leave_online = lambda spec, run_id: {**(real(spec, run_id) or {}), **lie}  # type: ignore[method-assign]
    run = world.run(MODEL)
    assert run.state is RunState.FAILED
    assert told.format(run=run.run_id) in run.reason
    assert world.ledger.route(MODEL).champion == 1
    assert items(world) == {1: 203}


def test_a_report_that_tells_of_no_features_fails_the_run(world: World) -> None:
    world.lies = {"features": None}
    run = serve(world, ROWS)
    assert run.state is RunState.FAILED
    assert "tells of no online features" in run.reason


def test_a_file_that_is_not_there_fails_the_run(world: World) -> None:
    begin(world, ROWS)
    run_id = world.latest(MODEL).run_id
    world._leave_online = lambda *_: {"rows": 3, "sha256": "", "as_of": ""}  # type: ignore[method-assign]
    run = world.run(MODEL)
    assert run.state is RunState.FAILED
    assert f"{s3_keys.online_key(MODEL, run_id)} is not in the bucket" in run.reason


def test_a_line_that_is_not_as_agreed_fails_the_run(world: World) -> None:
    run = serve(world, [{**ROWS[0], "hue": 1}])
    assert run.state is RunState.FAILED
    assert "a line of the online features " in run.reason
    assert "ann" not in run.reason


def test_an_entity_that_has_two_lines_fails_the_run(world: World) -> None:
    run = serve(world, [ROWS[0], ROWS[0]])
    assert run.state is RunState.FAILED
    assert "the online features have two lines of the same guest" in run.reason
    assert "ann" not in run.reason


def test_a_candidate_that_fails_after_its_features_were_published_loses_them(world: World) -> None:
    serve(world, MANY)
    begin(world, ROWS, "b.csv")
    run = world.run(MODEL, broken="promote")
    assert run.state is RunState.FAILED
    assert items(world) == {1: 203}


def test_a_version_that_was_given_up_gets_no_features(world: World) -> None:
    serve(world, ROWS)
    version = world.ledger.version(MODEL, 1)
    assert version is not None
    world.ledger.change_version(version, state=VersionState.FAILED)
    event = {"model": MODEL, "run_id": version.run_id, "registration": {"version": 1}}
    with pytest.raises(ConflictError, match="FAILED and gets no features"):
        publish.handler(event, LambdaContext())


# more than fits into one call


def service(world: World, blocks: Blocks, table: Online | None = None) -> publication.Publication:
    config = Config.from_env()
    return publication.Publication(
        ledger=world.ledger,
        blocks=blocks,
        online=table or wiring.online(config),
        catalog=catalogs.load(),
    )


@pytest.fixture
def registered(world: World) -> dict[str, Any]:
    """A run that stands before its features."""
    begin(world, MANY)
    context: dict[str, Any] = {"model": MODEL, "run_id": world.latest(MODEL).run_id}
    with pytest.raises(RuntimeError, match="publish broke"):
        world.walk(context, "publish")
    return context


def test_a_function_whose_time_is_up_goes_on_where_it_was(world: World, registered: dict[str, Any]) -> None:
    blocks = Blocks(clients.s3(), LAKE, size=4000)
    answer: Published | None = None
    written = []
    for _ in range(100):
        clock = partial(next, iter([9.0] * 3), 0.0)  # enough for one block, in two calls of DynamoDB
        table = Online(clients.dynamodb(), ONLINE)
        answer = service(world, blocks, table).publish(MODEL, registered["run_id"], 1, answer, clock)
        written.append(items(world).get(1, 0))
        if answer["status"] == "Published":
            break
    assert answer is not None
    assert answer["rows"] == 203
    assert written[-1] == 203
    assert len(written) > 3
    assert written == sorted(written)


def test_a_file_that_is_written_anew_meanwhile_is_not_read_on(
    world: World, registered: dict[str, Any]
) -> None:
    blocks = Blocks(clients.s3(), LAKE, size=4000)
    publishing = service(world, blocks)
    first = publishing.publish(MODEL, registered["run_id"], 1, None, lambda: 0.0)
    world.s3.put_object(Bucket=LAKE, Key=s3_keys.online_key(MODEL, registered["run_id"]), Body=b"{}\n")
    with pytest.raises(DataError, match="written anew"):
        publishing.publish(MODEL, registered["run_id"], 1, first, lambda: 9.0)


def test_a_line_that_is_longer_than_a_block_is_refused(world: World, registered: dict[str, Any]) -> None:
    publishing = service(world, Blocks(clients.s3(), LAKE, size=16))
    key = s3_keys.online_key(MODEL, registered["run_id"])
    with pytest.raises(DataError, match=f"a line of {key} has no end within 16 bytes"):
        publishing.publish(MODEL, registered["run_id"], 1, None, lambda: 9.0)
    assert items(world) == {}


class Throttled:
    """DynamoDB that takes a part of what it is given, and at times nothing."""

    def __init__(self, client: Any, code: str = "ProvisionedThroughputExceededException") -> None:
        self._client = client
        self._code = code
        self.calls = 0

    def __getattr__(self, name: str) -> Any:
        return getattr(self._client, name)

    def batch_write_item(self, RequestItems: dict[str, list[Any]]) -> Any:  # noqa: N803 - as boto3 has it
        self.calls += 1
        if self.calls % 3 == 0:
            raise ClientError({"Error": {"Code": self._code}}, "BatchWriteItem")
        ((table, requests),) = RequestItems.items()
        taken = requests[: max(1, len(requests) // 2)]
        self._client.batch_write_item(RequestItems={table: taken})
        left = requests[len(taken) :]
        return {"UnprocessedItems": {table: left} if left else {}}


def test_what_dynamodb_had_no_capacity_for_is_sent_again_after_pauses(
    world: World, registered: dict[str, Any]
) -> None:
    pauses: list[float] = []
    table = Online(Throttled(clients.dynamodb()), ONLINE, pauses.append)  # type: ignore[arg-type]
    publishing = service(world, Blocks(clients.s3(), LAKE), table)
    answer = publishing.publish(MODEL, registered["run_id"], 1, None, lambda: 9.0)
    assert (answer["status"], items(world)) == ("Published", {1: 203})
    assert pauses


def test_what_dynamodb_refuses_is_not_sent_again(world: World, registered: dict[str, Any]) -> None:
    throttled = Throttled(clients.dynamodb(), "ValidationException")
    publishing = service(world, Blocks(clients.s3(), LAKE), Online(throttled, ONLINE, lambda _: None))  # type: ignore[arg-type]
    with pytest.raises(ClientError):
        publishing.publish(MODEL, registered["run_id"], 1, None, lambda: 9.0)


# what goes


def test_a_stage_that_goes_leaves_no_features(world: World) -> None:
    serve(world, MANY, ROWS)
    unheard_of = {"pk": online_features.partition(MODEL, 9, 0), "sk": "=zoe", "as_of": AS_OF, "columns": "{}"}
    assert wiring.online(Config.from_env()).write([unheard_of], lambda: 9.0)
    for run in world.executions():
        world.stop(run)
    lifecycle.work("Delete", {}, 60)
    assert items(world) == {}
