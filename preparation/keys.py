"""Check the keys and references of a snapshot, from the key files that `preparation.profile` wrote per shard."""

# ruff: noqa: S608 - the SQL is ours, every path goes through quote()
from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import duckdb

from preparation.rules import quote
from relearn.data.checks import Keys, Orphans
from relearn.spec.model import ModelSpec

MEMORY_MB = 1024
"""Memory that DuckDB may use, in MB; more spills to disk."""
COLUMNS = "name VARCHAR, value VARCHAR, rows BIGINT, new BOOLEAN"
"""Columns of a table of key values; ``new``: the shard has not trained a champion before."""


def check_keys(
    spec: ModelSpec,
    files: Mapping[str, Sequence[Path]],
    new: Mapping[str, Sequence[Path]],
    workdir: Path,
) -> dict[str, Keys]:
    """Count key values that occur more than once and references that match no key.

    Parameters
    ----------
    spec
        Declaration of keys and references.
    files, new
        Key files by table: of the shards that trained a champion before, and of those that did not.
    workdir
        Directory for DuckDB's spill files.

    Returns
    -------
    dict
        What was found, by table.
    """
    if not spec.tables:  # one table has no keys, and DuckDB takes 20 ms to start
        return {table: Keys(orphans={}) for table in spec.table_names}
    config: dict[str, str | bool | int | float | list[str]] = {
        "memory_limit": f"{MEMORY_MB}MB",
        "temp_directory": str(workdir / "spill"),
    }
    with duckdb.connect(config=config) as connection:
        for table in spec.table_names:
            connection.execute(f'CREATE TABLE "{table}" ({COLUMNS})')
            for paths, fresh in ((files.get(table, ()), False), (new.get(table, ()), True)):
                if paths:
                    listed = ", ".join(quote(str(path)) for path in paths)
                    connection.execute(
                        f'INSERT INTO "{table}" SELECT name, value, rows, {fresh} FROM read_parquet([{listed}])'
                    )
        return {table: _keys(connection, spec, table) for table in spec.table_names}


def _keys(connection: duckdb.DuckDBPyConnection, spec: ModelSpec, table: str) -> Keys:
    (declared,) = (one for one in spec.tables if one.name == table)
    repeated, example = connection.execute(
        f'SELECT count(*), min(value) FROM (SELECT value FROM "{table}" WHERE name = ? '
        "GROUP BY value HAVING sum(rows) > 1)",
        [declared.key],
    ).fetchone() or (0, None)
    keys = {one.name: one.key for one in spec.tables}
    orphans = {
        reference.column: _orphans(connection, table, reference.column, (reference.to, keys[reference.to]))
        for reference in declared.quality.references
    }
    return Keys(repeated=int(repeated), example=example or "", orphans=orphans)


def _orphans(
    connection: duckdb.DuckDBPyConnection, table: str, column: str, to: tuple[str, str | None]
) -> Orphans:
    other, key = to
    lost = f'value NOT IN (SELECT value FROM "{other}" WHERE name = ?)'
    counts = connection.execute(
        f"SELECT coalesce(sum(rows) FILTER ({lost}), 0), coalesce(sum(rows), 0), "
        f"coalesce(sum(rows) FILTER (new AND {lost}), 0), min(value) FILTER ({lost}) "
        f'FROM "{table}" WHERE name = ?',
        [key, key, key, column],
    ).fetchone()
    rows, of, new, example = counts or (0, 0, 0, None)
    return Orphans(rows=int(rows), of=int(of), new=int(new), example=example or "")
