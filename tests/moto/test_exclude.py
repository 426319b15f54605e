"""What a person takes out of training: in no later snapshot, and in again when she says so."""

from __future__ import annotations

from dataclasses import replace

import pytest

from lambdas.handlers import ingest, open_run
from relearn.data import snapshots
from relearn.lifecycle import exclusions, retries
from relearn.lifecycle.exclusions import Exclusion
from relearn.lifecycle.uploads import Upload, UploadState
from relearn.spec.model import Metric, Number
from tests.support.models import FLOWERS, FLOWERS_CSV
from tests.support.world import World

WHO = "arn:aws:iam::123456789012:user/ann"


def asked(upload: Upload) -> dict[str, object]:
    why = "a sensor was broken"
    return exclusions.message(Exclusion(model=upload.model, upload_id=upload.upload_id, why=why, who=WHO))


def by_key(world: World) -> dict[str, Upload]:
    return {upload.key.rpartition("/")[2]: upload for upload in world.ledger.uploads("flowers")}


def test_an_excluded_upload_is_in_no_later_snapshot(world: World) -> None:
    world.send(FLOWERS_CSV, "incoming/flowers/wrong.csv")
    first = world.run()
    wrong = by_key(world)["wrong.csv"]
    assert world.ingest(asked(wrong)) == []
    world.send(FLOWERS_CSV, "incoming/flowers/right.csv")
    second = world.run()
    assert first.snapshot == (wrong.upload_id,)
    assert second.snapshot == (by_key(world)["right.csv"].upload_id,)
    now = by_key(world)["wrong.csv"]
    assert (now.state, now.reason) == (UploadState.EXCLUDED, f"by {WHO}: a sensor was broken")


def test_an_upload_that_waits_for_its_run_is_not_trained_on(world: World) -> None:
    world.send(FLOWERS_CSV, "incoming/flowers/wrong.csv")
    world.ingest(asked(by_key(world)["wrong.csv"]))
    run = world.run()
    assert run.state == "EMPTY"
    assert by_key(world)["wrong.csv"].state is UploadState.EXCLUDED


def test_a_run_that_ends_does_not_take_it_in_again(world: World) -> None:
    world.send(FLOWERS_CSV, "incoming/flowers/wrong.csv")
    lock = world.ledger.lock("flowers")
    assert lock is not None
    context = {"model": "flowers", "run_id": lock.run_id}
    world.walk(context, before={"promote": lambda: world.ingest(asked(by_key(world)["wrong.csv"]))})
    assert by_key(world)["wrong.csv"].state is UploadState.EXCLUDED


def test_a_retry_takes_it_in_again_and_keeps_that_it_was_out(world: World) -> None:
    world.send(FLOWERS_CSV, "incoming/flowers/wrong.csv")
    world.run()
    world.ingest(asked(by_key(world)["wrong.csv"]))
    excluded = by_key(world)["wrong.csv"]
    world.ingest(retries.message("flowers", [excluded]))
    run = world.run()
    assert run.snapshot == (excluded.upload_id,)
    again = by_key(world)["wrong.csv"]
    assert again.state is UploadState.TRAINED
    assert again.earlier[0]["reason"] == excluded.reason


def test_after_a_model_got_another_target_its_old_data_is_in_no_snapshot_and_says_why(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    world.send(FLOWERS_CSV, "incoming/flowers/old.csv")
    world.run()
    columns = tuple(column for column in FLOWERS.columns if column.name != "width")
    target = next(column for column in FLOWERS.columns if column.name == "width")
    assert isinstance(target, Number)
    metric = Metric("mae", maximum=100.0)
    retargeted = replace(FLOWERS, columns=(*columns, FLOWERS.target), target=target, metric=metric)
    monkeypatch.setitem(open_run.run_opening().catalog.specs, "flowers", retargeted)
    monkeypatch.setitem(ingest.ingestion().specs, "flowers", retargeted)
    world.send(FLOWERS_CSV, "incoming/flowers/new.csv")
    lock = world.ledger.lock("flowers")
    assert lock is not None
    open_run.run_opening().open("flowers", lock.run_id)
    uploads = by_key(world)
    assert world.ledger.run("flowers", lock.run_id).snapshot == (uploads["new.csv"].upload_id,)
    assert uploads["old.csv"].state is UploadState.EXCLUDED
    assert uploads["old.csv"].reason.startswith(
        "its rows were accepted for classification of kind, and the model predicts regression of width now"
    )


def test_uploads_of_before_targets_were_written_down_stay(world: World) -> None:
    world.send(FLOWERS_CSV, "incoming/flowers/old.csv")
    world.run()
    old = replace(by_key(world)["old.csv"], predicts="")
    assert snapshots.of_other_targets([old], "regression of width") == {}
