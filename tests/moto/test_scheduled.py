"""A model with a schedule: when its uploads become a run."""

from __future__ import annotations

import logging
from dataclasses import replace

import pytest

from lambdas.handlers import scheduled_run
from lambdas.runtime.catalog import Catalog
from lambdas.runtime.config import Config
from lambdas.wiring import runs
from relearn.lifecycle.runs import RunState
from relearn.spec.policies import Retrain
from tests.support import world as worlds
from tests.support.models import FLOWERS, FLOWERS_CSV, SAMPLES
from tests.support.world import LambdaContext, World

DAILY = Retrain(debounce_seconds=5, schedule="rate(1 day)")
WAITING, EAGER = "waiting", "eager"
SPECS = {
    WAITING: replace(FLOWERS, name=WAITING, retrain=replace(DAILY, on_upload=False)),
    EAGER: replace(FLOWERS, name=EAGER, retrain=DAILY),
}


@pytest.fixture
def models_catalog(models_catalog: Catalog, monkeypatch: pytest.MonkeyPatch) -> Catalog:
    """The catalog of every other test, and two models with a schedule."""
    for name, spec in SPECS.items():
        monkeypatch.setitem(worlds.SPECS, name, spec)
    samples = {**models_catalog.samples, **dict.fromkeys(SPECS, SAMPLES["flowers"])}
    return replace(models_catalog, specs={**models_catalog.specs, **SPECS}, samples=samples)


@pytest.fixture
def served(world: World) -> World:
    """A stage in which both models have a first version."""
    for model in SPECS:
        world.score[model] = 0.9
        upload(world, model, "first.csv")
        assert world.run(model).state is RunState.PROMOTED
    return world


def upload(world: World, model: str, name: str) -> None:
    world.send(FLOWERS_CSV, f"incoming/{model}/{name}")


def it_is_time(model: str) -> None:
    scheduled_run.handler({"model": model}, LambdaContext())


def started(world: World, model: str) -> bool:
    return world.ledger.lock(model) is not None


def test_the_first_version_does_not_wait_for_the_schedule(world: World) -> None:
    upload(world, WAITING, "first.csv")
    assert started(world, WAITING)


def test_uploads_of_a_model_that_serves_wait_for_the_schedule(served: World) -> None:
    upload(served, WAITING, "a.csv")
    upload(served, WAITING, "b.csv")
    assert served.states_of(WAITING) == ["TRAINED", "ACCEPTED", "ACCEPTED"]
    assert not started(served, WAITING)
    it_is_time(WAITING)
    assert len(served.run(WAITING).snapshot) == 3
    assert served.states_of(WAITING) == ["TRAINED"] * 3


def test_the_sweep_starts_no_run_that_waits_for_the_schedule(served: World) -> None:
    upload(served, WAITING, "a.csv")
    runs(Config.from_env()).ensure_run(WAITING)  # as the sweep calls it
    assert not started(served, WAITING)


def test_an_upload_during_a_scheduled_run_waits_for_the_next_time(served: World) -> None:
    upload(served, WAITING, "a.csv")
    it_is_time(WAITING)
    run_id = served.executions()[-1]
    context = {"model": WAITING, "run_id": run_id}
    served.walk(context)
    upload(served, WAITING, "late.csv")
    assert not started(served, WAITING)
    it_is_time(WAITING)
    assert started(served, WAITING)


def test_what_a_failed_run_left_is_tried_again_at_the_next_time(served: World) -> None:
    upload(served, WAITING, "a.csv")
    it_is_time(WAITING)
    assert served.run(WAITING, broken="train").state is RunState.FAILED
    runs(Config.from_env()).ensure_run(WAITING)
    assert not started(served, WAITING)
    it_is_time(WAITING)
    assert served.run(WAITING).state is RunState.PROMOTED


def test_a_model_with_a_schedule_beside_uploads_starts_at_once(served: World) -> None:
    upload(served, EAGER, "a.csv")
    assert started(served, EAGER)


def test_the_same_time_twice_is_one_run(served: World) -> None:
    upload(served, WAITING, "a.csv")
    before = len(served.executions())
    it_is_time(WAITING)
    it_is_time(WAITING)
    assert len(served.executions()) == before + 1


def test_when_nothing_waits_there_is_no_run_and_the_log_says_so(
    served: World, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.INFO):
        it_is_time(WAITING)
    assert not started(served, WAITING)
    (told,) = (record for record in caplog.records if "no upload waits" in record.getMessage())
    assert vars(told)["model"] == WAITING


def test_a_model_that_has_left_the_catalog_starts_nothing(served: World, models_catalog: Catalog) -> None:
    upload(served, WAITING, "a.csv")
    del models_catalog.specs[WAITING]
    it_is_time(WAITING)
    assert not started(served, WAITING)


def test_the_execution_is_told_the_specs_debounce(served: World) -> None:
    upload(served, WAITING, "a.csv")
    it_is_time(WAITING)
    told = served.execution_input(served.executions()[-1])
    assert (told["model"], told["debounce_seconds"]) == (WAITING, 5)
