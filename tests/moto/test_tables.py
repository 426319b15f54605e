"""A model with several raw tables: whose data an upload is, and when a run has all that it needs."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from lambdas.handlers import open_run, sweep
from lambdas.http import run_views
from lambdas.maintenance.stage import Setup
from lambdas.runtime.catalog import Catalog
from lambdas.runtime.config import Config
from lambdas.serving import readiness
from lambdas.wiring import runs, storage
from relearn.errors import NotServingError
from relearn.lifecycle import exclusions, retries
from relearn.lifecycle.exclusions import Exclusion
from relearn.lifecycle.runs import RunState
from relearn.lifecycle.uploads import UploadState
from relearn.spec.model import DateTime, Id, Table
from tests.moto.test_uploads import begin, key, look
from tests.support import world as worlds
from tests.support.models import FLOWERS, SAMPLES
from tests.support.world import LAKE, UPLOADS, LambdaContext, World

TABLES = (
    Table("people", columns=(Id("person"),), key="person"),
    Table("visits", columns=(Id("person"), DateTime("at")), time="at"),
)
VISITS = replace(
    FLOWERS,
    name="visits",
    title="Flowers, made of visits",
    columns=(Id("person", optional=True), *FLOWERS.columns),
    entity="person",
    tables=TABLES,
)
PEOPLE_CSV = b"person\na\nb\n"
VISITS_CSV = b"person,at\na,2026-05-04T10:00:00Z\n"


@pytest.fixture
def models_catalog(models_catalog: Catalog, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Catalog:
    """The catalog of every other test, and a model with two tables."""
    monkeypatch.setitem(worlds.SPECS, "visits", VISITS)
    folder = tmp_path / "seeds" / "visits"
    folder.mkdir()
    (folder / "people.csv").write_bytes(PEOPLE_CSV)
    (folder / "visits.csv").write_bytes(VISITS_CSV)
    specs = {**models_catalog.specs, "visits": VISITS}
    return replace(
        models_catalog, specs=specs, samples={**models_catalog.samples, "visits": SAMPLES["flowers"]}
    )


def both_tables(world: World) -> None:
    world.score["visits"] = 0.9
    world.send(PEOPLE_CSV, "incoming/visits/people/a.csv")
    world.send(VISITS_CSV, "incoming/visits/visits/a.csv")


def test_a_form_for_a_table_takes_a_file_that_is_its_data(world: World) -> None:
    begun = begin({"filename": "a.csv", "table": "people"}, model="visits")
    assert (begun["table"], key(begun)) == ("people", f"incoming/visits/people/{begun['upload']}/a.csv")
    world.send(PEOPLE_CSV, key(begun))
    found = look(begun["upload"], model="visits")
    assert (found["table"], found["state"], found["rows_accepted"]) == ("people", "ACCEPTED", 2)


def test_each_table_is_checked_by_its_own_columns_and_has_its_own_shards(world: World) -> None:
    both_tables(world)
    found = {upload.table: upload for upload in world.ledger.uploads("visits")}
    assert {(one.table, one.state, one.rows_accepted) for one in found.values()} == {
        ("people", UploadState.ACCEPTED, 2),
        ("visits", UploadState.ACCEPTED, 1),
    }
    assert world.lake("datasets/") == [
        f"datasets/visits/{table}/{upload.upload_id}.parquet" for table, upload in sorted(found.items())
    ]


AHEAD_CSV = b"person,at\na,2026-05-04T10:00:00Z\na,2026-05-05T09:00:00Z\nb,2026-05-05T01:00:00Z\n"
"""By the world's clock, 2026-05-04 10:00, two rows are of the future."""


def test_an_upload_says_how_many_of_its_rows_wait_and_until_when(world: World) -> None:
    world.send(AHEAD_CSV, "incoming/visits/visits/a.csv")
    (upload,) = world.ledger.uploads("visits")
    assert (upload.rows_accepted, upload.rows_waiting) == (3, 2)
    assert upload.waits_until == "2026-05-05T09:00:00.000+00:00"
    shown = look(upload.upload_id, model="visits")
    assert (shown["rows_waiting"], shown["waits_until"]) == (2, upload.waits_until)


def test_a_run_says_how_many_rows_its_job_did_not_see_yet(world: World) -> None:
    told = {
        "people": {"shards": 1, "rows": 2, "waiting": 0},
        "visits": {"shards": 1, "rows": 1, "waiting": 2},
    }
    world.lies = {"tables": told}
    both_tables(world)
    run = world.run("visits")
    assert run.rows_waiting == {"visits": 2}
    assert run_views.whole(run)["rows_waiting"] == {"visits": 2}


LATE_CSV = b"person,at\na,2026-05-04T12:00:00Z\nb,2026-05-04T13:00:00Z\n"
"""By the world's clock no row is known for two hours."""
TWO_HOURS = 7200


def sweep_once(world: World) -> list[str]:
    """Sweep; the runs that there are then."""
    sweep.sweep().everything()
    return world.executions()


def test_an_upload_of_the_future_asks_for_no_run_and_says_until_when(world: World) -> None:
    both_tables(world)
    world.run("visits")
    world.send(LATE_CSV, "incoming/visits/visits/late.csv")
    assert len(sweep_once(world)) == 1
    late = next(one for one in world.ledger.uploads("visits") if one.key.endswith("late.csv"))
    assert (late.state, late.rows_waiting, late.attempts) == (UploadState.ACCEPTED, 2, 0)
    assert late.known_from == "2026-05-04T12:00:00.000+00:00"
    shown = look(late.upload_id, model="visits")
    assert shown["known_from"] == late.known_from
    assert shown["reason"] == (
        "2 rows wait for the time that is in them, the first until 2026-05-04T12:00:00Z, at the latest until "
        "2026-05-04T13:00:00Z: until then no run uses this upload"
    )


def test_the_sweep_asks_once_for_a_run_when_the_time_of_its_first_row_has_come(world: World) -> None:
    both_tables(world)
    world.run("visits")
    world.send(LATE_CSV, "incoming/visits/visits/late.csv")
    world.clock.pass_seconds(TWO_HOURS)
    assert len(sweep_once(world)) == 2
    assert len(sweep_once(world)) == 2
    run = world.run("visits")
    assert len(run.snapshot) == 3
    assert set(world.states_of("visits")) == {"TRAINED"}
    world.clock.pass_seconds(TWO_HOURS)
    assert len(sweep_once(world)) == 2


def test_a_run_that_began_before_its_time_leaves_an_upload_to_the_run_after(world: World) -> None:
    both_tables(world)
    world.run("visits")
    world.send(LATE_CSV, "incoming/visits/visits/late.csv")
    world.clock.pass_seconds(TWO_HOURS - 60)
    world.send(VISITS_CSV + b"b,2026-05-04T09:00:00Z\n", "incoming/visits/visits/b.csv")
    world.clock.pass_seconds(120)  # its time comes while the run is debouncing, and that run's clock stands
    first = world.run("visits", broken="train")
    late = next(one for one in world.ledger.uploads("visits") if one.key.endswith("late.csv"))
    assert late.upload_id not in (*first.snapshot, *first.uploads)
    assert (late.state, late.attempts) == (UploadState.ACCEPTED, 0)
    second = world.run("visits")
    assert late.upload_id in second.uploads
    assert set(world.states_of("visits")) == {"TRAINED"}


def test_a_failed_run_is_not_tried_again_at_once_for_an_upload_that_waits(world: World) -> None:
    both_tables(world)
    world.run("visits")
    world.send(VISITS_CSV + b"b,2026-05-04T09:00:00Z\n", "incoming/visits/visits/b.csv")
    world.send(LATE_CSV, "incoming/visits/visits/b.csv")
    world.run("visits", broken="train")
    assert world.ledger.lock("visits") is None


def test_a_run_that_the_sweep_gets_going_is_of_no_upload_that_waits(world: World) -> None:
    both_tables(world)
    world.run("visits")
    world.send(LATE_CSV, "incoming/visits/visits/late.csv")
    world.ledger.take_lock(
        "visits", "20260504t100100-aaaaaa"
    )  # by a process that died before it wrote the run down
    world.clock.pass_seconds(1000)
    sweep_once(world)
    assert world.ledger.run("visits", "20260504t100100-aaaaaa").uploads == ()


def test_a_first_run_waits_for_the_table_whose_rows_all_wait(world: World) -> None:
    world.score["visits"] = 0.9
    world.send(PEOPLE_CSV, "incoming/visits/people/a.csv")
    world.send(LATE_CSV, "incoming/visits/visits/late.csv")
    assert sweep_once(world) == []
    with pytest.raises(NotServingError, match=r"waits for: the time of upload .*until 2026-05-04T12:00:00Z"):
        readiness.model(world.ledger, "visits")
    world.clock.pass_seconds(TWO_HOURS)
    assert len(sweep_once(world)) == 1
    assert world.run("visits").state is RunState.PROMOTED


def test_a_version_that_waits_replaces_nothing_before_its_time(world: World) -> None:
    both_tables(world)
    before = world.run("visits").snapshot
    world.send(LATE_CSV, "incoming/visits/visits/a.csv")
    world.send(b"person\nc\n", "incoming/visits/people/b.csv")
    assert set(before) < set(world.run("visits").snapshot)
    world.clock.pass_seconds(TWO_HOURS)
    sweep_once(world)
    assert len(world.run("visits").snapshot) == 3
    assert sorted(world.states_of("visits")) == ["SUPERSEDED", "TRAINED", "TRAINED", "TRAINED"]


def test_an_upload_that_waits_for_its_time_can_be_excluded_and_is_asked_for_by_no_retry(world: World) -> None:
    both_tables(world)
    world.run("visits")
    world.send(LATE_CSV, "incoming/visits/visits/late.csv")
    late = next(one for one in world.ledger.uploads("visits") if one.key.endswith("late.csv"))
    asked = Exclusion(model="visits", upload_id=late.upload_id, why="a slip", who="ann")
    world.ingest(exclusions.message(asked))
    world.ingest(retries.message("visits", [replace(late, state=UploadState.EXCLUDED)]))
    world.clock.pass_seconds(60)
    assert len(sweep_once(world)) == 1
    again = world.ledger.upload("visits", late.upload_id)
    assert again is not None
    assert (again.state, again.known_from, len(again.earlier)) == (
        UploadState.ACCEPTED,
        late.known_from,
        1,
    )


@pytest.mark.parametrize("name", ["a.csv", "persons/a.csv", "main/a.csv"])
def test_an_upload_that_names_no_table_is_quarantined_and_hears_which_there_are(
    world: World, name: str
) -> None:
    world.send(PEOPLE_CSV, f"incoming/visits/{name}")
    upload = world.upload("visits")
    assert upload.state is UploadState.QUARANTINED
    assert upload.reason == (
        f"unknown_table: incoming/visits/{name} names no table; allowed: "
        "incoming/visits/<table>/<name>, with one of the tables people, visits"
    )
    assert (
        world.read_json(LAKE, f"quarantine/visits/{upload.upload_id}/reason.json")["code"] == "unknown_table"
    )


def test_no_run_starts_before_every_table_has_data(world: World) -> None:
    world.send(VISITS_CSV, "incoming/visits/visits/a.csv")
    world.send(VISITS_CSV, "incoming/visits/visits/b.csv")
    assert world.executions() == []
    world.send(PEOPLE_CSV, "incoming/visits/people/a.csv")
    (run_id,) = world.executions()
    assert len(world.ledger.run("visits", run_id).uploads) == 3


def test_one_manifest_lists_the_shards_of_all_tables(world: World) -> None:
    both_tables(world)
    run = world.run("visits")
    assert run.state is RunState.PROMOTED
    tables = {upload.upload_id: upload.table for upload in world.ledger.uploads("visits")}
    assert sorted(tables[upload] for upload in run.snapshot) == ["people", "visits"]
    assert world.read_json(LAKE, f"snapshots/visits/{run.run_id}.manifest") == [
        {"prefix": f"s3://{LAKE}/datasets/visits/"},
        *(f"{tables[upload]}/{upload}.parquet" for upload in run.snapshot),
    ]


def test_new_data_of_one_table_is_trained_with_the_old_data_of_the_others(world: World) -> None:
    both_tables(world)
    world.run("visits")
    world.send(VISITS_CSV, "incoming/visits/visits/b.csv")
    assert len(world.run("visits").snapshot) == 3


def test_uploads_of_a_table_that_the_spec_has_lost_start_nothing(
    world: World, models_catalog: Catalog
) -> None:
    world.send(PEOPLE_CSV, "incoming/visits/people/a.csv")
    models_catalog.specs["visits"] = replace(VISITS, tables=VISITS.tables[1:])
    runs(Config.from_env()).ensure_run("visits")
    assert world.executions() == []


def setup(world: World, models_catalog: Catalog) -> Setup:
    config = Config.from_env()
    return Setup(
        ledger=world.ledger, storage=storage(), runs=runs(config), catalog=models_catalog, bucket=UPLOADS
    )


def incoming(world: World) -> list[str]:
    found = world.s3.list_objects_v2(Bucket=UPLOADS, Prefix="incoming/visits/").get("Contents", [])
    return [item["Key"] for item in found]


SEEDS = ["incoming/visits/people/seed.csv", "incoming/visits/visits/seed.csv"]


def test_a_new_stage_gets_a_seed_for_every_table(world: World, models_catalog: Catalog) -> None:
    assert "visits" in setup(world, models_catalog).run()
    assert incoming(world) == SEEDS
    assert "visits" not in setup(world, models_catalog).run()


@pytest.mark.parametrize("taken", [True, False])
def test_seeding_that_broke_off_is_finished(world: World, models_catalog: Catalog, *, taken: bool) -> None:
    event = world.put(SEEDS[0], PEOPLE_CSV)
    if taken:
        world.ingest(event)
    assert "visits" in setup(world, models_catalog).run()
    assert incoming(world) == SEEDS
    assert len(world.s3.list_object_versions(Bucket=UPLOADS, Prefix=SEEDS[0])["Versions"]) == 1


@pytest.mark.parametrize("taken", [True, False])
def test_a_model_that_has_data_of_one_table_gets_no_seed_for_the_others(
    world: World, models_catalog: Catalog, *, taken: bool
) -> None:
    event = world.put("incoming/visits/people/own.csv", PEOPLE_CSV)
    if taken:
        world.ingest(event)
    assert "visits" not in setup(world, models_catalog).run()
    assert incoming(world) == ["incoming/visits/people/own.csv"]


def opened(world: World) -> dict[str, Any]:
    """What Open gives the state machine for the run that waits for it."""
    both_tables(world)
    lock = world.ledger.lock("visits")
    assert lock is not None
    context: dict[str, Any] = open_run.handler({"model": "visits", "run_id": lock.run_id}, LambdaContext())
    return context


def test_a_job_makes_features_of_the_shards_itself(world: World) -> None:
    context = opened(world)
    assert "spark" not in context
    assert [channel["ChannelName"] for channel in context["input_data_config"]] == ["train"]


def test_where_spark_makes_features_the_job_gets_them_and_no_shards(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FEATURES_ENGINE", "spark")
    context = opened(world)
    made = f"s3://{LAKE}/spark/visits/{context['run_id']}/"
    assert context["spark"] == {
        "snapshot": f"s3://{LAKE}/snapshots/visits/{context['run_id']}.manifest",
        "output": made,
        "now": context["hyperparameters"]["now"],
        "worker_type": "G.1X",
        "workers": 2,
        "minutes": 60,
    }
    (channel,) = context["input_data_config"]
    assert (channel["ChannelName"], channel["DataSource"]["S3DataSource"]["S3Uri"]) == ("features", made)
