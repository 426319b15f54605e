"""Describe shards from their Parquet footers, without reading their rows."""

# ruff: noqa: S608 - every name in the SQL is the spec's (checked), every path goes through quote()
from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import duckdb

from preparation.checker import FINGERPRINT
from preparation.rules import quote
from relearn.errors import DataError
from relearn.spec.model import ModelSpec, Table
from scoring.progress import say
from training.features.window import Window


@dataclass(frozen=True, slots=True)
class RowCounts:
    """Number of rows and of missing values in a raw table.

    Parameters
    ----------
    rows
        Number of rows.
    missing
        Number of nulls by column; absent columns are not listed.
    """

    rows: int
    missing: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class Shard:
    """Shard of a raw table.

    Parameters
    ----------
    file
        Parquet file.
    fingerprint
        Identifies the content: the fingerprint that ingest wrote into the footer, else the SHA-256 (hex) of
        the file.
    rows
        Number of known rows.
    missing
        Number of nulls by column; columns that the file lacks are not listed.
    first, last
        First and last time of its known rows, aware; None when the table has no time, or there is no row.
    waiting
        Number of further rows that are dated after the run's clock.
    """

    file: Path
    fingerprint: str
    rows: int
    missing: Mapping[str, int]
    first: datetime | None
    last: datetime | None
    waiting: int = 0

    def within(self, window: Window | None) -> bool:
        """Return whether any row may be in a window on the times; None: any row is."""
        return (
            window is None or self.first is None or self.last is None or window.meets(self.first, self.last)
        )


def describe(connection: duckdb.DuckDBPyConnection, table: Table, files: Sequence[Path]) -> list[Shard]:
    """Describe the shards of a raw table from their footers.

    Raises
    ------
    DataError
        A file cannot be read.
    """
    paths = f"[{', '.join(quote(str(path)) for path in files)}]"
    try:
        footers = connection.execute(
            f"SELECT file_name, path_in_schema, sum(stats_null_count), count(*) = count(stats_null_count), "
            f"{_utc('min(TRY_CAST(stats_min_value AS TIMESTAMPTZ))')}, "
            f"{_utc('max(TRY_CAST(stats_max_value AS TIMESTAMPTZ))')} "
            f"FROM parquet_metadata({paths}) GROUP BY ALL"
        ).fetchall()
        rows = dict(
            connection.execute(f"SELECT file_name, num_rows FROM parquet_file_metadata({paths})").fetchall()
        )
        marks = connection.execute(
            f"SELECT file_name, value FROM parquet_kv_metadata({paths}) WHERE key = ?", [FINGERPRINT.encode()]
        )
        known = {file: value.decode() for file, value in marks.fetchall()}
        return [
            _shard(
                connection,
                table,
                path,
                int(rows[str(path)]),
                [one[1:] for one in footers if one[0] == str(path)],
                known,
            )
            for path in files
        ]
    except duckdb.Error as error:
        detail = str(error).splitlines()[0]
        raise DataError(
            "format", f"the shards of table {table.name} do not fit its columns: {detail}"
        ) from error


def until(connection: duckdb.DuckDBPyConnection, table: Table, shard: Shard, now: datetime) -> Shard:
    """Return the shard without the rows dated after ``now`` (aware), which are counted as waiting."""
    if shard.last is None or shard.last <= now:
        return shard
    time = f'CAST("{table.time}" AS TIMESTAMPTZ)'
    known = (
        f"FROM read_parquet({quote(str(shard.file))}) WHERE {time} <= TIMESTAMPTZ {quote(now.isoformat())}"
    )
    found = connection.execute(f"SELECT {_utc(f'min({time})')}, {_utc(f'max({time})')}, count(*) {known}")
    first, last, rows = found.fetchone() or (None, None, 0)
    say(waits(shard.rows - rows, table.name, now))
    return replace(shard, first=_aware(first), last=_aware(last), rows=rows, waiting=shard.rows - rows)


def waits(rows: int, table: str, now: datetime) -> str:
    """Return the log line about rows of a raw table that are dated after the run's clock."""
    return f"{rows} rows of table {table} wait: they are dated after {now.isoformat()}, this run's clock"


def counts_of(shards: Sequence[Shard]) -> dict[str, int]:
    """Return the number of shards, of known rows and of waiting rows of a raw table."""
    return {
        "shards": len(shards),
        "rows": sum(shard.rows for shard in shards),
        "waiting": sum(shard.waiting for shard in shards),
    }


def refuse_missing(spec: ModelSpec, table: str, shards: Iterable[Shard | RowCounts]) -> None:
    """Refuse shards in which a required column has missing values.

    Raises
    ------
    DataError
        Code ``schema``; the message has the column and the number of rows.
    """
    found = list(shards)
    rows = sum(shard.rows for shard in found)
    for column in spec.raw_columns(table):
        lacking = sum(shard.missing.get(column.name, shard.rows) for shard in found)
        if lacking and not column.optional:
            told = f"{lacking} of {rows} rows of table {table} have no {column.name}"
            raise DataError("schema", f"{told}; declare it optional, or upload the data again with it")


def _shard(  # noqa: PLR0917 - all that a footer says
    connection: duckdb.DuckDBPyConnection,
    table: Table,
    path: Path,
    rows: int,
    columns: list[tuple[Any, ...]],
    known: Mapping[str, str],
) -> Shard:
    there = {column.name for column in table.columns}
    footer = {name: rest for name, *rest in columns if name in there}
    unknown = not all(complete for _, complete, *_ in footer.values())
    if rows and (unknown or (table.time in footer and footer[table.time][2] is None)):
        footer = _count(connection, path, list(footer), table.time)
    times = footer.get(table.time or "", (0, True, None, None))
    return Shard(
        path,
        known.get(str(path)) or _digest(path),
        rows,
        {name: int(found[0] or 0) for name, found in footer.items()},
        _aware(times[2]),
        _aware(times[3]),
    )


def _count(
    connection: duckdb.DuckDBPyConnection, path: Path, names: list[str], time: str | None
) -> dict[str, list[Any]]:
    """Compute the footer's figures from the rows, for a file without full statistics in its footer."""
    counts = [f'count(*) - count("{name}")' for name in names]
    when = f'CAST("{time}" AS TIMESTAMPTZ)' if time in names else "CAST(NULL AS TIMESTAMPTZ)"
    found = connection.execute(
        f"SELECT {_utc(f'min({when})')}, {_utc(f'max({when})')}, {', '.join(counts)} "
        f"FROM read_parquet({quote(str(path))})"
    ).fetchone()
    assert found is not None  # noqa: S101 - an aggregate always gives a row
    first, last, *lacking = found
    return {name: [count, True, first, last] for name, count in zip(names, lacking, strict=True)}


def _utc(moment: str) -> str:
    return f"{moment} AT TIME ZONE 'UTC'"


def _aware(moment: datetime | None) -> datetime | None:
    return None if moment is None else moment.replace(tzinfo=UTC)


def _digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
