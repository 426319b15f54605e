"""A run of as many uploads as a snapshot may have: no list of them outgrows an item of the ledger or a step's answer."""

from __future__ import annotations

import json
from dataclasses import asdict
from types import SimpleNamespace
from typing import Any, cast

from cli.stage import ledger as cli_ledger
from cli.stage.target import Target
from lambdas import wiring
from lambdas.aws.dynamo.ledger import Ledger
from lambdas.aws.dynamo.table import Put, weight
from lambdas.http import run_views
from lambdas.runs.opening import RunOpening
from lambdas.runtime import catalog
from relearn.data import snapshots
from relearn.lifecycle import id_lists
from relearn.lifecycle.runs import Run, RunState
from relearn.lifecycle.uploads import Upload, UploadState
from relearn.naming import ledger_keys, s3_keys
from tests.support.dynamo import ledger_table
from tests.support.world import ARTIFACTS, LAKE, World

MOST = snapshots.MAX_SHARDS
STATE_BYTES = 256 * 1024
"""What Step Functions passes from one step to the next at most."""
ANSWER_BYTES = 6 * 1024**2
"""What a function may answer at most."""
AT = "2026-05-04T10:00:00.000+00:00"


def upload(number: int) -> Upload:
    name = f"{number:064x}"
    return Upload(
        upload_id=name, model="flowers", table="main", key=f"incoming/flowers/{number}.csv", version_id="v",
        sequencer=f"{number:016X}", size_bytes=1, received_at=AT, state=UploadState.ACCEPTED,
        sha256=name, rows_accepted=1, times={"RECEIVED": AT, "ACCEPTED": AT},
    )  # fmt: skip


def items_of_runs(world: World) -> list[dict[str, Any]]:
    pages = world.dynamodb.get_paginator("scan").paginate(TableName="ledger", ConsistentRead=True)
    return [item for page in pages for item in page["Items"]]


def test_a_run_of_20000_uploads_is_opened(world: World) -> None:
    table = ledger_table()
    ledger = Ledger(table, world.clock)
    for one in map(upload, range(MOST)):
        table.write(
            Put(pk=ledger_keys.partition("flowers"), sk=ledger_keys.upload(one.upload_id), item=asdict(one))
        )
    wanted = tuple(upload(number).upload_id for number in range(MOST))
    ledger.take_lock("flowers", "run-1")
    ledger.create_run(Run(run_id="run-1", model="flowers", started_at=AT, uploads=wanted))

    opening = RunOpening(
        ledger=ledger,
        storage=wiring.storage(),
        catalog=catalog.load(),
        stage="test",
        lake=LAKE,
        artifacts=ARTIFACTS,
    )
    context = opening.open("flowers", "run-1")
    run = ledger.run("flowers", "run-1")
    assert (run.uploads, run.snapshot) == (wanted, wanted)
    assert len(world.read_json(LAKE, s3_keys.snapshot_key("flowers", "run-1"))) == MOST + 1
    assert len(json.dumps(context)) < STATE_BYTES // 10
    assert len(json.dumps(run_views.whole(run))) < ANSWER_BYTES


def test_a_run_whose_lists_outgrow_an_item_is_read_as_it_was_written(world: World) -> None:
    ids = tuple(upload(number).upload_id for number in range(MOST))
    world.ledger.create_run(Run(run_id="run-1", model="flowers", started_at=AT, uploads=ids))
    run = world.ledger.move_run(world.ledger.run("flowers", "run-1"), RunState.TRAINING, snapshot=ids[::-1])
    assert (run.uploads, run.snapshot) == (ids, ids[::-1])
    assert world.ledger.run("flowers", "run-1") == run
    assert world.ledger.latest_run("flowers") == run
    assert max(weight({"M": item}) for item in items_of_runs(world)) < 400_000
    stage = SimpleNamespace(client=lambda _: world.dynamodb, output=lambda _: "ledger")
    told = cli_ledger.Ledger(cast("Target", stage))
    assert [told.run("flowers", "run-1"), *told.runs("flowers")] == [run, run]


def test_lists_that_begin_alike_share_their_parts(world: World) -> None:
    first = tuple(upload(number).upload_id for number in range(MOST - 1))
    more = (*first, upload(MOST).upload_id)
    for run_id, snapshot in {"run-1": first, "run-2": more}.items():
        run = world.ledger.create_run(Run(run_id=run_id, model="flowers", started_at=AT))
        world.ledger.move_run(run, RunState.TRAINING, snapshot=snapshot)
    assert [run.snapshot for run in world.ledger.runs("flowers", newest=2)] == [more, first]
    parts = [item for item in items_of_runs(world) if item["sk"]["S"].startswith("LIST#")]
    assert len(parts) == -(-MOST // id_lists.PART) + 1
