"""Profile the rows of a shard, so that no check of a snapshot has to read them again.

A profile (`relearn.data.profiles`) holds counts. The values of keys and references, which have to be compared
one by one, go into a Parquet file with the columns ``name``, ``value`` and ``rows``.
"""

# ruff: noqa: S608 - every name in the SQL is the spec's (checked) or ours, every path goes through quote()
from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import duckdb

from preparation.rules import SQL_TYPES, quote, sql_type
from relearn.data import profiles
from relearn.data.profiles import ColumnProfile, Profile
from relearn.spec.columns import Column
from relearn.spec.model import ModelSpec

KEYS = "keys.parquet"
PLACE = "_place"  # no column of a spec may begin with an underscore


def describe(
    connection: duckdb.DuckDBPyConnection,
    relations: Mapping[str, str],
    columns: Iterable[Column],
    rows: int,
) -> Profile:
    """Return the profile of a table's rows.

    Parameters
    ----------
    connection
        DuckDB connection whose time zone is UTC.
    relations
        SQL relation that has the column, by column name.
    columns
        Columns of the table, typed as in a shard.
    rows
        Number of rows.
    """
    return Profile(
        rows=rows,
        columns={column.name: _describe(connection, relations[column.name], column) for column in columns},
    )


def write_keys(
    connection: duckdb.DuckDBPyConnection, relations: Mapping[str, str], names: Sequence[str], path: Path
) -> Path | None:
    """Write the distinct values of the key columns with their row counts; return None when ``names`` is empty."""
    if not names:
        return None
    parts = [
        f'SELECT {quote(name)} AS name, CAST("{name}" AS VARCHAR) AS value, count(*) AS rows '
        f'FROM {relations[name]} WHERE "{name}" IS NOT NULL GROUP BY "{name}"'
        for name in names
    ]
    connection.execute(
        f"COPY (SELECT * FROM ({' UNION ALL '.join(parts)}) ORDER BY name, value) TO {quote(str(path))} "
        "(FORMAT parquet, COMPRESSION zstd)"
    )
    return path


def describe_shard(spec: ModelSpec, table: str, shard: Path, keys: Path) -> tuple[Profile, Path | None]:
    """Profile a shard that has no profile: one older than profiles, or than the keys of the spec.

    Parameters
    ----------
    shard
        Parquet file.
    keys
        File to write the key values to, if the table has keys.

    Returns
    -------
    tuple
        Its profile, and the file of its key values; None when the table has none.
    """
    with duckdb.connect() as connection:
        connection.execute("SET TimeZone = 'UTC'")
        source = f"read_parquet({quote(str(shard))})"
        there = {
            str(found[0]) for found in connection.execute(f"SELECT * FROM {source} LIMIT 0").description or ()
        }
        columns = spec.raw_columns(table)
        relations = {
            column.name: f'(SELECT {_read(column, there)} AS "{column.name}" FROM {source})'
            for column in columns
        }
        (rows,) = connection.execute(f"SELECT count(*) FROM {source}").fetchone() or (0,)
        profile = describe(connection, relations, columns, int(rows))
        return profile, write_keys(connection, relations, spec.key_columns(table), keys)


def _read(column: Column, there: set[str]) -> str:
    value = f'"{column.name}"' if column.name in there else "NULL"
    return f"TRY_CAST({value} AS {sql_type(column)})"


def _describe(connection: duckdb.DuckDBPyConnection, relation: str, column: Column) -> ColumnProfile:
    name, sql, sketched = f'"{column.name}"', SQL_TYPES[type(column)], column.type in profiles.SKETCHED
    value = sql.measured.format(name)
    edges = ", ".join(sql.edge.format(edge, value) for edge in ("min", "max"))
    total = f"sum({value})" if sketched else "0.0"
    missing, low, high, total = connection.execute(
        f"SELECT count(*) FILTER ({name} IS NULL), {edges}, {total} FROM {relation}"
    ).fetchone() or (0, None, None, 0.0)
    counts: list[Any] = []
    if counted := _bin(value) if sketched else sql.counted.format(value):
        counts = connection.execute(
            f"SELECT {counted} AS {PLACE}, count(*) FROM {relation} WHERE {name} IS NOT NULL "
            f"GROUP BY {PLACE} ORDER BY {PLACE}"
        ).fetchall()
    return ColumnProfile(
        type=column.type,
        missing=int(missing),
        low=low,
        high=high,
        total=float(total or 0.0),
        counts={str(place): int(count) for place, count in counts},
    )


def _bin(value: str) -> str:
    exponent = f"ceil(ln(abs({value})) / {profiles.LOG_GAMMA!r}) + {profiles.SHIFTED}"
    return (
        f"CAST(CASE WHEN abs({value}) < {profiles.SMALLEST!r} THEN 0 "
        f"ELSE sign({value}) * ({exponent}) END AS BIGINT)"
    )
