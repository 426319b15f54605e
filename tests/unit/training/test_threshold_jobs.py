"""Jobs of a model with a threshold: each version is judged as it serves."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from relearn.spec.model import Metric, ModelSpec, Number, Threshold, Training
from scoring import artifact
from scoring.container import Container
from tests.support import weather
from tests.support.training_kit import NUMBERS, packed, write_shard
from training.job import train

PLAIN = replace(
    NUMBERS,
    columns=(Number("a"), Number("b")),
    metric=Metric("f1_macro", minimum=0.1),
    training=Training(holdout=0.3, check_labels=False, refit=True),
)
CUT = replace(PLAIN, threshold=Threshold("f1_macro"))
MODEL = """
from sklearn.linear_model import LogisticRegression as build
"""


def rows() -> list[dict[str, Any]]:
    generator = np.random.default_rng(5)
    a, b, noise = generator.normal(size=(3, 600))
    return [
        {"a": float(x), "b": float(y), "outcome": "yes" if x + y + z > 2 else "no"}
        for x, y, z in zip(a, b, noise, strict=True)
    ]


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    def one(name: str, spec: ModelSpec, champion: Container | None = None) -> Container:
        weather.install(monkeypatch, tmp_path, spec, MODEL)
        box = Container(tmp_path / name)
        write_shard(box.train_data / f"{0:032}.parquet", (*spec.columns, spec.target), rows())
        told = {"model": spec.name, "run_id": name}
        if champion is not None:
            packed(champion.model, box.champion)
            told["champion_version"] = "1"
        config = box.root / "input/config/hyperparameters.json"
        config.parent.mkdir(parents=True)
        config.write_text(json.dumps(told), encoding="utf-8")
        assert train.main(box) == 0
        return box

    return one


def report_of(box: Container) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((box.output / "report.json").read_text(encoding="utf-8"))
    return found


def page_of(box: Container) -> str:
    return (box.output / "report.html").read_text(encoding="utf-8")


def test_candidate_and_champion_are_judged_each_at_its_own_threshold(run: Any) -> None:
    old = run("old", PLAIN)
    new = run("new", CUT, old)
    again = run("again", PLAIN, new)
    first, second, third = map(report_of, (old, new, again))
    assert "threshold" not in first["candidate"]
    assert second["champion"]["threshold"] is None
    assert second["candidate"]["threshold"]["label"] == "yes"
    assert second["candidate"]["metrics"]["f1_macro"] > second["champion"]["metrics"]["f1_macro"]
    assert second["champion"]["metrics"] == pytest.approx(first["candidate"]["metrics"])
    assert third["champion"]["threshold"] == second["candidate"]["threshold"]
    cut = f"answers yes from a probability of {second['candidate']['threshold']['probability']:.4f} on."
    assert f"<p>Candidate {cut}</p>" in page_of(new)
    assert f"<p>Champion, version 1 {cut}</p>" in page_of(again)
    assert third["champion"]["metrics"] == pytest.approx(second["candidate"]["metrics"])


def test_what_is_refitted_has_a_threshold_of_its_own_and_answers_name_it(run: Any) -> None:
    box = run("cut", CUT)
    meta = json.loads((box.model / "model.json").read_text(encoding="utf-8"))
    assert meta["twin"]["threshold"] == report_of(box)["candidate"]["threshold"]
    served = artifact.load(box.model)
    assert served.threshold is not None
    assert served.threshold.as_dict() == meta["threshold"]
    recorded = [json.loads(line) for line in (box.output / "answers.jsonl").read_bytes().splitlines()]
    assert {str(one["prediction"]["threshold"]) for one in recorded} == {str(meta["threshold"])}
    assert {str(one["twin"]["threshold"]) for one in recorded} == {str(meta["twin"]["threshold"])}
    assert "yes from a probability of" in (box.output / "report.html").read_text(encoding="utf-8")
