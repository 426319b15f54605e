"""Spark as the engine of features: the same expression and checks, for data that one machine cannot process.

A model's ``features`` is an Ibis expression, and every check of `training.features` is SQL for DuckDB; here
both are translated to Spark's SQL. No Python runs on the workers, so they need none of these packages.

A sum of floating-point numbers depends on the order of its terms, which is arbitrary on many machines.
Numbers are rounded to float32 at the end, which makes nearly all results equal to DuckDB's; the others differ
by one unit in the last place.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import ibis
import sqlglot
from ibis.common.exceptions import IbisError
from py4j.protocol import Py4JError
from pyspark.errors import PySparkException
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as f

from relearn.errors import DataError, RelearnError
from relearn.spec.model import Column, ModelSpec
from relearn.spec.tables import AS_OF, MOMENTS
from scoring.progress import say
from training.features.build import MADE, Features, check_keys, need_function
from training.features.check import check_schema, check_values, row_key, wanted, without_values
from training.features.column_types import FEATURE_TYPES
from training.features.shards import RowCounts, refuse_missing, waits

CONFIGURATION = {
    "spark.sql.session.timeZone": "UTC",
    "spark.sql.ansi.enabled": "true",  # overflows and failed casts are errors, as in DuckDB
    "spark.sql.parquet.outputTimestampType": "TIMESTAMP_MICROS",
    "spark.sql.parquet.compression.codec": "zstd",
}
_LIBRARY_ERRORS = (PySparkException, Py4JError, IbisError)


class Sql:
    """Spark session that takes DuckDB's SQL and returns results as a DuckDB connection does.

    Parameters
    ----------
    session
        Session whose temporary views are the tables.
    """

    def __init__(self, session: SparkSession) -> None:
        self.session = session

    def execute(self, query: str) -> _Answer:
        """Translate and run a query."""
        (translated,) = sqlglot.transpile(query, read="duckdb", write="spark")
        return _Answer(self.session.sql(translated))


@dataclass(frozen=True, slots=True)
class _Answer:
    frame: DataFrame

    def fetchone(self) -> tuple[Any, ...] | None:
        """Return the first row; None when there is none."""
        row: tuple[Any, ...] | None = self.frame.first()
        return row


def connect(session: SparkSession) -> Sql:
    """Return a new session for one feature set, with its own temporary views and settings."""
    ibis.pyspark  # noqa: B018 - its compiler reads options that exist once it was loaded
    own = session.newSession()
    for name, value in CONFIGURATION.items():
        own.conf.set(name, value)
    return Sql(own)


def show_shards(sql: Sql, spec: ModelSpec, table: str, files: Sequence[str], now: datetime) -> dict[str, int]:
    """Create a raw table as a view of its shards, with DuckDB's types and without rows dated after ``now``.

    Returns
    -------
    dict
        Number of ``rows``, and of rows ``waiting`` because they are dated after ``now``.

    Raises
    ------
    DataError
        A shard cannot be read, or has missing values in a required column.
    """
    columns = spec.raw_columns(table)
    try:
        shards = sql.session.read.option("mergeSchema", "true").parquet(*files)
        there = set(shards.columns)
        rows, waiting = shards.select([_value(column, there) for column in columns]), 0
        if (declared := spec.raw_table(table)) is not None and declared.time is not None:
            time = f.col(f"`{declared.time}`")
            waiting = rows.where(time > f.expr(_moment(now))).count()
            rows = rows.where(time <= f.expr(_moment(now)))
        rows.createOrReplaceTempView(table)
        counts = ", ".join(["count(*)", *(f'count("{column.name}")' for column in columns)])
        count, *filled = sql.execute(f'SELECT {counts} FROM "{table}"').fetchone() or (0,)  # noqa: S608 - the spec's names, checked
    except _LIBRARY_ERRORS as error:
        raise DataError(
            "format", f"the shards of table {table} do not fit its columns: {_line(error)}"
        ) from error
    missing = {column.name: count - given for column, given in zip(columns, filled, strict=True)}
    refuse_missing(spec, table, [RowCounts(count, missing)])
    if waiting:
        say(waits(waiting, table, now))
    return {"rows": int(count), "waiting": waiting}


def show_moments(sql: Sql, moments: Sequence[datetime]) -> None:
    """Create or replace the table `MOMENTS`."""
    given = ", ".join(f"({_moment(moment)})" for moment in moments)
    kind = f"CAST({AS_OF} AS TIMESTAMP_NTZ) AS {AS_OF}"
    rows = f"VALUES {given} AS given({AS_OF})" if moments else f"VALUES (NULL) AS given({AS_OF}) WHERE FALSE"
    sql.session.sql(f"SELECT {kind} FROM {rows}").createOrReplaceTempView(MOMENTS)  # noqa: S608 - moments alone


def tables(spec: ModelSpec) -> dict[str, ibis.Table]:
    """Return the raw tables of ``spec``, and its table of moments if any, as Ibis expressions by name."""
    found = {name: ibis.table(_schema(spec.raw_columns(name)), name=name) for name in spec.table_names}
    return found | ({MOMENTS: ibis.table({AS_OF: "timestamp"}, name=MOMENTS)} if spec.moments else {})


def make(spec: ModelSpec, features: Features | None, sql: Sql) -> int:
    """Run a model's `features` on the raw tables of a session, into the checked view `MADE`.

    Returns
    -------
    int
        Number of rows.

    Raises
    ------
    DataError
        A key is duplicated, the expression fails on the data, or its result breaks the spec.
    SpecError
        ``features`` is not a function, or does not return the spec's columns.
    """
    making = need_function(spec, features)
    try:
        check_keys(spec, sql)
        made = check_schema(spec, making(tables(spec)))
        rows = sql.session.sql(str(ibis.to_sql(made, dialect="pyspark"))).persist()
        rows.createOrReplaceTempView(MADE)
        return check_values(spec, sql, MADE, MOMENTS if spec.moments else None)
    except RelearnError:
        raise
    except _LIBRARY_ERRORS as error:
        detail = without_values(spec, _line(error))
        raise DataError("features", f"the features of {spec.name} cannot be made: {detail}") from error


def rows(spec: ModelSpec, sql: Sql) -> DataFrame:
    """Return the rows of `make`, ordered by `row_key`; numbers are float64, and the reader rounds them."""
    made = [f.col(f"`{one.name}`").cast(FEATURE_TYPES[type(one)].made) for one in wanted(spec)]
    return sql.session.table(MADE).select(made).orderBy(*(f"`{name}`" for name in row_key(spec)))


def _schema(columns: Sequence[Column]) -> Mapping[str, str]:
    return {column.name: FEATURE_TYPES[type(column)].ibis for column in columns}


def _value(column: Column, there: set[str]) -> Any:
    found = f.col(f"`{column.name}`") if column.name in there else f.lit(None)
    for kind in FEATURE_TYPES[type(column)].spark:
        found = found.cast(kind)
    return found.alias(column.name)


def _moment(moment: datetime) -> str:
    return f"TIMESTAMP_NTZ'{moment.astimezone(UTC).replace(tzinfo=None)}'"


def _line(error: Exception) -> str:
    """Return the first line of an error's message; for an error from Java, that of its root cause."""
    cause = getattr(error, "java_exception", None)
    while cause is not None and cause.getCause() is not None:
        cause = cause.getCause()
    said = cause.getMessage() if cause is not None else None
    return str(said or error).strip().partition("\n")[0]
