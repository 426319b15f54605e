"""DuckDB as the engine of features: raw tables in, rows out, in bounded memory.

In an expression a number is float64, a boolean boolean, a date-time a timestamp in UTC without a zone, and
everything else a string.
"""

# ruff: noqa: S608 - every name in the SQL is the spec's (checked) or ours, every path goes through quote()
from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import duckdb
import ibis
import pyarrow as pa

from relearn.errors import DataError
from relearn.spec import Boolean, Column, DateTime, ModelSpec, Number
from relearn.tables import AS_OF, MOMENTS
from training.features.check import Connection
from training.prepare.rules import quote

MEMORY_MB = 2048
"""What DuckDB may hold, in MB; the rest goes to disk. Always the same, as the order of sums hangs on it."""

GIVEN = "__given"  # no table can be named so


def connect(workdir: Path, sources: Path, memory_mb: int = MEMORY_MB) -> duckdb.DuckDBPyConnection:
    """Open a database that reads nothing but ``sources`` and writes nothing outside ``workdir``.

    One thread: a sum of floating-point numbers depends on their order, and the same snapshot must give the
    same bytes.

    Parameters
    ----------
    workdir
        Where the database and what does not fit into memory go.
    sources
        Folder of the shards.
    memory_mb
        What DuckDB may hold, in MB.
    """
    connection = duckdb.connect(
        str(workdir / "features.duckdb"),
        config={
            "memory_limit": f"{memory_mb}MB",
            "threads": 1,
            "temp_directory": str(workdir / "spill"),
            "autoload_known_extensions": False,
            "autoinstall_known_extensions": False,
        },
    )
    connection.execute("SET TimeZone = 'UTC'")
    connection.execute(f"SET allowed_directories = [{quote(str(workdir))}, {quote(str(sources))}]")
    connection.execute("SET enable_external_access = false")
    return connection


def tables(connection: duckdb.DuckDBPyConnection, spec: ModelSpec) -> dict[str, ibis.Table]:
    """Give the raw tables of ``spec`` and its moments as a model's code takes them: name to expression."""
    backend = ibis.duckdb.from_connection(connection)
    names = (*spec.table_names, MOMENTS) if spec.moments else spec.table_names
    return {name: backend.table(name) for name in names}


def show_moments(connection: duckdb.DuckDBPyConnection, moments: Sequence[datetime]) -> None:
    """Make the table `MOMENTS`, in place of an earlier one: aware moments as timestamps in UTC."""
    connection.execute(f"CREATE OR REPLACE TABLE {MOMENTS} ({AS_OF} TIMESTAMP)")
    for moment in moments:
        connection.execute(f"INSERT INTO {MOMENTS} VALUES (?)", [moment.astimezone(UTC).replace(tzinfo=None)])


def moments(connection: Connection, spec: ModelSpec) -> tuple[datetime, ...]:
    """List the moments of a spec that declares them, as its raw tables on the connection have them."""
    assert spec.moments is not None  # noqa: S101 - asked of such specs alone
    found = reach(connection, spec)
    return spec.moments.between(*found) if found else ()


def reach(connection: Connection, spec: ModelSpec) -> tuple[datetime, datetime] | None:
    """Say from when to when the table that the spec's moments follow has rows; None: it has none."""
    assert spec.moments is not None  # noqa: S101 - asked of such specs alone
    table = next(table for table in spec.tables if table.name == spec.moments.table)
    found = connection.execute(
        f'SELECT min("{table.time}"), max("{table.time}") FROM "{table.name}"'
    ).fetchone()
    if found is None or found[0] is None:
        return None
    return found[0].replace(tzinfo=UTC), found[1].replace(tzinfo=UTC)


def show_shards(
    connection: duckdb.DuckDBPyConnection, spec: ModelSpec, table: str, files: Sequence[Path]
) -> int:
    """Make a raw table out of its shards, without reading them.

    Returns
    -------
    int
        How many rows it has.

    Raises
    ------
    DataError
        A shard can not be read, or lacks what the spec demands.
    """
    paths = f"[{', '.join(quote(str(path)) for path in files)}]"
    shards = f"read_parquet({paths}, union_by_name = true)"
    columns = spec.raw_columns(table)
    try:
        described = connection.execute(f"SELECT * FROM {shards} LIMIT 0").description or ()
        there = {found[0] for found in described}
        values = ", ".join(f'{_value(column, there)} AS "{column.name}"' for column in columns)
        connection.execute(f'CREATE VIEW "{table}" AS SELECT {values} FROM {shards}')
        counts = ", ".join(["count(*)", *(f'count("{column.name}")' for column in columns)])
        rows, *filled = connection.execute(f'SELECT {counts} FROM "{table}"').fetchone() or (0,)
    except duckdb.Error as error:
        detail = str(error).splitlines()[0]
        raise DataError("format", f"the shards of table {table} do not fit its columns: {detail}") from error
    refuse_missing(table, columns, rows, filled)
    return int(rows)


def refuse_missing(table: str, columns: Sequence[Column], rows: int, filled: Sequence[int]) -> None:
    """Refuse a raw table that lacks values of a column that is not optional.

    Raises
    ------
    DataError
        Code ``schema``: says which column, and in how many rows.
    """
    for column, count in zip(columns, filled, strict=True):
        if count < rows and not column.optional:
            lacking = f"{rows - count} of {rows} rows of table {table} have no {column.name}"
            raise DataError("schema", f"{lacking}; declare it optional, or upload the data again with it")


def show_rows(
    connection: duckdb.DuckDBPyConnection, spec: ModelSpec, table: str, rows: Sequence[Mapping[str, Any]]
) -> None:
    """Make a raw table out of rows in memory; a column that a row does not name is missing."""
    columns = spec.raw_columns(table)
    given = pa.table(
        {c.name: pa.array([_text(row.get(c.name)) for row in rows], pa.string()) for c in columns}
    )
    connection.register(GIVEN, given)
    values = ", ".join(f'{_value(column, set(given.column_names))} AS "{column.name}"' for column in columns)
    connection.execute(f'CREATE TABLE "{table}" AS SELECT {values} FROM {GIVEN}')
    connection.unregister(GIVEN)


def _value(column: Column, there: set[str]) -> str:
    name = f'"{column.name}"' if column.name in there else "NULL"
    match column:
        case Number():  # by way of float32, as ingest stores it
            return f"CAST(CAST({name} AS FLOAT) AS DOUBLE)"
        case Boolean():
            return f"CAST({name} AS BOOLEAN)"
        case DateTime():
            return f"CAST({name} AS TIMESTAMPTZ) AT TIME ZONE 'UTC'"
        case _:
            return f"CAST({name} AS VARCHAR)"


def _text(value: object) -> str | None:
    return None if value is None else str(value)
