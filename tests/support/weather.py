"""A model of real rows with a time: the warmest temperature of a day in Seattle, 2012 to 2015.

``seattle_weather.csv`` is measurements of NOAA (https://www.weather.gov/disclaimer), in the public domain, as the
``vega_datasets`` package has them.
"""

from __future__ import annotations

import csv
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

from relearn.spec.model import DateTime, Metric, ModelSpec, Number
from scoring.container import Container
from tests.support.training_kit import write_shard
from training import catalog

FILE = Path(__file__).with_name("seattle_weather.csv")
SPEC = ModelSpec(
    name="weather",
    title="Warmest temperature of a day in Seattle",
    columns=(
        DateTime("at", parts=("yearday",)),
        Number("temp_min", unit="°C"),
        Number("precipitation", unit="mm", minimum=0),
        Number("wind", unit="m/s", minimum=0),
    ),
    target=Number("temp_max", unit="°C"),
    metric=Metric("mae", maximum=4.0),
)
MODEL = """
from sklearn.ensemble import HistGradientBoostingRegressor


def build() -> HistGradientBoostingRegressor:
    return HistGradientBoostingRegressor(max_iter=40, random_state=0)
"""


def rows() -> list[dict[str, Any]]:
    """Return the days, oldest first."""
    with FILE.open(encoding="utf-8") as file:
        return [
            {name: row[name] if name == "at" else float(row[name]) for name in named()}
            for row in csv.DictReader(file)
        ]


def named() -> list[str]:
    """Return the names of the columns and the target."""
    return [column.name for column in (*SPEC.columns, SPEC.target)]


def install(monkeypatch: pytest.MonkeyPatch, folder: Path, spec: ModelSpec, model: str = MODEL) -> None:
    """Have jobs find a spec of this model, and its model.py."""
    home = folder / "weather"
    home.mkdir(exist_ok=True)
    (home / "model.py").write_text(model, encoding="utf-8")
    monkeypatch.setattr(catalog, "get", lambda _name: spec)
    monkeypatch.setattr(catalog, "folder", lambda _name: home)


def job(base: Path, shards: Sequence[Sequence[Mapping[str, Any]]], **told: str) -> Container:
    """Create the files of a training job on shards of days, and return its container."""
    for number, days in enumerate(shards):
        write_shard(base / f"input/data/train/{number:032}.parquet", (*SPEC.columns, SPEC.target), list(days))
    config = base / "input/config/hyperparameters.json"
    config.parent.mkdir(parents=True, exist_ok=True)
    config.write_text(json.dumps({"model": "weather", "run_id": "r1", **told}), encoding="utf-8")
    return Container(base)
