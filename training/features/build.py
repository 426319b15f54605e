"""A snapshot's raw tables through a model's `features`, into one file of checked rows."""

# ruff: noqa: S608 - every name in the SQL is ours or the spec's (checked), the path goes through quote()
from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import duckdb
import ibis

from relearn.errors import DataError, RelearnError, SpecError
from relearn.spec import ModelSpec
from training.features import engine
from training.features.check import Connection, as_shard, check_schema, check_values
from training.prepare.rules import quote

Features = Callable[[Mapping[str, ibis.Table]], object]
"""What a features.py gives as ``features``."""
MADE = "__features"  # no table can be named so


@dataclass(frozen=True, slots=True)
class FeatureSet:
    """What became of a snapshot's raw tables.

    Parameters
    ----------
    file
        Parquet: the columns and the target of the spec, and ``as_of``, as a shard would hold them.
    rows
        How many rows it has.
    sha256
        Of the file, hex: the same shards and the same expression give the same.
    tables
        Raw table to its number of ``shards`` and ``rows``.
    """

    file: Path
    rows: int
    sha256: str
    tables: dict[str, dict[str, int]]


def build(
    spec: ModelSpec,
    features: Features | None,
    shards: Mapping[str, list[Path]],
    sources: Path,
    workdir: Path,
    *,
    memory_mb: int = engine.MEMORY_MB,
) -> FeatureSet:
    """Make the features of a snapshot.

    Parameters
    ----------
    spec
        A spec with tables.
    features
        The model's own.
    shards
        Raw table to its shards, each in an order that the snapshot gives.
    sources
        Folder that the shards are in.
    workdir
        An empty folder for the file and for what does not fit into memory.
    memory_mb
        What DuckDB may hold, in MB.

    Raises
    ------
    DataError
        A table has no shard, or one that does not fit; or the features break the spec.
    SpecError
        ``features`` gives something else than the spec's columns.
    """
    if lacking := [table for table in spec.table_names if table not in shards]:
        raise DataError("empty", f"the snapshot of {spec.name} has no shard of table {', '.join(lacking)}")
    with engine.connect(workdir.resolve(), sources.resolve(), memory_mb) as connection:
        counts = {
            table: {
                "shards": len(shards[table]),
                "rows": engine.show_shards(connection, spec, table, shards[table]),
            }
            for table in spec.table_names
        }
        if spec.moments:
            engine.show_moments(connection, engine.moments(connection, spec))
        rows = make(spec, features, connection)
        file = workdir.resolve() / "features.parquet"
        written = "FORMAT parquet, COMPRESSION zstd, ROW_GROUP_SIZE 122880"
        connection.execute(f"COPY ({as_shard(spec, MADE)}) TO {quote(str(file))} ({written})")
    with file.open("rb") as content:
        digest = hashlib.file_digest(content, "sha256").hexdigest()
    return FeatureSet(file, rows, digest, counts)


def make(spec: ModelSpec, features: Features | None, connection: duckdb.DuckDBPyConnection) -> int:
    """Run a model's `features` on the raw tables of a connection, into the checked table `MADE`.

    Returns
    -------
    int
        How many rows there are.

    Raises
    ------
    DataError
        A key comes twice, the expression fails on the data, or what it gives breaks the spec.
    SpecError
        It gives something else than the spec's columns.
    """
    if not callable(features):
        where = f"{spec.name}/features.py: features"
        raise SpecError(where, features, "a function of the spec's tables that gives an ibis.Table")
    try:
        check_keys(spec, connection)
        made = check_schema(spec, features(engine.tables(connection, spec)))
        connection.execute(f"CREATE TABLE {MADE} AS {ibis.to_sql(made, dialect='duckdb')}")
        return check_values(spec, connection, MADE)
    except RelearnError:
        raise
    except (duckdb.Error, ibis.common.exceptions.IbisError) as error:
        detail = str(error).splitlines()[0]
        raise DataError("features", f"the features of {spec.name} can not be made: {detail}") from error


def check_keys(spec: ModelSpec, connection: Connection) -> None:
    """Refuse a raw table in which a key comes twice.

    Raises
    ------
    DataError
        Code ``duplicate_key``: says which, and how often.
    """
    for table in spec.tables:
        if table.key is None:
            continue
        again = f'SELECT "{table.key}", count(*) FROM "{table.name}" GROUP BY 1 HAVING count(*) > 1'
        found = connection.execute(f"{again} ORDER BY 1 LIMIT 1").fetchone()
        if found is not None:
            raise DataError(
                "duplicate_key",
                f"table {table.name} has {found[1]} rows with {table.key} {found[0]!r}; allowed: one. A file "
                "that replaces another is uploaded under the other's name",
            )
