"""Small specs, shards and jobs for the tests of training/."""

from __future__ import annotations

import csv
import hashlib
import json
import tarfile
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
from sklearn.linear_model import LogisticRegression

from preparation.checker import FINGERPRINT
from preparation.rules import sql_type
from relearn.spec import codec
from relearn.spec.model import (
    Boolean,
    Category,
    Column,
    DateTime,
    Id,
    Metric,
    ModelSpec,
    Number,
    Text,
    Training,
)
from scoring import artifact
from scoring.container import Container
from training import catalog
from training.data.dataset import Table
from training.fitting import onnx_export
from training.fitting.fit import frame

IRIS_SEED = catalog.MODELS_DIR / "iris" / "seed.csv"
MIXED = ModelSpec(
    name="mixed",
    title="Every type of column",
    columns=(
        Id("who"),
        Number("size", minimum=-1000, maximum=1000, optional=True),
        Category("colour", values=("red", "green"), optional=True),
        Text("note", max_length=40, optional=True),
        Boolean("fresh", optional=True),
        DateTime("at", optional=True),
    ),
    target=Category("outcome", values=("no", "yes")),
    metric=Metric("accuracy", minimum=0.5),
    training=Training(holdout=0.5),
)
NUMBERS = replace(MIXED, name="numbers", columns=(Number("a"), Number("b"), Number("c")))
REGRESSION = replace(NUMBERS, target=Number("y"), metric=Metric("rmse", maximum=10.0))


def write_shard(path: Path, columns: Sequence[Column], rows: Sequence[Mapping[str, Any]]) -> Path:
    """Write a shard as ingest does: typed columns, null for missing values, a fingerprint in the footer."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with duckdb.connect() as connection:
        connection.execute("SET TimeZone = 'UTC'")
        names = [f'"{column.name}" {sql_type(column)}' for column in columns]
        connection.execute(f"CREATE TABLE shard ({', '.join(names)})")
        if rows:
            marks = ", ".join("unnest(?)" for _ in columns)  # one by one 1,000 rows take half a second
            values = [[row.get(column.name) for row in rows] for column in columns]
            connection.execute(f"INSERT INTO shard SELECT {marks}", values)
        mark = hashlib.sha256(f"{columns}{rows}".encode()).hexdigest()
        connection.execute(
            f"COPY shard TO '{path}' (FORMAT parquet, KV_METADATA {{{FINGERPRINT}: '{mark}'}})"
        )
    return path


def numbers_archive(folder: Path) -> Path:
    """Make the model.tar.gz of a version trained for `NUMBERS`."""
    table = numbers_table(400)
    estimator = LogisticRegression().fit(frame(table.columns), table.target)
    graph = onnx_export.export(estimator, NUMBERS)
    onnx = graph.SerializeToString()
    meta = {
        "format": artifact.FORMAT,
        "run_id": "earlier",
        "spec": codec.to_dict(NUMBERS),
        "spec_digest": codec.digest(NUMBERS),
        "classes": list(estimator.classes_),
        "inputs": [given.as_dict() for given in onnx_export.layout(graph, NUMBERS)],
        "onnx_sha256": artifact.sha256(onnx),
    }
    artifact.write(folder / "model", onnx, meta)
    return packed(folder / "model", folder / "model.tar.gz")


def packed(model: Path, archive: Path) -> Path:
    """Pack an artifact's folder into an archive, as SageMaker does."""
    archive.parent.mkdir(parents=True, exist_ok=True)
    with tarfile.open(archive, "w:gz") as tar:
        tar.add(model, arcname=".")
    return archive


def iris_rows(*files: Path) -> list[dict[str, Any]]:
    """Return the rows of iris files, of the seed data by default."""
    rows: list[dict[str, Any]] = []
    for path in files or (IRIS_SEED,):
        with path.open(encoding="utf-8") as file:
            for row in csv.DictReader(file):
                species = row.pop("species")
                rows.append({**{name: float(value) for name, value in row.items()}, "species": species})
    return rows


def job(base: Path, rows: Sequence[Mapping[str, Any]], **told: str) -> Container:
    """Create the files of a training job of the iris model and return its container."""
    spec = catalog.get("iris")
    write_shard(base / "input/data/train/a.parquet", (*spec.columns, spec.target), rows)
    config = base / "input/config/hyperparameters.json"
    config.parent.mkdir(parents=True, exist_ok=True)
    config.write_text(json.dumps({"model": "iris", "run_id": "r1", **told}), encoding="utf-8")
    return Container(base)


def numbers_table(rows: int, *, seed: int = 0, regression: bool = False) -> Table:
    """Return rows of `NUMBERS` or `REGRESSION` whose target depends on all three columns."""
    generator = np.random.default_rng(seed)
    columns = {name: generator.normal(size=rows).astype(np.float32) for name in ("a", "b", "c")}
    score = columns["a"] + 2 * columns["b"] * columns["c"] + generator.normal(scale=0.3, size=rows)
    if regression:
        return Table(columns, score.astype(np.float64))
    return Table(columns, np.where(score > 0, "yes", "no").astype(object))
