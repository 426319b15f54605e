"""Jobs on real rows with a time: what a spec says of time is done, and the report says it."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from relearn.spec.model import ModelSpec, Training
from scoring.container import Container
from tests.support import weather
from training.job import train

DAYS = weather.rows()
TIMED = replace(weather.SPEC, training=Training(time="at", half_life_days=365, check_labels=False))
NEIGHBOURS = """
from sklearn.neighbors import KNeighborsRegressor as build
"""


def run(monkeypatch: pytest.MonkeyPatch, base: Path, spec: ModelSpec, *shards: Any, **told: str) -> Container:
    base.mkdir(exist_ok=True)
    weather.install(monkeypatch, base, spec)
    box = weather.job(base, shards, **told)
    assert train.main(box) == 0
    return box


def report_of(box: Container) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((box.output / "report.json").read_text(encoding="utf-8"))
    return found


def test_the_report_has_the_metric_by_month_of_every_row_held_out(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    box = run(monkeypatch, tmp_path, TIMED, DAYS)
    report = report_of(box)
    months = report["time"]["months"]
    assert [one["month"] for one in months] == sorted({str(day["at"])[:7] for day in DAYS})
    assert sum(one["rows"] for one in months) == report["rows"]["holdout"]
    mean = sum(one["rows"] * one["candidate"] for one in months) / report["rows"]["holdout"]
    assert mean == pytest.approx(report["candidate"]["metrics"]["mae"])
    page = (box.output / "report.html").read_text(encoding="utf-8")
    assert "In a fit a row counts half as much as one that is 365 days younger." in page
    assert "mae on the rows held out, by month" in page


def test_a_job_whose_estimator_takes_no_weights_fails_with_the_reason(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    weather.install(monkeypatch, tmp_path, TIMED, NEIGHBOURS)
    box = weather.job(tmp_path, [DAYS[:200]])
    assert train.main(box) == 1
    said = (box.root / "output/failure").read_text(encoding="utf-8")
    assert said.startswith("the estimator of weather, KNeighborsRegressor, takes no sample_weight")
