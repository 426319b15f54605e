"""Check one upload, from its file to an `Outcome`."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import duckdb

from preparation.checker import Checker
from preparation.deadline import Deadline
from preparation.lines import Lines
from preparation.outcome import EXPANSION, MAX_UNPACKED, Outcome, Refusal
from preparation.sides import Sides
from preparation.sniff import Kind, detect, open_text
from preparation.sources import Bounds, CsvSource, JsonSource, ParquetSource, Source
from preparation.staging import CsvStaging, JsonStaging
from relearn.cutting import cut
from relearn.errors import DataError
from relearn.spec.columns import quoted
from relearn.spec.model import ModelSpec
from relearn.spec.tables import MAIN

SHARD = "shard.parquet"
LEAK_ROWS = 50
"""Fewest accepted rows at which a column that always equals the target is treated as leakage, not as chance."""


def prepare(
    spec: ModelSpec,
    source: Path,
    name: str,
    workdir: Path,
    *,
    table: str = MAIN,
    memory_mb: int = 512,
    disk_mb: int = 3072,
    threads: int = 2,
    seconds: float | None = None,
    now: datetime | None = None,
) -> Outcome:
    """Check an uploaded file and write its good rows as a shard.

    Parameters
    ----------
    spec
        Declaration that the rows must fit.
    source
        The uploaded file.
    name
        Name that the owner gave it, or the object's key; its suffix must not contradict the content.
    workdir
        Directory for the shard, ``rows.jsonl`` and DuckDB's spill files; created when missing.
    table
        Raw table of the spec that the rows belong to.
    memory_mb
        Memory that DuckDB may use, in MB. The process needs about 100 MB more.
    disk_mb
        Disk in ``workdir`` that DuckDB may use when that memory is full, in MB.
    threads
        Number of threads that DuckDB may use.
    seconds
        Time limit of the check, in seconds; a file that takes longer is refused as ``too_slow``. None: no limit.
    now
        Current time, aware; a row's time may be later by at most `relearn.spec.tables.AHEAD`. None: this machine's
        clock.

    Returns
    -------
    Outcome
        Counts and files, or the refusal. A bad file is a result, not an exception.

    Raises
    ------
    SpecError
        The spec has no such table.
    """
    source, workdir = source.resolve(), workdir.resolve()
    workdir.mkdir(parents=True, exist_ok=True)
    columns, declared = spec.raw_columns(table), spec.raw_table(table)
    time = declared.time if declared else None
    deadline = Deadline(seconds)
    with (
        Checker(
            columns,
            source,
            workdir,
            memory_mb=memory_mb,
            disk_mb=disk_mb,
            threads=threads,
            clock=None if time is None else (time, now or datetime.now(UTC)),
            sides=Sides.of(spec),
        ) as checker,
        deadline.interrupting(checker.connection.interrupt),
    ):
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
                deadline=deadline,
            )
            checker.tally.judge(spec)
            if not spec.tables:
                _check_classes(spec, checker)
                _check_leak(spec, checker)
            shard = workdir / SHARD
            checker.write_shard(shard)
            profile, keys = checker.describe(spec.key_columns(table), workdir)
            waiting, first, until = checker.waiting()
            newest = checker.newest(spec.time_of(table))
        except (DataError, duckdb.InterruptException, duckdb.OutOfMemoryException) as error:
            refusal = _refusal(error, deadline, memory_mb, disk_mb)
            return Outcome(tally.accepted, tally.rejected, refusal, None, checker.rejected_file)
        return Outcome(
            tally.accepted,
            tally.rejected,
            None,
            shard,
            checker.rejected_file,
            profile=profile,
            keys=keys,
            rows_waiting=waiting,
            waits_until=until,
            known_from=_in_milliseconds(first) if first and waiting == tally.accepted else None,
            newest=newest,
        )


def _in_milliseconds(moment: datetime) -> datetime:
    """Round a time up to whole milliseconds, the resolution of a run's clock."""
    return moment + timedelta(microseconds=-moment.microsecond % 1000)


def _refusal(error: Exception, deadline: Deadline, memory_mb: int, disk_mb: int) -> Refusal:
    """Return the reason why the file is refused; raise ``error`` again when it is not the file's fault."""
    match error:
        case DataError():
            return Refusal(error.code, cut(error.detail))
        case duckdb.InterruptException() if deadline.passed:
            late = deadline.error()
            return Refusal(late.code, late.detail)
        case duckdb.OutOfMemoryException():
            return Refusal(
                "too_large",
                f"its check needs more than {memory_mb} MB of memory and {disk_mb} MB of disk; allowed: so much; split the file, "
                "or write Parquet with smaller row groups",
            )
    raise error


def _check_size(spec: ModelSpec, source: Path) -> None:
    size = source.stat().st_size
    if size == 0:
        raise DataError("empty", "the file has 0 bytes; allowed: a header and at least one row")
    if size > spec.ingest.max_bytes:
        raise DataError("too_large", f"the file has {size} bytes; allowed: at most {spec.ingest.max_bytes}")


def _check_rows(
    spec: ModelSpec,
    source: Path,
    kind: Kind,
    checker: Checker,
    *,
    staged: Path,
    batch_bytes: int,
    deadline: Deadline,
) -> None:
    cap = min(spec.ingest.max_bytes * EXPANSION, MAX_UNPACKED)
    if kind.format == "parquet":
        _check_parquet(source, cap, checker, batch_bytes, deadline)
        return
    try:
        with source.open("rb") as file, open_text(file, gzipped=kind.gzipped) as text:
            packed = file.tell if kind.gzipped else None
            lines = Lines(text, cap, packed, size=source.stat().st_size, deadline=deadline)
            rows: Source
            if kind.format == "csv":
                rows = CsvSource(checker.columns, CsvStaging(lines), staged, batch_bytes)
            else:
                rows = JsonSource(checker.columns, JsonStaging(lines), staged, batch_bytes)
            checker.check(rows)
    finally:
        staged.unlink(missing_ok=True)


def _check_parquet(source: Path, cap: int, checker: Checker, batch_bytes: int, deadline: Deadline) -> None:
    try:
        bounds = Bounds(source, cap, batch_bytes, deadline)
        checker.check(ParquetSource(checker.columns, checker.connection, bounds))
    except (duckdb.InterruptException, duckdb.OutOfMemoryException):
        raise
    except duckdb.Error as error:
        code = "encoding" if "utf" in str(error).lower() else "format"
        raise DataError(
            code,
            f"the Parquet file cannot be read: {_said(error, source)}; allowed: whole Parquet, text in UTF-8; write it again",
        ) from error


def _said(error: duckdb.Error, source: Path) -> str:
    """Return DuckDB's message about a file, without the kind of error and without the local path."""
    first = str(error).splitlines()[0].partition("Error: ")[2] or "it is no Parquet"
    return (
        first.replace(f"'{source}'", "it")
        .replace(str(source), "it")
        .replace("file it", "it")
        .replace("File it", "it is")
    )


def _check_leak(spec: ModelSpec, checker: Checker) -> None:
    if checker.tally.accepted >= LEAK_ROWS and (leaking := checker.copies_of_target()):
        raise DataError(
            "leakage",
            f"{leaking[0]} equals {spec.target.name} in each of {checker.tally.accepted} rows: a request cannot know it; "
            "allowed: columns that are known before the target is",
        )


def _check_classes(spec: ModelSpec, checker: Checker) -> None:
    labels = checker.labels()
    if spec.classes and len(labels) == 1 and not spec.ingest.allow_one_class:
        raise DataError(
            "one_class",
            f"every row has {spec.target.name} {quoted(spec.target, labels[0][0])}; allowed: at least two different labels",
        )
