"""Backfill: compute the features of past moments from one snapshot, in a job that trains no model.

The training container runs it instead of training when the job's hyperparameters include ``moments_from``. It
writes the features as one Parquet file, and their statistics as statistics.json. The target is missing where
the days that it depends on are not over. Moments with less history than the spec's ``history_days`` are
included, and listed because training does not use them. The same snapshot and moments give the same bytes.
"""

# ruff: noqa: S608 - every name in the SQL is ours or the spec's (checked), the path goes through quote()
from __future__ import annotations

import hashlib
import json
import shutil
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import duckdb

from preparation.rules import quote
from relearn.errors import ConfigError, DataError
from relearn.figures import counted
from relearn.spec.model import Column, ModelSpec
from relearn.spec.policies import TOLD_OF_MOMENTS
from relearn.spec.tables import AS_OF, month_starts
from scoring.container import Container, clock
from scoring.progress import say
from training import catalog
from training.features import engine
from training.features.build import FeatureBuilder, count_rows, last_moment
from training.features.check import wanted
from training.features.column_types import FEATURE_TYPES
from training.features.shards import Shard, counts_of
from training.fitting.fit import Code

FROM, TO, EVERY = TOLD_OF_MOMENTS
"""Hyperparameters of a backfill: first and last day, such as 2025-04-01, and one of `PACES`."""
PACES = ("day", "month")
"""Allowed distances between moments."""
FEATURES, STATISTICS = "features.parquet", "statistics.json"
MAX_MOMENTS = 3700  # ten years of days
ROWS = "__rows"  # no table can have this name


@dataclass(frozen=True, slots=True)
class Span:
    """Range of moments of a backfill.

    Parameters
    ----------
    first, last
        First and last midnight (UTC), inclusive.
    every
        Distance between moments, one of `PACES`.
    """

    first: datetime
    last: datetime
    every: str

    @classmethod
    def of(cls, told: Mapping[str, str]) -> Span:
        """Parse the hyperparameters of a job.

        Raises
        ------
        ConfigError
            A day is missing or not a date, the pace is unknown, or there are no or more than `MAX_MOMENTS`
            moments.
        """
        first, last = (_midnight(name, told.get(name)) for name in (FROM, TO))
        every = told.get(EVERY, "month")
        if every not in PACES:
            raise ConfigError(EVERY, every, f"one of {', '.join(PACES)}")
        span = cls(first, last, every)
        if not 1 <= (count := len(span.moments())) <= MAX_MOMENTS:
            given = f"{first:%Y-%m-%d} to {last:%Y-%m-%d}"
            raise ConfigError(
                f"{FROM}, {TO}", given, f"1 to {MAX_MOMENTS} moments, one a {every}; these are {count}"
            )
        return span

    def moments(self) -> tuple[datetime, ...]:
        """Return the moments in order: each midnight, or the first of each month (UTC)."""
        if self.every == "month":
            return month_starts(self.first, self.last)
        days = (self.last - self.first).days + 1
        return tuple(self.first + timedelta(days=day) for day in range(min(days, MAX_MOMENTS + 1)))


def run(box: Container, told: Mapping[str, str]) -> None:
    """Compute the features of a backfill, and write them and their statistics.

    Parameters
    ----------
    box
        Folders of the container.
    told
        Hyperparameters of the job.

    Raises
    ------
    ConfigError
            The model has no moments, or a hyperparameter is missing or wrong.
    DataError
        The snapshot does not cover the moments, or the features break the spec.
    """
    spec = catalog.get(told.get("model"))
    if spec.moments is None:
        raise ConfigError(FROM, spec.name, "a model whose spec has tables and moments")
    span = Span.of(told)
    box.output.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="backfill-") as folder:
        statistics = write(spec, span, box.train_data, Path(folder), box.output / FEATURES, clock(told))
    statistics |= {"model": spec.name, "run_id": told.get("run_id"), "snapshot": told.get("snapshot")}
    document = json.dumps(statistics, indent=2, sort_keys=True)
    (box.output / STATISTICS).write_text(document + "\n", encoding="utf-8")
    rows, moments = counted(statistics["rows"], "row"), counted(len(statistics["moments"]), "moment")
    say(f"made {rows} of features of {moments}; no model")


def write(  # noqa: PLR0917 - what to make, of what, where and as of when
    spec: ModelSpec, span: Span, shards: Path, workdir: Path, file: Path, now: datetime
) -> dict[str, Any]:
    """Compute the features of a range of moments in bounded memory, and write them as one Parquet file.

    Parameters
    ----------
    spec
        Spec with moments.
    span
        Range of the moments.
    shards
        Folder with a folder of shards for each raw table.
    workdir
        Empty folder for data that does not fit into memory.
    file
        Parquet file to write.
    now
        Clock of the job, aware: later moments are refused, later rows ignored.

    Returns
    -------
    dict
        Statistics: ``rows``, ``sha256``, ``moments`` with their row counts, ``tables``, ``columns``, the
        moments with a ``short_history``, and those with ``target_unknown``.

    Raises
    ------
    DataError, SpecError
        As `training.features.build` raises them; a DataError also when the snapshot does not cover the
        moments.
    """
    sources, scratch = shards.resolve(), workdir.resolve()
    made = scratch / FEATURES
    with engine.connect(scratch, [sources]) as connection:
        builder = FeatureBuilder(spec, Code.of(catalog.folder(spec.name)).features, connection, scratch, now)
        found = builder.shards(_files(spec, sources))
        earliest, known = _check_reach(spec, found, span)
        files = [builder.write(found, moment, f"{moment:%Y%m%d}") for moment in span.moments()]
        if not (rows := count_rows(connection, files)):
            raise DataError("features", f"the features of {spec.name} have no row at any of these moments")
        connection.execute(f"CREATE VIEW {ROWS} AS {_with_known_targets(spec, files, known)}")
        written = "FORMAT parquet, COMPRESSION zstd, ROW_GROUP_SIZE 122880"
        connection.execute(f"COPY (SELECT * FROM {ROWS}) TO {quote(str(made))} ({written})")
        counts = [count_rows(connection, [one]) for one in files]
        columns = _by_column(connection, spec)
    with made.open("rb") as content:
        digest = hashlib.file_digest(content, "sha256").hexdigest()
    shutil.move(made, file)
    return {
        "format": 1,
        "engine": "duckdb",
        "rows": rows,
        "sha256": digest,
        "tables": _by_table(found),
        "moments": dict(zip(map(_written, span.moments()), counts, strict=True)),
        "short_history": [_written(moment) for moment in span.moments() if moment < earliest],
        "target_unknown": [_written(moment) for moment in span.moments() if moment > known],
        "columns": columns,
    }


def _files(spec: ModelSpec, sources: Path) -> dict[str, list[Path]]:
    found = sorted(sources.rglob("*.parquet"))  # SageMaker may keep a shard's whole key as its path
    return {table: [path for path in found if path.parent.name == table] for table in spec.table_names}


def _by_table(shards: Mapping[str, Sequence[Shard]]) -> dict[str, dict[str, int]]:
    return {table: counts_of(of) for table, of in shards.items()}


def _written(moment: datetime) -> str:
    return f"{moment:%Y-%m-%dT%H:%M:%SZ}"


def _midnight(name: str, text: str | None) -> datetime:
    try:
        day = datetime.strptime(text or "", "%Y-%m-%d").replace(tzinfo=UTC)
    except ValueError:
        raise ConfigError(name, text, "a day, as 2025-04-01") from None
    return day


def _check_reach(
    spec: ModelSpec, shards: Mapping[str, Sequence[Shard]], span: Span
) -> tuple[datetime, datetime]:
    """Refuse moments outside the data; return the first with enough history and the last with a known target.

    Raises
    ------
    DataError
        The table of the moments has no row (``empty``), or a moment is outside its rows (``moments``).
    """
    assert spec.moments is not None  # noqa: S101 - run() said so
    first = min((shard.first for shard in shards[spec.moments.table] if shard.first), default=None)
    last, moments = last_moment(spec, shards), span.moments()
    if first is None or last is None:
        raise DataError("empty", f"table {spec.moments.table} of {spec.name} has no row")
    if moments[0] < first or moments[-1] > last:
        raise DataError(
            "moments",
            f"got {moments[0]:%Y-%m-%d} to {moments[-1]:%Y-%m-%d}; allowed: {first:%Y-%m-%d %H:%M} to "
            f"{last:%Y-%m-%d %H:%M}, from the first to the last row of table {spec.moments.table} that is known by now",
        )
    history, label = (timedelta(days=days) for days in (spec.moments.history_days, spec.moments.label_days))
    return first + history, last - label


def _with_known_targets(spec: ModelSpec, files: Sequence[Path], known: datetime) -> str:
    target, paths = f'"{spec.target.name}"', ", ".join(quote(str(file)) for file in files)
    then = f"TIMESTAMPTZ {quote(known.isoformat())}"
    given = f'CASE WHEN "{AS_OF}" <= {then} THEN {target} END AS {target}'
    return f'SELECT * REPLACE ({given}) FROM read_parquet([{paths}]) ORDER BY "{AS_OF}", "{spec.entity}"'


def _by_column(connection: duckdb.DuckDBPyConnection, spec: ModelSpec) -> dict[str, dict[str, Any]]:
    return {
        column.name: _of_number(connection, column)
        if FEATURE_TYPES[type(column)].averaged
        else {"missing": _one(connection, f'count(*) - count("{column.name}")')[0]}
        for column in wanted(spec)
    }


def _of_number(connection: duckdb.DuckDBPyConnection, column: Column) -> dict[str, Any]:
    name = f'"{column.name}"'
    found = _one(
        connection, f"count(*) - count({name}), min({name}), max({name}), avg(CAST({name} AS DOUBLE))"
    )
    return dict(zip(("missing", "minimum", "maximum", "mean"), found, strict=True))


def _one(connection: duckdb.DuckDBPyConnection, what: str) -> tuple[Any, ...]:
    found: tuple[Any, ...] | None = connection.execute(f"SELECT {what} FROM {ROWS}").fetchone()
    assert found is not None  # noqa: S101 - an aggregate always gives a row
    return found
