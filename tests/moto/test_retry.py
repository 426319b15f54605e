"""What a person has tried again: taken up once, its history kept."""

from __future__ import annotations

from dataclasses import replace
from typing import Final

import pytest

from lambdas.handlers import ingest
from relearn.lifecycle import retries
from relearn.lifecycle.runs import RunState
from relearn.lifecycle.uploads import Upload, UploadState
from relearn.naming import s3_keys
from relearn.spec.model import ModelSpec
from tests.moto.test_tables import VISITS, VISITS_CSV
from tests.support.models import FLOWERS, FLOWERS_CSV
from tests.support.world import LAKE, MOVED, UPLOADS, World

REGION: Final = "eu-central-1"


def again(world: World, *uploads: Upload) -> list[str]:
    """Deliver a retry of uploads as they are."""
    found = uploads or (world.upload(),)
    return world.ingest(retries.message(found[0].model, found))


@pytest.fixture
def refused(world: World) -> World:
    """A stage that quarantined a good file, for a model that was not deployed yet."""
    world.send(FLOWERS_CSV, "incoming/trees/data.csv")
    assert world.upload("trees").state is UploadState.QUARANTINED
    return world


def ingest_knows(monkeypatch: pytest.MonkeyPatch, specs: dict[str, ModelSpec]) -> None:
    """Let ingest know other models than the rest of the stage does."""
    ingestion = replace(ingest.ingestion(), specs=specs)
    requests = replace(ingest.retry_requests(), ingestion=ingestion)
    monkeypatch.setattr(ingest, "ingestion", lambda: ingestion)
    monkeypatch.setattr(ingest, "retry_requests", lambda: requests)


def test_a_quarantined_upload_is_checked_again_by_the_code_that_is_deployed_now(
    refused: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = retries.message("trees", [refused.upload("trees")])
    ingest_knows(monkeypatch, {"trees": FLOWERS})
    refused.ingest(asked)  # its runs do not know the model: what it accepts waits
    upload = refused.upload("trees")
    assert (upload.state, upload.rows_accepted) == (UploadState.ACCEPTED, 20)
    (before,) = upload.earlier
    assert before["state"] == "QUARANTINED"
    assert before["reason"].startswith("unknown_model: ")
    assert s3_keys.shard_key("trees", upload.upload_id) in refused.lake()


def test_a_file_that_is_still_wrong_is_quarantined_again_with_both_ends_in_its_history(world: World) -> None:
    world.send(b"")
    again(world)
    upload = world.upload()
    assert upload.state is UploadState.QUARANTINED
    assert upload.reason.startswith("empty: ")
    assert [one["state"] for one in upload.earlier] == ["QUARANTINED"]
    again(world)
    assert len(world.upload().earlier) == 2


def test_a_deleted_version_fails_again(world: World) -> None:
    event = world.put("incoming/flowers/data.csv", FLOWERS_CSV)
    found = event["detail"]["object"]
    world.s3.delete_object(Bucket=UPLOADS, Key=found["key"], VersionId=found["version-id"])
    world.ingest(event)
    again(world)
    assert world.states_of() == ["FAILED"]
    assert world.upload().reason.startswith("object version gone: ")


def rejected(world: World) -> Upload:
    """Let a run reject an upload."""
    world.send(FLOWERS_CSV)
    world.score["flowers"] = 0.1
    assert world.run().state is RunState.REJECTED
    upload = world.upload()
    assert upload.state is UploadState.FAILED
    return upload


def test_what_a_run_rejected_is_tried_by_another_on_the_same_shard(world: World) -> None:
    upload = rejected(world)
    shards = {
        key: world.s3.head_object(Bucket=LAKE, Key=key)["LastModified"] for key in world.lake("datasets/")
    }
    world.score["flowers"] = 0.9
    world.clock.pass_seconds(5)
    assert again(world, upload) == []
    assert len(world.executions()) == 2
    assert world.run().state is RunState.PROMOTED
    assert world.upload().state is UploadState.TRAINED
    now = {key: world.s3.head_object(Bucket=LAKE, Key=key)["LastModified"] for key in world.lake("datasets/")}
    assert now == shards


def test_the_same_data_and_code_are_rejected_again(world: World) -> None:
    again(world, rejected(world))
    run = world.run()
    assert run.state is RunState.REJECTED
    assert world.upload().state is UploadState.FAILED


def test_an_upload_that_three_runs_gave_up_has_three_more(world: World) -> None:
    world.send(FLOWERS_CSV)
    for _ in range(3):
        assert world.run(broken="train").state is RunState.FAILED
        if world.upload().state is UploadState.ACCEPTED:
            again(world)
    given_up = world.upload()
    assert (given_up.state, given_up.attempts) == (UploadState.FAILED, 3)
    again(world)
    assert (world.upload().state, world.upload().attempts) == (UploadState.ACCEPTED, 0)
    assert world.run().state is RunState.PROMOTED


def test_an_upload_that_waits_after_a_failed_run_gets_a_run_at_once(world: World) -> None:
    world.send(FLOWERS_CSV)
    world.run(broken="train")
    assert world.ledger.lock("flowers") is None
    again(world)
    assert world.ledger.lock("flowers") is not None
    assert world.upload().earlier == ()


def test_the_ledger_says_why_an_upload_could_not_be_decided_yet(world: World) -> None:
    event = world.put("incoming/flowers/data.csv", FLOWERS_CSV)
    world.s3.delete_bucket(Bucket=LAKE)
    assert world.ingest(event) == ["message-0"]
    assert world.upload().state is UploadState.RECEIVED
    assert world.upload().reason.startswith("not decided yet, it is tried again: ")
    assert "NoSuchBucket" in world.upload().reason
    world.s3.create_bucket(Bucket=LAKE, CreateBucketConfiguration={"LocationConstraint": REGION})
    assert again(world) == []
    assert (world.upload().state, world.upload().reason) == (UploadState.ACCEPTED, "")


def test_a_retry_waits_for_a_frozen_route(world: World) -> None:
    world.serve()
    upload = rejected(world)
    route = world.ledger.route("flowers")
    world.ledger.write_route(
        "flowers", route, replace(route, frozen=True, revision=route.revision + 1), {}, MOVED
    )
    again(world, upload)
    assert world.states_of() == ["ACCEPTED"]
    assert world.ledger.lock("flowers") is None


def test_an_upload_that_is_tried_again_belongs_to_the_table_that_its_place_names_now(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    key = f"incoming/{VISITS.name}/visits/day.csv"
    world.send(VISITS_CSV, key)  # nobody knows the model yet, nor its tables
    (first,) = world.ledger.uploads(VISITS.name)
    assert (first.state, first.table) == (UploadState.QUARANTINED, "main")
    ingest_knows(monkeypatch, {VISITS.name: VISITS})
    world.ingest(retries.message(VISITS.name, [first]))
    (now,) = world.ledger.uploads(VISITS.name)
    assert (now.state, now.table) == (UploadState.ACCEPTED, "visits")
