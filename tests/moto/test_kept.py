"""Uploads that are too old for a spec's snapshots: in no later run, with the reason, and back when the spec keeps them."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from lambdas.handlers import ingest, open_run, uploads
from lambdas.http import run_views
from relearn.api import operations
from relearn.lifecycle import retries
from relearn.lifecycle.uploads import Upload, UploadState
from relearn.naming import s3_keys
from relearn.spec.model import DateTime, ModelSpec, Training
from tests.support import gateway
from tests.support import world as worlds
from tests.support.models import FLOWERS
from tests.support.world import LambdaContext, World

TIMED = replace(
    FLOWERS, columns=(*FLOWERS.columns, DateTime("at")), training=Training(time="at", keep_days=30)
)


def declare(monkeypatch: pytest.MonkeyPatch, spec: ModelSpec) -> None:
    monkeypatch.setitem(worlds.SPECS, "flowers", spec)  # the report of the simulated job is of this spec
    monkeypatch.setitem(open_run.run_opening().catalog.specs, "flowers", spec)
    monkeypatch.setitem(ingest.ingestion().specs, "flowers", spec)
    monkeypatch.setitem(uploads.service().catalog.specs, "flowers", spec)


def send(world: World, name: str, days_ago: int) -> None:
    """Upload rows of which the newest is so many days old."""
    now = world.clock()
    at = [(now - timedelta(days=days)).isoformat(timespec="seconds") for days in (days_ago + 400, days_ago)]
    body = "length,width,kind,at\n" + f"3,1,rose,{at[0]}\n9,4,tulip,{at[1]}\n" * 10
    world.send(body.encode(), f"incoming/flowers/{name}")


def by_key(world: World) -> dict[str, Upload]:
    return {upload.key.rpartition("/")[2]: upload for upload in world.ledger.uploads("flowers")}


@pytest.fixture
def kept(world: World, monkeypatch: pytest.MonkeyPatch) -> World:
    declare(monkeypatch, TIMED)
    return world


def test_an_upload_records_the_time_of_its_newest_row(kept: World) -> None:
    send(kept, "a.csv", days_ago=3)
    newest = kept.clock() - timedelta(days=3)
    assert by_key(kept)["a.csv"].newest == newest.replace(microsecond=0).isoformat(timespec="milliseconds")


def test_an_upload_that_has_grown_too_old_is_in_no_later_snapshot_and_the_run_names_it(kept: World) -> None:
    send(kept, "old.csv", days_ago=20)
    first = kept.run()
    kept.clock.pass_seconds(15 * 86_400)
    send(kept, "new.csv", days_ago=0)
    second = kept.run()
    found = by_key(kept)
    assert first.snapshot == (found["old.csv"].upload_id,)
    assert first.left_out == ()
    assert second.snapshot == (found["new.csv"].upload_id,)
    assert second.left_out == (found["old.csv"].upload_id,)
    assert run_views.whole(second)["left_out"] == [found["old.csv"].upload_id]
    assert found["old.csv"].state is UploadState.TRAINED
    key = s3_keys.snapshot_key("flowers", second.run_id)
    listed = json.loads(kept.s3.get_object(Bucket=worlds.LAKE, Key=key)["Body"].read())
    assert len(listed) == 2  # the prefix, and one shard


def test_an_upload_that_no_run_trains_on_any_more_says_why_over_http(kept: World) -> None:
    send(kept, "old.csv", days_ago=20)
    kept.run()
    old = by_key(kept)["old.csv"]
    assert seen(old)["left_out"] is None
    kept.clock.pass_seconds(15 * 86_400)
    send(kept, "new.csv", days_ago=0)
    run = kept.run()
    found = seen(old)
    assert (found["state"], found["reason"]) == (
        "TRAINED",
        f"run {run.run_id} left it out, as it is older than the spec keeps",
    )
    assert found["left_out"] == (
        f"its newest row is of {old.newest[:10]}, and Training(keep_days=30) trains on the 30 days before a run"
    )
    listed = ask(operations.LIST_UPLOADS)["uploads"]
    assert {one["filename"]: one["left_out"] for one in listed} == {
        "new.csv": None,
        "old.csv": found["left_out"],
    }


def seen(upload: Upload) -> Any:
    return ask(operations.GET_UPLOAD, upload=upload.upload_id)


def ask(operation: operations.Operation, **path: str) -> Any:
    asked = gateway.event(operation, None, model="flowers", **path)
    status, _, body = gateway.answered(uploads.handler(asked, LambdaContext()))
    assert status == 200, body
    return body


def test_a_new_upload_that_is_too_old_is_excluded_with_the_reason_and_starts_no_run_again(
    kept: World,
) -> None:
    send(kept, "new.csv", days_ago=0)
    kept.run()
    send(kept, "ancient.csv", days_ago=100)
    run = kept.run()
    assert run.state == "EMPTY"
    ancient = by_key(kept)["ancient.csv"]
    assert ancient.state is UploadState.EXCLUDED
    assert "Training(keep_days=30) trains on the 30 days before a run" in ancient.reason
    assert kept.ledger.lock("flowers") is None


def test_a_spec_that_keeps_uploads_for_longer_has_them_again(
    kept: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    send(kept, "old.csv", days_ago=20)
    kept.run()
    kept.clock.pass_seconds(15 * 86_400)
    send(kept, "new.csv", days_ago=0)
    send(kept, "ancient.csv", days_ago=100)
    kept.run()
    declare(monkeypatch, replace(TIMED, training=Training(time="at", keep_days=365)))
    kept.ingest(retries.message("flowers", [by_key(kept)["ancient.csv"]]))
    assert set(kept.run().snapshot) == {upload.upload_id for upload in by_key(kept).values()}
