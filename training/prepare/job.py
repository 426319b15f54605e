"""`prepare`: one upload from file to verdict."""

from __future__ import annotations

from pathlib import Path

import duckdb

from relearn.errors import DataError
from relearn.spec import ModelSpec
from relearn.tables import MAIN
from training.prepare.checker import Checker
from training.prepare.lines import Lines
from training.prepare.outcome import EXPANSION, Prepared, Refusal
from training.prepare.sniff import Kind, detect, open_text
from training.prepare.sources import CsvSource, JsonSource, ParquetSource, Source
from training.prepare.staging import CsvStaging, JsonStaging

SHARD = "shard.parquet"
LEAK_ROWS = 50
"""Rows from which on a column that always equals the target is no chance."""


def prepare(
    spec: ModelSpec,
    source: Path,
    name: str,
    workdir: Path,
    *,
    table: str = MAIN,
    memory_mb: int = 512,
    threads: int = 2,
) -> Prepared:
    """Check an uploaded file and write its good rows as a shard.

    Parameters
    ----------
    spec
        What the rows must be.
    source
        The file.
    name
        What its owner called it (the object's key will do): its suffix must not contradict the content.
    workdir
        A directory for the shard, ``rows.jsonl`` and what DuckDB spills; made when missing.
    table
        Which of the spec's raw tables the rows are of.
    memory_mb
        Memory that DuckDB may use, in MB. The process needs about 100 MB more.
    threads
        Threads that DuckDB may use.

    Returns
    -------
    Prepared
        Counts and files, or the refusal. A file that is bad is an answer, not an exception.

    Raises
    ------
    SpecError
        The spec has no such table.
    """
    source, workdir = source.resolve(), workdir.resolve()
    workdir.mkdir(parents=True, exist_ok=True)
    columns = spec.raw_columns(table)
    with Checker(columns, source, workdir, memory_mb=memory_mb, threads=threads) as checker:
        tally = checker.tally
        try:
            _check_size(spec, source)
            _check_rows(
                spec,
                source,
                detect(source, name),
                checker,
                staged=workdir / "staged",
                batch_bytes=memory_mb * 2**16,
            )
            checker.tally.judge(spec)
            if not spec.tables:
                _check_classes(spec, checker)
                _check_leak(spec, checker)
            shard = workdir / SHARD
            checker.write_shard(shard)
            profile, keys = checker.describe(spec.key_columns(table), workdir)
        except DataError as error:
            refusal = Refusal(error.code, error.detail)
            return Prepared(tally.accepted, tally.rejected, refusal, None, checker.rejected_file)
        return Prepared(
            tally.accepted, tally.rejected, None, shard, checker.rejected_file, profile=profile, keys=keys
        )


def _check_size(spec: ModelSpec, source: Path) -> None:
    size = source.stat().st_size
    if size == 0:
        raise DataError("empty", "the file has 0 bytes; allowed: a header and at least one row")
    if size > spec.ingest.max_bytes:
        raise DataError("too_large", f"{size} bytes; allowed: at most {spec.ingest.max_bytes}")


def _check_rows(
    spec: ModelSpec, source: Path, kind: Kind, checker: Checker, *, staged: Path, batch_bytes: int
) -> None:
    cap = spec.ingest.max_bytes * EXPANSION
    if kind.format == "parquet":
        _check_parquet(source, cap, checker)
        return
    try:
        with source.open("rb") as file, open_text(file, gzipped=kind.gzipped) as text:
            lines = Lines(text, cap, packed=file.tell if kind.gzipped else None)
            rows: Source
            if kind.format == "csv":
                rows = CsvSource(checker.columns, CsvStaging(lines), staged, batch_bytes)
            else:
                rows = JsonSource(checker.columns, JsonStaging(lines), staged, batch_bytes)
            checker.check(rows)
    finally:
        staged.unlink(missing_ok=True)


def _check_parquet(source: Path, cap: int, checker: Checker) -> None:
    try:
        checker.check(ParquetSource(checker.columns, checker.connection, source, cap))
    except duckdb.OutOfMemoryException as error:
        raise DataError("too_large", f"a row group of the file does not fit in memory: {error}") from error
    except duckdb.Error as error:
        code = "encoding" if "utf" in str(error).lower() else "format"
        raise DataError(code, f"the Parquet file can not be read: {str(error).splitlines()[0]}") from error


def _check_leak(spec: ModelSpec, checker: Checker) -> None:
    if checker.tally.accepted >= LEAK_ROWS and (leaking := checker.copies_of_target()):
        raise DataError(
            "leakage",
            f"{leaking[0]} equals {spec.target.name} in each of {checker.tally.accepted} rows: a request can not know it; "
            "allowed: columns that are known before the target is",
        )


def _check_classes(spec: ModelSpec, checker: Checker) -> None:
    labels = checker.labels()
    if spec.classes and len(labels) == 1 and not spec.ingest.allow_one_class:
        raise DataError(
            "one_class",
            f"every row has {spec.target.name} {labels[0][0]!r}; allowed: at least two different labels",
        )
