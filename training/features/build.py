"""Build the features of a snapshot with a model's `features`: one file of checked rows per moment.

Each moment is computed on its own, from only the rows that it may see. The same shards therefore give the
same bytes, whatever else is in the snapshot, and partitions of an earlier run can be reused.
"""

# ruff: noqa: S608 - every name in the SQL is ours or the spec's (checked), the path goes through quote()
from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import duckdb
import ibis

from preparation.rules import quote
from relearn.errors import DataError, RelearnError, SpecError
from relearn.spec.columns import quoted
from relearn.spec.model import ModelSpec
from relearn.spec.tables import MOMENTS
from training.features import engine
from training.features.cache import Cache, digest
from training.features.check import Connection, as_shard, check_schema, check_values, without_values
from training.features.shards import Shard, counts_of, describe, refuse_missing, until
from training.features.window import Window

Features = Callable[[Mapping[str, ibis.Table]], object]
"""Function ``features`` of a features.py: from raw tables by name to an ``ibis.Table``."""
MADE = "__features"  # no table can have this name


@dataclass(frozen=True, slots=True)
class FeatureFiles:
    """Parquet files with the features of a snapshot.

    Parameters
    ----------
    files
        Files with the columns and the target of the spec, and ``as_of``, in the types of a shard; one file
        per moment, in order, where the spec declares moments.
    rows
        Number of rows in all files.
    sha256
        SHA-256 (hex) of the files; the same shards and expression give the same digest.
    tables
        Counts by raw table: ``shards``, ``rows`` and ``waiting``.
    moments
        Number of moments that were ``made``, and ``kept`` from an earlier run; empty where the spec declares
        none.
    """

    files: tuple[Path, ...]
    rows: int
    sha256: str
    tables: dict[str, dict[str, int]]
    moments: dict[str, int]


@dataclass(frozen=True, slots=True)
class FeatureBuilder:
    """Builder of the features of a snapshot, moment by moment.

    Parameters
    ----------
    spec
        Spec with tables.
    features
        The model's function ``features``; None when its features.py has none.
    connection
        DuckDB connection that can read the shards.
    workdir
        Folder for the files.
    now
        Clock of the run, aware: rows dated later are ignored.
    """

    spec: ModelSpec
    features: Features | None
    connection: duckdb.DuckDBPyConnection
    workdir: Path
    now: datetime

    def shards(self, files: Mapping[str, Sequence[Path]]) -> dict[str, list[Shard]]:
        """Read the footers of a snapshot's shards, given as files by raw table, and refuse unusable ones.

        Raises
        ------
        DataError
            A table has no shard, or a shard does not fit it.
        """
        if lacking := [table for table in self.spec.table_names if not files.get(table)]:
            raise DataError(
                "empty", f"the snapshot of {self.spec.name} has no shard of table {', '.join(lacking)}"
            )
        found = {
            table.name: [
                until(self.connection, table, shard, self.now)
                for shard in describe(self.connection, table, files[table.name])
            ]
            for table in self.spec.tables
        }
        for table, shards in found.items():
            refuse_missing(self.spec, table, shards)
        return found

    def write(self, shards: Mapping[str, Sequence[Shard]], moment: datetime | None, name: str) -> Path:
        """Compute the features of one moment, and write them as Parquet; None: the model chooses the moments.

        Raises
        ------
        DataError, SpecError
            As `make` raises them.
        """
        window = Window(None, self.now)
        if self.spec.moments and moment:
            window = Window.of(self.spec.moments, moment, self.now)
            engine.show_moments(self.connection, [moment])
        seen = {table: engine.of_files(seen_at(window, of)) for table, of in shards.items()}
        engine.show(self.connection, self.spec, seen, window)
        make(self.spec, self.features, self.connection)
        file = self.workdir / f"{name}.parquet"
        written = "FORMAT parquet, COMPRESSION zstd, ROW_GROUP_SIZE 122880"
        self.connection.execute(f"COPY ({as_shard(self.spec, MADE)}) TO {quote(str(file))} ({written})")
        return file


def seen_at(window: Window | None, shards: Sequence[Shard]) -> list[Shard]:
    """Return the shards that may have a row in a window; None: all."""
    return [shard for shard in shards if shard.within(window)]


def last_moment(spec: ModelSpec, shards: Mapping[str, Sequence[Shard]]) -> datetime | None:
    """Return the time (UTC) of the last known row in the table of the spec's moments; None without rows."""
    assert spec.moments is not None  # noqa: S101 - asked of such specs alone
    return max((shard.last for shard in shards[spec.moments.table] if shard.last), default=None)


def moments_of(spec: ModelSpec, shards: Mapping[str, Sequence[Shard]]) -> tuple[datetime, ...]:
    """Return the moments that the data covers.

    Raises
    ------
    DataError
        The data covers no moment.
    """
    assert spec.moments is not None  # noqa: S101 - asked of such specs alone
    first = min((shard.first for shard in shards[spec.moments.table] if shard.first), default=None)
    return moments_between(spec, first, last_moment(spec, shards))


def moments_between(spec: ModelSpec, first: datetime | None, last: datetime | None) -> tuple[datetime, ...]:
    """Return the moments that data from ``first`` to ``last`` covers; None: the table has no row.

    Raises
    ------
    DataError
        The data covers no moment.
    """
    assert spec.moments is not None  # noqa: S101 - asked of such specs alone
    found = spec.moments.between(first, last) if first and last else ()
    if not found:
        reach = f"reaches from {first:%Y-%m-%d} to {last:%Y-%m-%d}" if first and last else "has no row"
        raise DataError(
            "features",
            f"no moment to learn from: table {spec.moments.table} {reach}; needed: the first of a month with "
            f"{spec.moments.history_days} days of it before and {spec.moments.label_days} after",
        )
    return found


def no_rows(spec: ModelSpec) -> DataError:
    """Return the error for a feature set without rows."""
    return DataError(
        "features",
        f"the features of {spec.name} have no row: is there enough data before and after every as_of?",
    )


def build(
    builder: FeatureBuilder, shards: Mapping[str, Sequence[Shard]], cache: Cache | None = None
) -> FeatureFiles:
    """Compute the features of a snapshot, or reuse those of earlier runs.

    Parameters
    ----------
    builder
        Builder for the snapshot.
    shards
        Shards that `FeatureBuilder.shards` returned.
    cache
        Partitions of earlier runs; None: nothing is reused or kept.

    Raises
    ------
    DataError
        The features break the spec, there is no row, or the data covers no moment.
    SpecError
        ``features`` is not a function, or does not return the spec's columns.
    """
    spec, kept = builder.spec, 0
    files: list[Path] = []
    for moment in moments_of(spec, shards) if spec.moments else (None,):
        file = None
        if cache and moment and spec.moments:
            window = Window.of(spec.moments, moment, builder.now)
            key = cache.key(moment, {table: seen_at(window, of) for table, of in shards.items()})
            file = cache.find(key)
            kept += file is not None
            file = file or cache.keep(key, builder.write(shards, moment, key))
        files.append(file or builder.write(shards, moment, f"made-{len(files)}"))
    rows = count_rows(builder.connection, files)
    if not rows:
        raise no_rows(spec)
    return FeatureFiles(
        files=tuple(files),
        rows=rows,
        sha256=hashlib.sha256("\n".join(map(digest, files)).encode()).hexdigest(),
        tables={table: counts_of(of) for table, of in shards.items()},
        moments={"made": len(files) - kept, "kept": kept} if spec.moments else {},
    )


def count_rows(connection: duckdb.DuckDBPyConnection, files: Sequence[Path]) -> int:
    """Return the number of rows in Parquet files, from their footers."""
    paths = ", ".join(quote(str(file)) for file in files)
    found = connection.execute(f"SELECT sum(num_rows) FROM parquet_file_metadata([{paths}])").fetchone()
    return int(found[0]) if found else 0


def make(spec: ModelSpec, features: Features | None, connection: duckdb.DuckDBPyConnection) -> int:
    """Run a model's `features` on the raw tables of a connection, into the checked table `MADE`.

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
        check_keys(spec, connection)
        made = check_schema(spec, making(engine.tables(connection, spec)))
        connection.execute(f"CREATE OR REPLACE TABLE {MADE} AS {ibis.to_sql(made, dialect='duckdb')}")
        return check_values(spec, connection, MADE, MOMENTS if spec.moments else None)
    except RelearnError:
        raise
    except (duckdb.Error, ibis.common.exceptions.IbisError) as error:
        detail = without_values(spec, str(error).splitlines()[0])
        raise DataError("features", f"the features of {spec.name} cannot be made: {detail}") from error


def need_function(spec: ModelSpec, features: object) -> Features:
    """Return ``features`` if it is callable.

    Raises
    ------
    SpecError
        It is not callable.
    """
    if not callable(features):
        where = f"{spec.name}/features.py: features"
        raise SpecError(where, features, "a function of the spec's tables that gives an ibis.Table")
    return features


def check_keys(spec: ModelSpec, connection: Connection) -> None:
    """Refuse a raw table with a duplicated key.

    Raises
    ------
    DataError
        Code ``duplicate_key``; the message has the key and its number of rows.
    """
    for table in spec.tables:
        key = next((column for column in table.columns if column.name == table.key), None)
        if key is None:
            continue
        again = f'SELECT "{table.key}", count(*) FROM "{table.name}" GROUP BY 1 HAVING count(*) > 1'
        found = connection.execute(f"{again} ORDER BY 1 LIMIT 1").fetchone()
        if found is not None:
            raise DataError(
                "duplicate_key",
                f"table {table.name} has {found[1]} rows with {table.key} {quoted(key, found[0])}; allowed: one. A file "
                "that replaces another is uploaded under the other's name",
            )
