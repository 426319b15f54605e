"""A model that is fitted again on all rows, from its training job to its promotion, on moto with real jobs."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from lambdas.runtime.catalog import Catalog
from relearn.data.recorded_answers import RecordedAnswer
from relearn.lifecycle.runs import Run, RunState
from relearn.spec.model import Training
from relearn.spec.rollout import Canary, Limits
from scoring import artifact
from tests.support import world as worlds
from tests.support.models import FLOWERS
from tests.support.real_training import RealTraining
from tests.support.world import World
from training import catalog

REFIT = replace(
    FLOWERS,
    hyperparameters=(),
    training=Training(refit=True, check_labels=False),
    rollout=Canary(steps=(10, 50), bake_minutes=5, limits=Limits(requests=20, latency_ratio=50)),
)
MODEL = """
from sklearn.linear_model import LogisticRegression


def build() -> LogisticRegression:
    return LogisticRegression(max_iter=200)
"""


@pytest.fixture
def models_catalog(models_catalog: Catalog) -> Catalog:
    return replace(models_catalog, specs={**models_catalog.specs, "flowers": REFIT})


@pytest.fixture
def jobs(world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> RealTraining:
    """A stage whose jobs fit flowers again on all rows."""
    (tmp_path / "model.py").write_text(MODEL, encoding="utf-8")
    monkeypatch.setattr(catalog, "get", lambda _name: REFIT)
    monkeypatch.setattr(catalog, "folder", lambda _name: tmp_path)
    monkeypatch.setitem(worlds.SPECS, "flowers", REFIT)
    return RealTraining(world, tmp_path / "jobs")


def flowers(rows: int, seed: int) -> bytes:
    """Flowers whose length nearly tells the kind."""
    generator = np.random.default_rng(seed)
    length, width = generator.uniform(1, 12, rows), generator.uniform(0, 5, rows)
    rose = length + generator.normal(scale=0.8, size=rows) < 6
    lines = (
        f"{long:.3f},{wide:.3f},{'rose' if one else 'tulip'}\n"
        for long, wide, one in zip(length, width, rose, strict=True)
    )
    return ("length,width,kind\n" + "".join(lines)).encode()


def promoted(jobs: RealTraining, rows: int, seed: int) -> Run:
    jobs.world.send(flowers(rows, seed), f"incoming/flowers/{seed}.csv")
    run = jobs.world.run()
    assert run.state is RunState.PROMOTED, run.reason
    return run


def report(jobs: RealTraining, run: Run) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((jobs.boxes[run.run_id].output / "report.json").read_bytes())
    return found


def weights(world: World) -> list[str]:
    return [one.change.what for one in reversed(world.ledger.route_history("flowers", newest=50))]


def test_what_serves_has_learnt_all_rows_and_the_next_candidate_is_compared_with_the_twin(
    jobs: RealTraining,
) -> None:
    first, second = promoted(jobs, 300, 1), promoted(jobs, 200, 2)
    assert weights(jobs.world) == ["promoted", "canary 10 %", "canary 50 %", "promoted"]
    for number in (1, 2):
        assert artifact.TWIN in jobs.files("flowers", number)
        held = artifact.load(jobs.box("flowers", number).model)
        assert held.twin is None  # a serving container does not read it
    earlier, later = report(jobs, first), report(jobs, second)
    parts = later["evaluation_set"]
    assert parts["known"] == earlier["rows"]["holdout"]
    assert parts["new"] == later["rows"]["holdout"] - parts["known"]
    assert later["repeats"]["not_examined"] == 0  # though version 1 serves a model that has learnt these rows
    assert later["twin"]["onnx_sha256"] != later["onnx_sha256"]


def test_on_the_same_rows_the_champion_has_the_figures_of_its_twin_and_not_of_what_serves(
    jobs: RealTraining,
) -> None:
    first = promoted(jobs, 300, 1)
    jobs.world.send(flowers(300, 1) + b"11.000,3.000,tulip\n", "incoming/flowers/again.csv")
    later = report(jobs, jobs.world.run())
    assert later["evaluation_set"]["new"] == 0
    assert later["champion"]["metrics"] == pytest.approx(report(jobs, first)["candidate"]["metrics"])


def test_the_smoke_test_and_the_first_step_alone_hold_what_serves_against_its_twin(
    jobs: RealTraining,
) -> None:
    promoted(jobs, 300, 1)
    jobs.world.send(flowers(200, 2), "incoming/flowers/2.csv")
    asked, steps = Counter[int](), list[int]()

    def counted(endpoint: str, body: dict[str, Any]) -> tuple[int, Any]:
        if endpoint.endswith("-v2") and steps:
            asked[steps[-1]] += len(body["instances"])
        return jobs.answer(endpoint, body)

    jobs.world.asked = lambda step: steps.append(step["index"])
    jobs.world.sagemaker.brain = counted
    run = jobs.world.run()
    assert run.state is RunState.PROMOTED
    output = jobs.boxes[run.run_id].output
    probes = (output / "probes.jsonl").read_bytes().splitlines()
    recorded = RecordedAnswer.parse_lines((output / "answers.jsonl").read_bytes().splitlines())
    assert all(one.twin is not None and one.twin != one.prediction for one in recorded)
    assert asked[steps[0]] - asked[steps[-1]] == len(probes)


def test_a_model_that_answers_otherwise_than_its_twin_is_withdrawn_in_the_first_step(
    jobs: RealTraining,
) -> None:
    promoted(jobs, 300, 1)
    jobs.world.send(flowers(200, 2), "incoming/flowers/2.csv")

    def all_roses(endpoint: str, body: dict[str, Any]) -> tuple[int, Any]:
        status, answer = jobs.answer(endpoint, body)
        label = {"label": "rose", "probabilities": {"rose": 0.9, "tulip": 0.1}}
        return status, {**answer, "predictions": [label for _ in answer["predictions"]]}

    def from_then_on(_step: dict[str, Any]) -> None:  # champion and candidate, so that only the twin tells
        jobs.world.sagemaker.brain = all_roses

    jobs.world.asked = from_then_on
    run = jobs.world.run()
    assert run.state is RunState.ROLLED_BACK
    assert run.reason.startswith("canary 10 %: against its twin, which was judged, answers differ by ")
    assert weights(jobs.world)[-1] == "withdrawn"
