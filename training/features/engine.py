"""DuckDB as the engine of features: computes features from raw tables, in bounded memory.

In an expression a number is float64, a boolean is boolean, a date-time is a timestamp in UTC without a time
zone, and everything else is a string.
"""

# ruff: noqa: S608 - every name in the SQL is the spec's (checked) or ours, every path goes through quote()
from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import duckdb
import ibis
import pyarrow as pa

from preparation.rules import quote
from relearn.spec.model import Column, ModelSpec, Table
from relearn.spec.tables import AS_OF, MOMENTS
from training.features.check import Connection
from training.features.column_types import FEATURE_TYPES
from training.features.shards import Shard
from training.features.window import Window

MEMORY_MB = 2048
"""Memory that DuckDB may use, in MB; more spills to disk. Fixed, because the order of sums depends on it."""

GIVEN = "__given"  # no table can have this name


def connect(workdir: Path, sources: Sequence[Path], memory_mb: int = MEMORY_MB) -> duckdb.DuckDBPyConnection:
    """Open a database that reads only ``sources`` and ``workdir``, and writes only to ``workdir``.

    It uses one thread: a sum of floating-point numbers depends on their order, and the same snapshot must
    give the same bytes.

    Parameters
    ----------
    workdir
        Folder for the database and its spill files.
    sources
        Folders that it may read.
    memory_mb
        Memory that DuckDB may use, in MB.
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
    open_to = ", ".join(quote(str(folder)) for folder in (workdir, *sources))
    connection.execute(f"SET allowed_directories = [{open_to}]")
    connection.execute("SET enable_external_access = false")
    return connection


@dataclass(frozen=True, slots=True)
class Relation:
    """Relation with the rows of a raw table.

    Parameters
    ----------
    sql
        SQL that follows FROM.
    there
        Names of its columns.
    """

    sql: str
    there: Collection[str]


def tables(connection: duckdb.DuckDBPyConnection, spec: ModelSpec) -> dict[str, ibis.Table]:
    """Return the raw tables of ``spec``, and its table of moments if any, as Ibis expressions by name."""
    backend = ibis.duckdb.from_connection(connection)
    names = (*spec.table_names, MOMENTS) if spec.moments else spec.table_names
    return {name: backend.table(name) for name in names}


def show_moments(connection: duckdb.DuckDBPyConnection, moments: Sequence[datetime]) -> None:
    """Create or replace the table `MOMENTS`; aware moments become timestamps in UTC."""
    connection.execute(f"CREATE OR REPLACE TABLE {MOMENTS} ({AS_OF} TIMESTAMP)")
    for moment in moments:
        connection.execute(f"INSERT INTO {MOMENTS} VALUES (?)", [moment.astimezone(UTC).replace(tzinfo=None)])


def show(
    connection: duckdb.DuckDBPyConnection,
    spec: ModelSpec,
    relations: Mapping[str, Relation],
    window: Window | None = None,
) -> None:
    """Create or replace the raw tables as views of their relations, without reading any row.

    Parameters
    ----------
    relations
        Relation by raw table.
    window
        Window of visible rows in the tables that have a time; None: all rows.
    """
    for table in spec.tables:
        relation = relations[table.name]
        values = ", ".join(f'{_value(column, relation.there)} AS "{column.name}"' for column in table.columns)
        cut = f" WHERE {_inside(table.time, window)}" if window and table.time else ""
        connection.execute(
            f'CREATE OR REPLACE VIEW "{table.name}" AS SELECT {values} FROM {relation.sql}{cut}'
        )


def of_files(shards: Sequence[Shard]) -> Relation:
    """Return the relation of a raw table's shards; without shards, an empty one."""
    if not shards:
        return Relation("(SELECT 1 WHERE false)", ())
    paths = ", ".join(quote(str(shard.file)) for shard in shards)
    there = {name for shard in shards for name in shard.missing}
    return Relation(f"read_parquet([{paths}], union_by_name = true)", there)


def of_rows(
    connection: duckdb.DuckDBPyConnection, spec: ModelSpec, table: str, rows: Sequence[Mapping[str, Any]]
) -> Relation:
    """Write rows from memory to a table, and return its relation; columns that a row does not name are NULL."""
    given = pa.table(
        {
            c.name: pa.array([_text(row.get(c.name)) for row in rows], pa.string())
            for c in spec.raw_columns(table)
        }
    )
    name = f"{GIVEN}_{table}"
    connection.register(name, given)
    connection.execute(f'CREATE TABLE "{name}_rows" AS SELECT * FROM "{name}"')
    connection.unregister(name)
    return Relation(f'"{name}_rows"', given.column_names)


def reach(connection: Connection, table: Table) -> tuple[datetime, datetime] | None:
    """Return the first and last time (UTC) of a raw table's rows; None when it has no row."""
    found = connection.execute(
        f'SELECT min("{table.time}"), max("{table.time}") FROM "{table.name}"'
    ).fetchone()
    if found is None or found[0] is None:
        return None
    return found[0].replace(tzinfo=UTC), found[1].replace(tzinfo=UTC)


def _inside(time: str, window: Window) -> str:
    # on the stored column, so that DuckDB can skip whole row groups
    moment = f'CAST("{time}" AS TIMESTAMPTZ)'
    cut = f"{moment} <= TIMESTAMPTZ '{window.until.isoformat()}'"
    return cut if window.after is None else f"{cut} AND {moment} > TIMESTAMPTZ '{window.after.isoformat()}'"


def _value(column: Column, there: Collection[str]) -> str:
    name = f'"{column.name}"' if column.name in there else "NULL"
    return FEATURE_TYPES[type(column)].duckdb.format(name)


def _text(value: object) -> str | None:
    return None if value is None else str(value)
