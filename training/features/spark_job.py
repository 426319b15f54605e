"""Run the features job: compute checked features from a snapshot's raw tables on Spark.

The output folder gets ``training/<parts>.parquet`` with the rows a model learns from,
``online/<parts>.parquet`` with the last known features of every entity, and ``statistics.json`` with their
counts. Everything is read and written through Spark, so an S3 URI works as well as a file.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from pyspark.sql import SparkSession
from pyspark.sql import functions as f

from preparation.checker import FINGERPRINT
from relearn.errors import DataError
from relearn.spec.model import ModelSpec
from training import catalog
from training.features import engine, spark
from training.features.build import MADE, Features, moments_between, no_rows
from training.features.check import wanted
from training.features.column_types import FEATURE_TYPES
from training.features.given import ONLINE, STATISTICS, TRAINING

FOOTERS_AT_ONCE = 16
"""Number of Parquet footers read in parallel."""


def run(
    session: SparkSession, *, model: str, shards: Mapping[str, Sequence[str]], output: str, now: datetime
) -> None:
    """Compute the features of a model, and write them and their statistics.

    Parameters
    ----------
    session
        Spark session.
    model
        Name of the model.
    shards
        URIs of the shards by raw table.
    output
        URI of the output folder.
    now
        Clock of the run, aware: rows dated later are ignored.

    Raises
    ------
    RelearnError
        There is no such model, or its tables or features cannot be used.
    """
    spec = catalog.get(model)
    module = catalog.load_module(catalog.folder(model) / "features.py")
    made = make(session, spec, getattr(module, "features", None), shards, output, now=now)
    write_text(session, f"{output.rstrip('/')}/{STATISTICS}", as_json(made))


def make(
    session: SparkSession,
    spec: ModelSpec,
    features: Features | None,
    shards: Mapping[str, Sequence[str]],
    output: str,
    *,
    now: datetime | None = None,
) -> dict[str, Any]:
    """Compute and write the features of shards; return their statistics. Without ``now``, use this machine's clock.

    Raises
    ------
    DataError, SpecError
        As `training.features.build` raises them.
    """
    if lacking := [table for table in spec.table_names if not shards.get(table)]:
        raise DataError("empty", f"the snapshot of {spec.name} has no shard of table {', '.join(lacking)}")
    sql, now = spark.connect(session), now or datetime.now(UTC)
    tables = {
        table: {"shards": len(shards[table]), **spark.show_shards(sql, spec, table, shards[table], now)}
        for table in spec.table_names
    }
    marks = fingerprints(session, [file for table in spec.table_names for file in shards[table]])
    job = _SparkJob(sql, spec, features, output.rstrip("/"))
    made = job.sets()
    return {"tables": tables, "fingerprints": marks, **made}


@dataclass(frozen=True, slots=True)
class _SparkJob:
    sql: spark.Sql
    spec: ModelSpec
    features: Features | None
    output: str

    def sets(self) -> dict[str, Any]:
        """Compute and write the training rows and the online features."""
        if self.spec.moments is None:
            return {TRAINING: self._write(TRAINING)}
        followed = next(table for table in self.spec.tables if table.name == self.spec.moments.table)
        first, last = engine.reach(self.sql, followed) or (None, None)
        spark.show_moments(self.sql, moments_between(self.spec, first, last))
        learnt = self._write(TRAINING)
        assert last is not None  # noqa: S101 - or there was no moment
        spark.show_moments(self.sql, [last])
        return {TRAINING: learnt, ONLINE: self._write(ONLINE), "as_of": last.isoformat()}

    def _write(self, name: str) -> dict[str, Any]:
        count = spark.make(self.spec, self.features, self.sql)
        if not count and name == TRAINING:
            raise no_rows(self.spec)
        spark.rows(self.spec, self.sql).write.mode("overwrite").parquet(f"{self.output}/{name}")
        found = statistics(self.spec, self.sql)
        self.sql.session.table(MADE).unpersist()
        return found


def statistics(spec: ModelSpec, sql: spark.Sql) -> dict[str, Any]:
    """Return the counts of rows and missing values in `MADE`, and the range of its numbers and date-times."""
    columns = wanted(spec)
    ranged = [column for column in columns if FEATURE_TYPES[type(column)].ranged]
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
    if isinstance(value, Decimal):  # Spark's type of 1.0 in an expression
        return float(value)
    return f"{value.isoformat()}Z" if isinstance(value, datetime) else value


def fingerprints(session: SparkSession, files: Sequence[str]) -> list[str]:
    """Return the content fingerprints of shards, as `training.features.shards` does for local files."""
    java: Any = session._jvm  # noqa: SLF001 - PySpark reads no footers
    configuration: Any = session._jsc.hadoopConfiguration()  # noqa: SLF001

    def mark(file: str) -> str | None:
        path = java.org.apache.hadoop.fs.Path(file)
        footer = java.org.apache.parquet.hadoop.ParquetFileReader.readFooter(configuration, path)
        found: str | None = footer.getFileMetaData().getKeyValueMetaData().get(FINGERPRINT)
        return found

    with ThreadPoolExecutor(FOOTERS_AT_ONCE) as pool:
        marks = dict(zip(files, pool.map(mark, files), strict=True))
    return [found or _digest(session, file) for file, found in marks.items()]


def _digest(session: SparkSession, file: str) -> str:
    content = session.read.format("binaryFile").load(file)
    (row,) = content.select(f.sha2("content", 256)).collect()
    return str(row[0])


def as_json(made: Mapping[str, Any]) -> str:
    """Return the result of `make` as JSON."""
    return json.dumps(made, indent=2, sort_keys=True)


def write_text(session: SparkSession, place: str, text: str) -> None:
    """Write a text file to any place that Spark can write to."""
    java = session._jvm  # noqa: SLF001 - PySpark has no other way to write a file by its name
    assert java is not None  # noqa: S101 - the session is a classic one, with a JVM of its own
    path = java.org.apache.hadoop.fs.Path(place)
    file = path.getFileSystem(session._jsc.hadoopConfiguration()).create(path, True)  # noqa: SLF001
    file.write(bytearray(text.encode()))
    file.close()
