"""Both engines on the same shards, through what a training job makes of them."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import duckdb
import numpy as np

from relearn.spec.model import DateTime, ModelSpec
from relearn.spec.tables import AS_OF
from tests.support.training_kit import write_shard
from training.features import feature_set, given, spark_job
from training.features.build import Features
from training.features.check import row_key

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

Rows = Sequence[Mapping[str, Any]]
Key = tuple[str, ...]


def shards(spec: ModelSpec, folder: Path, tables: Mapping[str, Rows]) -> dict[str, list[Path]]:
    """Write each table as two shards, so that what belongs together lies apart."""
    found = {}
    for table in spec.tables:
        rows = list(tables[table.name])
        parts = [rows[::2], rows[1::2]]
        found[table.name] = [
            write_shard(folder / table.name / f"{number}.parquet", table.columns, part)
            for number, part in enumerate(parts)
        ]
    return found


def on_duckdb(
    spec: ModelSpec, features: Features, files: Mapping[str, Sequence[Path]], folder: Path
) -> feature_set.FeatureSet:
    (folder / "work").mkdir(parents=True)
    sources = next(iter(files.values()))[0].parents[1]
    paths = feature_set.Paths(sources, folder / "work", online=folder / "online.jsonl")
    return feature_set.make(spec, feature_set.Code(features, folder), files, paths)


def on_spark(
    session: SparkSession,
    spec: ModelSpec,
    features: Features,
    files: Mapping[str, Sequence[Path]],
    folder: Path,
) -> feature_set.FeatureSet:
    (folder / "work").mkdir(parents=True)
    uris = {table: [path.as_uri() for path in paths] for table, paths in files.items()}
    output = folder / "made"
    made = spark_job.make(session, spec, features, uris, output.as_uri())
    spark_job.write_text(session, f"{output.as_uri()}/{given.STATISTICS}", spark_job.as_json(made))
    return given.take(spec, output, folder / "work", folder / "online.jsonl")


def rows(spec: ModelSpec, files: Sequence[Path]) -> dict[Key, dict[str, Any]]:
    """Read what was made: what names a row to the row."""
    with duckdb.connect() as connection:
        connection.execute("SET TimeZone = 'UTC'")
        kept = spec.made
        columns = [column.name for column in kept]
        chosen = ", ".join(
            f'CAST("{c.name}" AS VARCHAR)' if isinstance(c, DateTime) else f'"{c.name}"' for c in kept
        )
        listed = ", ".join(f"'{file}'" for file in files)
        moment = f'CAST("{AS_OF}" AS VARCHAR)'
        found = connection.execute(f"SELECT {moment}, {chosen} FROM read_parquet([{listed}])").fetchall()  # noqa: S608
    made = [{AS_OF: moment, **dict(zip(columns, values, strict=True))} for moment, *values in found]
    return {tuple(row[name] for name in row_key(spec)): row for row in made}


def assert_equal(one: Mapping[Key, Mapping[str, Any]], other: Mapping[Key, Mapping[str, Any]]) -> None:
    """Row by row, every value; numbers as float32, an ulp apart at most.

    A sum of float64 hangs on the order of its parts, which on Spark is any, by a few ulps of float64. Rounded to
    float32 two such sums are the same number, unless they lie on different sides of the middle between two.
    """
    assert one.keys() == other.keys()
    differing = [
        (key, name, value, other[key][name])
        for key, row in one.items()
        for name, value in row.items()
        if not same(value, other[key][name])
    ]
    assert not differing, differing[:5]


def same(one: Any, other: Any) -> bool:
    if isinstance(one, float) and isinstance(other, float) and math.isfinite(one):
        return bool(abs(one - other) <= np.spacing(np.float32(abs(one))))
    return bool(one == other)


def online(spec: ModelSpec, file: Path) -> dict[Key, dict[str, Any]]:
    """Read what is served by entity; nothing of a model of which nothing is looked up."""
    if spec.looked_up_by is None:
        return {}
    found = [json.loads(line) for line in file.read_text(encoding="utf-8").splitlines()]
    return {(row[str(spec.entity)], row[AS_OF]): row for row in found}
