"""One run of the features job: a snapshot's raw tables in, checked features as Parquet and their statistics out.

``training/<parts>.parquet`` below the output are what a model learns from, ``online/<parts>.parquet`` every entity as
it was last known, and ``statistics.json`` says what both hold. Everything is read and written through Spark, so that
an S3 URI or a file will do.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from pyspark.sql import SparkSession

from relearn.errors import DataError
from relearn.spec import DateTime, ModelSpec, Number
from training import catalog
from training.features import engine, spark
from training.features.build import MADE, Features
from training.features.check import wanted

TRAINING, ONLINE, STATISTICS = "training", "online", "statistics.json"


def run(session: SparkSession, *, model: str, shards: Mapping[str, Sequence[str]], output: str) -> None:
    """Make the features of a model.

    Parameters
    ----------
    session
        Where to make them.
    model
        Whose.
    shards
        Raw table to the URIs of its shards.
    output
        URI of a folder.

    Raises
    ------
    RelearnError
        There is no such model, or its tables or features can not be used.
    """
    spec = catalog.get(model)
    module = catalog.load_module(catalog.folder(model) / "features.py")
    made = make(session, spec, getattr(module, "features", None), shards, output)
    write_text(session, f"{output.rstrip('/')}/{STATISTICS}", json.dumps(made, indent=2, sort_keys=True))


def make(
    session: SparkSession,
    spec: ModelSpec,
    features: Features | None,
    shards: Mapping[str, Sequence[str]],
    output: str,
) -> dict[str, Any]:
    """Make features of shards, write them, and say what they hold.

    Raises
    ------
    DataError, SpecError
        As `training.features.build`.
    """
    if lacking := [table for table in spec.table_names if not shards.get(table)]:
        raise DataError("empty", f"the snapshot of {spec.name} has no shard of table {', '.join(lacking)}")
    sql = spark.connect(session)
    tables = {
        table: {"shards": len(shards[table]), "rows": spark.show_shards(sql, spec, table, shards[table])}
        for table in spec.table_names
    }
    found = {"tables": tables}
    if spec.moments is None:
        return found | {TRAINING: _write(sql, spec, features, f"{output.rstrip('/')}/{TRAINING}")}
    reach = engine.reach(sql, spec)
    spark.show_moments(sql, spec.moments.between(*reach) if reach else ())
    found[TRAINING] = _write(sql, spec, features, f"{output.rstrip('/')}/{TRAINING}")
    assert reach is not None  # noqa: S101 - without a row of that table there were no features either
    spark.show_moments(sql, [reach[1]])
    found[ONLINE] = _write(sql, spec, features, f"{output.rstrip('/')}/{ONLINE}")
    return found | {"as_of": f"{reach[1].astimezone(UTC).replace(tzinfo=None).isoformat()}Z"}


def _write(sql: spark.Sql, spec: ModelSpec, features: Features | None, place: str) -> dict[str, Any]:
    spark.make(spec, features, sql)
    spark.shard(spec, sql).write.mode("overwrite").parquet(place)
    found = statistics(spec, sql)
    sql.session.table(MADE).unpersist()
    return found


def statistics(spec: ModelSpec, sql: spark.Sql) -> dict[str, Any]:
    """Count what `training.features.spark.make` made; numbers and date-times have a smallest and a greatest value."""
    columns = wanted(spec)
    ranged = [column for column in columns if isinstance(column, Number | DateTime)]
    asked = ["count(*)", *(f'count("{column.name}")' for column in columns)]
    asked += [f'{of}("{column.name}")' for column in ranged for of in ("min", "max")]
    rows, *values = sql.execute(f"SELECT {', '.join(asked)} FROM {MADE}").fetchone() or (0,)  # noqa: S608 - the spec's names, checked
    counts, ends = values[: len(columns)], iter(values[len(columns) :])
    found: dict[str, dict[str, Any]] = {
        column.name: {"missing": rows - count} for column, count in zip(columns, counts, strict=True)
    }
    for column in ranged:
        found[column.name] |= {"minimum": _plain(next(ends)), "maximum": _plain(next(ends))}
    return {"rows": rows, "columns": found}


def _plain(value: Any) -> Any:
    return f"{value.isoformat()}Z" if isinstance(value, datetime) else value


def write_text(session: SparkSession, place: str, text: str) -> None:
    """Write one file, wherever Spark can write."""
    java = session._jvm  # noqa: SLF001 - PySpark has no other way to write a file by its name
    assert java is not None  # noqa: S101 - the session is a classic one, with a JVM of its own
    path = java.org.apache.hadoop.fs.Path(place)
    file = path.getFileSystem(session._jsc.hadoopConfiguration()).create(path, True)  # noqa: SLF001
    file.write(bytearray(text.encode()))
    file.close()
