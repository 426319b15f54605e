"""A run's data is checked before anything is paid for: what a breach makes of the run and of its uploads."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from lambdas.runtime.catalog import Catalog
from relearn.lifecycle.runs import RunState
from relearn.lifecycle.uploads import Upload
from relearn.spec.model import DateTime, Id, Number, Table
from relearn.spec.quality import Quality, Reference
from tests.support import world as worlds
from tests.support.models import FLOWERS, SAMPLES
from tests.support.world import LAKE, World

PEOPLE = Table("people", columns=(Id("person"),), key="person")
VISITS = Table(
    "visits",
    columns=(Id("person"), DateTime("at"), Number("spent", minimum=0, optional=True)),
    time="at",
    quality=Quality(min_rows=2, references=(Reference("person", to="people"),)),
)
SPEC = replace(
    FLOWERS,
    name="visits",
    title="Flowers, made of visits",
    columns=(Id("person", optional=True), *FLOWERS.columns),
    entity="person",
    tables=(PEOPLE, VISITS),
)
PEOPLE_CSV = b"person\na\nb\n"
GOOD = b"person,at,spent\na,2026-05-01,5\nb,2026-05-02,7\na,2026-05-03,\n"
ORPHANS = b"person,at,spent\nzoe,2026-05-01,5\nb,2026-05-02,7\n"


@pytest.fixture
def models_catalog(models_catalog: Catalog, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Catalog:
    """The catalog of every other test, and a model whose tables must fit each other."""
    monkeypatch.setitem(worlds.SPECS, "visits", SPEC)
    (tmp_path / "seeds" / "visits").mkdir()
    samples = {**models_catalog.samples, "visits": SAMPLES["flowers"]}
    return replace(models_catalog, specs={**models_catalog.specs, "visits": SPEC}, samples=samples)


@pytest.fixture
def serving(world: World) -> World:
    """A stage where a first version serves, of sound data."""
    world.score["visits"] = 0.9
    world.send(PEOPLE_CSV, "incoming/visits/people/a.csv")
    world.send(GOOD, "incoming/visits/visits/a.csv")
    assert world.run("visits").state is RunState.PROMOTED
    world.notifications()
    return world


def upload(world: World, name: str) -> Upload:
    (found,) = (one for one in world.ledger.uploads("visits") if one.key.endswith(name))
    return found


def report(world: World) -> Any:
    return world.read_json(LAKE, f"reports/visits/{world.latest('visits').run_id}/data.json")


def test_ingest_leaves_a_profile_beside_every_shard_and_the_keys_of_tables_that_have_some(
    serving: World,
) -> None:
    people, visits = upload(serving, "people/a.csv"), upload(serving, "visits/a.csv")
    assert serving.lake("profiles/visits/people/") == [
        f"profiles/visits/people/{people.upload_id}.json",
        f"profiles/visits/people/{people.upload_id}.keys.parquet",
    ]
    found = serving.read_json(LAKE, f"profiles/visits/visits/{visits.upload_id}.json")
    assert (found["rows"], found["columns"]["spent"]["missing"]) == (3, 1)


def test_rows_that_refer_to_nothing_end_the_run_before_it_trains(serving: World) -> None:
    serving.send(ORPHANS, "incoming/visits/visits/bad.csv")
    run = serving.run("visits")
    assert run.state is RunState.REJECTED
    assert run.reason == (
        "before training: visits.person: 1 of 5 rows (20.0%) name no row of people, for example 'zoe'; "
        "allowed: 0.0%"
    )
    assert run.version == 0
    assert "JUDGING" not in run.times
    assert serving.ledger.route("visits").champion == 1


def test_the_upload_that_broke_the_rule_is_given_up_with_the_reason_and_people_are_told(
    serving: World,
) -> None:
    serving.send(ORPHANS, "incoming/visits/visits/bad.csv")
    run = serving.run("visits")
    bad = upload(serving, "visits/bad.csv")
    assert bad.state == "FAILED"
    assert bad.reason == f"rejected by run {run.run_id}: {run.reason}"
    (told,) = serving.notifications()
    assert told["MessageAttributes"]["kind"]["Value"] == "rejected"
    assert "name no row of people" in told["Message"]


def test_what_was_new_of_the_other_tables_is_trained_on_at_once_without_it(serving: World) -> None:
    serving.send(ORPHANS, "incoming/visits/visits/bad.csv")
    serving.send(b"person\nc\n", "incoming/visits/people/more.csv")
    assert serving.run("visits").state is RunState.REJECTED
    assert upload(serving, "people/more.csv").state == "ACCEPTED"
    run = serving.run("visits")  # it holds the lock already: nobody had to upload anything
    assert run.state is RunState.PROMOTED
    assert upload(serving, "people/more.csv").state == "TRAINED"


def test_a_table_that_loses_what_others_refer_to_is_blamed_itself(serving: World) -> None:
    serving.send(b"person\nb\n", "incoming/visits/people/a.csv")
    run = serving.run("visits")
    assert "2 of 3 rows (66.7%) name no row of people" in run.reason
    states = sorted(str(one.state) for one in serving.ledger.uploads("visits"))
    assert states == ["FAILED", "TRAINED", "TRAINED"]


def test_a_key_that_comes_twice_ends_the_run(serving: World) -> None:
    serving.send(b"person\nb\nc\n", "incoming/visits/people/more.csv")
    run = serving.run("visits")
    assert run.state is RunState.REJECTED
    assert "people.person: 1 values have several rows, 'b' among them" in run.reason


def test_a_step_that_is_repeated_decides_the_same(serving: World) -> None:
    serving.repeats = 2
    serving.send(ORPHANS, "incoming/visits/visits/bad.csv")
    run = serving.run("visits")
    assert run.state is RunState.REJECTED
    assert [one["kind"]["Value"] for one in (m["MessageAttributes"] for m in serving.notifications())] == [
        "rejected"
    ]


def test_too_few_rows_give_nothing_up_and_the_next_upload_may_mend_it(world: World) -> None:
    world.score["visits"] = 0.9
    world.send(PEOPLE_CSV, "incoming/visits/people/a.csv")
    world.send(b"person,at,spent\na,2026-05-01,5\n", "incoming/visits/visits/a.csv")
    run = world.run("visits")
    assert run.state is RunState.FAILED
    assert run.reason.endswith("visits: 1 row; allowed: at least 2")
    assert upload(world, "visits/a.csv").state == "ACCEPTED"
    world.send(GOOD, "incoming/visits/visits/b.csv")
    assert world.run("visits").state is RunState.PROMOTED


def test_a_shard_without_a_profile_is_read_once_and_gets_one(serving: World) -> None:
    kept = serving.lake("profiles/visits/")
    before = {key: serving.s3.get_object(Bucket=LAKE, Key=key)["Body"].read() for key in kept}
    for key in kept:
        serving.s3.delete_object(Bucket=LAKE, Key=key)
    serving.send(GOOD, "incoming/visits/visits/good.csv")
    assert serving.run("visits").state is RunState.PROMOTED
    after = {key: serving.s3.get_object(Bucket=LAKE, Key=key)["Body"].read() for key in kept}
    assert {key: after[key] for key in kept if key.endswith(".json")} == {
        key: before[key] for key in kept if key.endswith(".json")
    }


def test_the_report_shows_the_champions_data_beside_the_runs(serving: World) -> None:
    assert report(serving)["compared_with"] == ""
    serving.send(GOOD, "incoming/visits/visits/good.csv")
    serving.run("visits")
    found = report(serving)
    assert found["compared_with"] == "version 1"
    assert found["tables"]["visits"]["profile"]["rows"] == 6
    run = serving.latest("visits").run_id
    page = serving.s3.get_object(Bucket=LAKE, Key=f"reports/visits/{run}/data.html")["Body"].read().decode()
    assert "This data is as the spec demands." in page
