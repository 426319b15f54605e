"""Read the features that Spark computed from a snapshot; check and order them like those from DuckDB."""

# ruff: noqa: S608 - every name in the SQL is ours or the spec's (checked), the path goes through quote()
from __future__ import annotations

import json
from pathlib import Path

import duckdb

from preparation.rules import quote
from relearn.errors import DataError
from relearn.spec.model import ModelSpec
from training.features import engine
from training.features.build import FeatureFiles, count_rows
from training.features.cache import digest
from training.features.check import as_shard, check_values
from training.features.feature_set import FeatureSet
from training.features.online import Online, export

TRAINING, ONLINE, STATISTICS = "training", "online", "statistics.json"
"""Output of the Spark job: two folders of Parquet files, and their counts."""


def take(spec: ModelSpec, given: Path, workdir: Path, online: Path | None) -> FeatureSet:
    """Read, check and order the features from Spark.

    Parameters
    ----------
    spec
        Spec with tables.
    given
        Folder with `TRAINING`, `ONLINE` and `STATISTICS`.
    workdir
        Empty folder for the ordered files.
    online
        File for the online features; None: they are not written.

    Raises
    ------
    DataError
        The features break the spec, or are missing.
    """
    counted = json.loads((given / STATISTICS).read_text(encoding="utf-8"))
    with engine.connect(workdir.resolve(), [given.resolve()]) as connection:
        file = _in_order(spec, connection, given / TRAINING, workdir.resolve() / "features.parquet")
        made = FeatureFiles((file,), count_rows(connection, [file]), digest(file), counted["tables"], {})
        served = _served(spec, connection, given / ONLINE, workdir.resolve() / "online.parquet", online)
    return FeatureSet.of(made, counted["fingerprints"], served)


def _served(
    spec: ModelSpec, connection: duckdb.DuckDBPyConnection, folder: Path, draft: Path, path: Path | None
) -> Online | None:
    if path is None or spec.moments is None:
        return None
    file = _in_order(spec, connection, folder, draft)
    moment = connection.execute(
        f"SELECT CAST(max(as_of) AS VARCHAR) FROM read_parquet({quote(str(file))})"
    ).fetchone()
    assert moment is not None  # noqa: S101 - an aggregate always gives a row
    return export(connection, spec, [file], moment[0], path)


def _in_order(spec: ModelSpec, connection: duckdb.DuckDBPyConnection, folder: Path, path: Path) -> Path:
    """Check a feature set, and write it ordered by `row_key`."""
    files = sorted(folder.rglob("*.parquet"))
    if not files:
        raise DataError("empty", f"Spark left no {folder.name} features of {spec.name}")
    paths = ", ".join(quote(str(file.resolve())) for file in files)
    relation = f"read_parquet([{paths}])"
    check_values(spec, connection, relation)
    connection.execute(f"COPY ({as_shard(spec, relation)}) TO {quote(str(path))} (FORMAT parquet)")
    return path
