"""Check the batches of an upload in DuckDB; write a shard and ``rows.jsonl``."""

# ruff: noqa: S608 - every name and value in the SQL is ours, the spec's (checked), or goes through quote()
from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Self

import duckdb

from preparation import profile
from preparation.outcome import MAX_REJECTED_BYTES, MAX_REJECTED_ROWS
from preparation.rules import means_missing, quote, reason, sql_type, value
from preparation.sides import Sides, hash_of, is_held_out, of_value, together
from preparation.sources import Source
from preparation.tally import Tally
from relearn.cutting import cut
from relearn.data.profiles import Profile
from relearn.spec.columns import Column
from relearn.spec.tables import HELD_OUT, LINE

SHOWN_VALUE = 200
"""Largest length, in characters, of a wrong value in ``rows.jsonl``."""
SHOWN_REASON_BYTES = 500
"""Largest length, in bytes, of a reason in ``rows.jsonl``."""
SHOWN_ERRORS = 20
"""Most wrong values listed for one row; the others are only counted."""
AT_ONCE = 32
"""Number of columns whose rules go into one SQL statement."""
ROWS_AT_ONCE = 1000
"""Number of rejected rows whose reasons are in memory at a time."""
FINGERPRINT = "relearn_fingerprint"
"""Key of the content fingerprint in a shard's Parquet footer.

The value is the SHA-256 (hex) of the file as it was with `UNMARKED` in its place.
"""
UNMARKED = "0" * 64
"""Placeholder of the fingerprint, as long as its final value."""


class Checker:
    """Sorter of an upload's rows into accepted and rejected ones.

    Parameters
    ----------
    columns
        Columns of the table; the last is the target where the spec declares no tables.
    source
        The uploaded file; the only file outside ``workdir`` that DuckDB may open.
    workdir
        Directory for the DuckDB database, its spill files and ``rows.jsonl``.
    memory_mb, disk_mb
        Memory that DuckDB may use, and disk that it may use when the memory is full, in MB.
    threads
        Number of threads that DuckDB may use.
    clock
        Name of the column with the time since when a row is known, and the current time (aware); None when rows
        have no such column.
    sides
        What settles the side of each row; None: rows of this table have none.

    Attributes
    ----------
    tally
        Row counts so far.
    """

    def __init__(
        self,
        columns: Sequence[Column],
        source: Path,
        workdir: Path,
        *,
        memory_mb: int,
        disk_mb: int,
        threads: int,
        clock: tuple[str, datetime] | None = None,
        sides: Sides | None = None,
    ) -> None:
        time, now = clock or ("", None)
        self._now = {column.name: now if column.name == time else None for column in columns}
        self.columns = columns
        self._sides = sides
        self.tally = Tally(columns)
        self._written = 0
        self._written_bytes = 0
        self._rows_path = workdir / "rows.jsonl"
        self._rows_path.unlink(missing_ok=True)
        self._database = workdir / "check.duckdb"
        self._database.unlink(missing_ok=True)
        self.connection = _connect(
            self._database,
            source,
            workdir,
            {
                "memory_limit": f"{memory_mb}MB",
                "max_temp_directory_size": f"{disk_mb}MB",
                "threads": threads,
            },
        )
        typed = ", ".join(f"_v{i} {sql_type(column)}" for i, column in enumerate(columns))
        self.connection.execute(f"CREATE TABLE accepted ({typed}, {HELD_OUT} BOOLEAN, {LINE} INTEGER)")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc: object) -> None:
        self.connection.close()
        self._database.unlink(missing_ok=True)

    @property
    def rejected_file(self) -> Path | None:
        """``rows.jsonl``; None when no row was rejected."""
        return self._rows_path if self.tally.rejected else None

    def check(self, source: Source) -> None:
        """Sort every row of ``source`` into accepted and rejected."""
        for relation in source.batches():
            self._stage(source, relation)
            self.tally.add(self.connection)
            self.connection.execute(
                f"INSERT INTO accepted SELECT {self._names('_v')}, {HELD_OUT}, _l FROM batch WHERE NOT _bad"
            )
            self._write_rejected(source)
        self.connection.execute("DROP VIEW IF EXISTS batch")
        for table in ("texts", "bad", *(f"part{first}" for first in self._firsts)):
            self.connection.execute(f"DROP TABLE IF EXISTS {table}")

    def _stage(self, source: Source, relation: str) -> None:
        """Create the view ``batch``: texts and typed values of one batch, whether each row is bad, and its side.

        Handles `AT_ONCE` columns per statement: the memory that DuckDB needs to plan a statement grows with the
        square of its expressions, and each JSON function holds memory of its own.
        """
        self.connection.execute(
            f"CREATE OR REPLACE TEMP TABLE texts AS {self._without_sentinels(source, relation)}"
        )
        for first in self._firsts:
            some = self._some(first)
            texts = ", ".join(f"{source.text(i)} AS _x{i}" for i, _ in some)
            values = ", ".join(f"{value(c, f'_x{i}', self._now[c.name])} AS _v{i}" for i, c in some)
            bad = " OR ".join(_bad(i, c) for i, c in some)
            typed = f"SELECT *, {values} FROM (SELECT *, {texts} FROM texts)"
            kept = ", ".join(f"_v{i}" for i, _ in some)
            hashed = self._hashed(some)
            self.connection.execute(
                f"CREATE OR REPLACE TEMP TABLE part{first} AS "
                f"SELECT {kept}, {bad} AS _bad{first}, {hashed} AS _hash{first} FROM ({typed})"
            )
        parts = " ".join(f"POSITIONAL JOIN part{first}" for first in self._firsts)
        bad = " OR ".join(["_e IS NOT NULL", *(f"_bad{first}" for first in self._firsts)])
        kept = f"_l, _e, _u, {self._names('_t')}, {self._names('_v')}"
        self.connection.execute(
            f"CREATE OR REPLACE TEMP VIEW batch AS SELECT {kept}, {bad} AS _bad, {self._held_out()} AS {HELD_OUT} "
            f"FROM texts {parts}"
        )

    def _hashed(self, some: Sequence[tuple[int, Column]]) -> str:
        """Return SQL of what the columns add to the hash of a row."""
        if self._sides is None:
            return "NULL"
        return together(of_value(column, f"_v{i}") for i, column in some if self._sides.depends_on(column))

    def _held_out(self) -> str:
        """Return SQL of the side of a row of the batch; NULL where rows have none."""
        if (sides := self._sides) is None:
            return "CAST(NULL AS BOOLEAN)"
        row = together(f"_hash{first}" for first in self._firsts)
        entity = [hash_of(f"_v{i}") for i, column in enumerate(self.columns) if column.name == sides.entity]
        return is_held_out(f"coalesce({', '.join([*entity, row])})", sides.share)

    @property
    def _firsts(self) -> range:
        return range(0, len(self.columns), AT_ONCE)

    def _some(self, first: int) -> list[tuple[int, Column]]:
        return list(enumerate(self.columns[first : first + AT_ONCE], first))

    def _without_sentinels(self, source: Source, relation: str) -> str:
        missing = [
            f"CASE WHEN {means_missing(column, source.text(i))} THEN NULL ELSE _t{i} END AS _t{i}"
            for i, column in enumerate(self.columns)
            if column.missing
        ]
        return f"SELECT * REPLACE ({', '.join(missing)}) FROM ({relation})" if missing else relation

    def labels(self) -> list[Any]:
        """Return up to two distinct target values among the accepted rows."""
        last = f"_v{len(self.columns) - 1}"
        return self.connection.execute(f"SELECT DISTINCT {last} FROM accepted LIMIT 2").fetchall()

    def copies_of_target(self) -> list[str]:
        """Return the columns that equal the target in every accepted row; none if the target is constant."""
        last = len(self.columns) - 1
        target = f"CAST(_v{last} AS VARCHAR)"
        same = ", ".join(
            f"bool_and(CAST(_v{i} AS VARCHAR) IS NOT DISTINCT FROM {target})" for i in range(last)
        )
        if not same:
            return []
        found = self.connection.execute(
            f"SELECT count(DISTINCT {target}) > 1, {same} FROM accepted"
        ).fetchone()
        several, *equal = found or (False,)
        return [column.name for column, one in zip(self.columns, equal, strict=False) if several and one]

    def waiting(self) -> tuple[int, datetime | None, datetime | None]:
        """Return how many accepted rows are dated in the future, and the earliest and latest of their times (UTC)."""
        found: tuple[int, datetime | None, datetime | None] = (0, None, None)
        for i, column in enumerate(self.columns):
            if (now := self._now[column.name]) is not None:
                later = f"FROM accepted WHERE _v{i} > TIMESTAMPTZ {quote(now.isoformat())}"
                row = self.connection.execute(
                    f"SELECT count(*), min(_v{i}) AT TIME ZONE 'UTC', max(_v{i}) AT TIME ZONE 'UTC' {later}"
                ).fetchone()
                count, first, last = row or (0, None, None)
                found = (count, first and first.replace(tzinfo=UTC), last and last.replace(tzinfo=UTC))
        return found

    def newest(self, time: str | None) -> datetime | None:
        """Return the latest time in a column of the accepted rows, UTC; None without such a column."""
        for i, column in enumerate(self.columns):
            if column.name == time:
                found = self.connection.execute(
                    f"SELECT max(_v{i}) AT TIME ZONE 'UTC' FROM accepted"
                ).fetchone()
                return found[0].replace(tzinfo=UTC) if found and found[0] else None
        return None

    def describe(self, key_columns: Sequence[str], workdir: Path) -> tuple[Profile, Path | None]:
        """Return the profile of the accepted rows and the file of their key values (see `preparation.profile`)."""
        relations = {  # one relation per column: a view over all columns would be planned whole for each query
            column.name: f'(SELECT _v{i} AS "{column.name}" FROM accepted)'
            for i, column in enumerate(self.columns)
        }
        described = profile.describe(self.connection, relations, self.columns, self.tally.accepted)
        return described, profile.write_keys(self.connection, relations, key_columns, workdir / profile.KEYS)

    def write_shard(self, path: Path) -> None:
        """Write the accepted rows as Parquet, in their order; where rows have a side, with it and their line.

        Uses one thread, so that the same rows give the same bytes. The footer contains a fingerprint of the
        content, so that two shards can be compared without reading their rows.
        """
        named = ", ".join(f'_v{i} AS "{column.name}"' for i, column in enumerate(self.columns))
        named += f", {HELD_OUT}, {LINE}" if self._sides else ""
        self.connection.execute("SET threads = 1")
        self.connection.execute(
            f"COPY (SELECT {named} FROM accepted) TO {quote(str(path))} (FORMAT parquet, COMPRESSION zstd, "
            f"ROW_GROUP_SIZE 122880, KV_METADATA {{{FINGERPRINT}: '{UNMARKED}'}})"
        )
        _mark(path)

    def _names(self, letter: str) -> str:
        return ", ".join(f"{letter}{index}" for index in range(len(self.columns)))

    def _write_rejected(self, source: Source) -> None:
        room = MAX_REJECTED_ROWS - self._written
        if not self.tally.rejected or room <= 0 or self._written_bytes >= MAX_REJECTED_BYTES:
            return
        self.connection.execute(
            f"CREATE OR REPLACE TEMP TABLE bad AS SELECT * FROM batch WHERE _bad ORDER BY _l LIMIT {room}"
        )
        with self._rows_path.open("a", encoding="utf-8") as out:
            for start in range(0, room, ROWS_AT_ONCE):
                rows = self._reasons(source, f"rowid >= {start} AND rowid < {start + ROWS_AT_ONCE}")
                for row in rows:
                    line = self._rejection(row)
                    self._written_bytes += len(line.encode())
                    if self._written_bytes > MAX_REJECTED_BYTES:
                        return
                    out.write(line)
                    self._written += 1
                if len(rows) < ROWS_AT_ONCE:
                    return

    def _reasons(self, source: Source, where: str) -> list[tuple[Any, ...]]:
        """Return line, row fault, and a reason and text per column for the rows of ``bad`` that match ``where``.

        The reason is None where the value is good. Handles `AT_ONCE` columns per statement, as `_stage` does.
        """
        rows = self.connection.execute(f"SELECT _l, _e FROM bad WHERE {where} ORDER BY rowid").fetchall()
        for first in self._firsts:
            pairs = ", ".join(
                f"CASE WHEN {_bad(i, c)} THEN "
                f"CASE WHEN _t{i} IS NULL THEN 'missing' ELSE {reason(c, source.text(i), self._now[c.name])} END END, "
                f"_t{i}[:{SHOWN_VALUE}]"
                for i, c in self._some(first)
            )
            more = self.connection.execute(f"SELECT {pairs} FROM bad WHERE {where} ORDER BY rowid").fetchall()
            rows = [(*row, *one) for row, one in zip(rows, more, strict=True)]
        return rows

    def _rejection(self, row: Sequence[Any]) -> str:
        line, fault, *pairs = row
        errors = [
            {"column": column.name, "value": given, "reason": cut(why, SHOWN_REASON_BYTES)}
            for column, why, given in zip(self.columns, pairs[::2], pairs[1::2], strict=True)
            if why is not None
        ]
        if left := len(errors) - SHOWN_ERRORS if len(errors) > SHOWN_ERRORS else 0:
            more = {"column": None, "value": None, "reason": f"and {left} more wrong values"}
            errors = [*errors[:SHOWN_ERRORS], more]
        if fault is not None:
            errors = [{"column": None, "value": None, "reason": cut(fault, SHOWN_REASON_BYTES)}]
        for error in errors:
            self.tally.tell(line, error["column"], error["reason"])
        return json.dumps({"line": line, "errors": errors}, ensure_ascii=False) + "\n"


def _bad(index: int, column: Column) -> str:
    return f"(_v{index} IS NULL AND _t{index} IS NOT NULL)" if column.optional else f"(_v{index} IS NULL)"


def _connect(
    database: Path, source: Path, workdir: Path, limits: Mapping[str, str | int]
) -> duckdb.DuckDBPyConnection:
    connection = duckdb.connect(
        str(database),
        config={
            **limits,
            "temp_directory": str(workdir / "spill"),
            "preserve_insertion_order": True,
            "autoload_known_extensions": False,
            "autoinstall_known_extensions": False,
        },
    )
    connection.execute("SET TimeZone = 'UTC'")
    connection.execute(f"SET allowed_directories = [{quote(str(workdir))}]")
    connection.execute(f"SET allowed_paths = [{quote(str(source))}]")
    connection.execute("SET enable_external_access = false")
    return connection


def _mark(path: Path) -> None:
    with path.open("r+b") as file:
        mark = hashlib.file_digest(file, "sha256").hexdigest()
        file.seek(-8, 2)  # a Parquet file ends with the footer, its length in four bytes, and PAR1
        length = int.from_bytes(file.read(4), "little")
        file.seek(-8 - length, 2)
        footer = file.read(length)
        file.seek(-8 - length + footer.index(UNMARKED.encode()), 2)
        file.write(mark.encode())
