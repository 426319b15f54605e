"""For the tests of a model: its features of a few rows in memory."""

# ruff: noqa: S608 - every name in the SQL is the spec's (checked) or ours
from __future__ import annotations

import csv
import tempfile
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import duckdb

from relearn.spec.columns import DateTime
from relearn.spec.model import ModelSpec
from training.features import engine
from training.features.build import MADE, Features, make
from training.features.check import as_shard, row_key, wanted
from training.features.window import Window

Rows = Sequence[Mapping[str, Any]]
LATEST = datetime.max.replace(tzinfo=UTC)  # a test has no clock: all its rows are known


def compute(
    spec: ModelSpec,
    features: Features,
    tables: Mapping[str, Rows],
    *,
    moments: Sequence[datetime] | None = None,
) -> list[dict[str, Any]]:
    """Make the features of rows in memory, with every check that training makes.

    Parameters
    ----------
    spec
        A spec with tables.
    features
        The model's own.
    tables
        Raw table to rows: column to value, date-times as `datetime` or in ISO 8601; a table that is not
        given is empty.
    moments
        What to speak of, aware; None: the moments that the spec finds in the rows.

    Returns
    -------
    list of dict
        Rows by entity and moment; numbers are rounded to float32, date-times aware.

    Raises
    ------
    DataError, SpecError
        As `training.features.build`.
    """
    found = []
    with (
        tempfile.TemporaryDirectory(prefix="features-") as folder,
        engine.connect(Path(folder), []) as connection,
    ):
        given = {
            table: engine.of_rows(connection, spec, table, tables.get(table, ()))
            for table in spec.table_names
        }
        for moment in _moments(connection, spec, given) if moments is None else moments:
            if moment:
                engine.show_moments(connection, [moment])
            window = Window.of(spec.moments, moment, LATEST) if spec.moments and moment else None
            engine.show(connection, spec, given, window)
            make(spec, features, connection)
            columns = ", ".join(
                f"\"{c.name}\" AT TIME ZONE 'UTC'" if isinstance(c, DateTime) else f'"{c.name}"'
                for c in wanted(spec)
            )
            found += connection.execute(f"SELECT {columns} FROM ({as_shard(spec, MADE)})").fetchall()
    rows = [
        {column.name: _aware(value) for column, value in zip(wanted(spec), row, strict=True)} for row in found
    ]
    return sorted(rows, key=lambda row: tuple(row[name] for name in row_key(spec)))


def _moments(
    connection: duckdb.DuckDBPyConnection, spec: ModelSpec, given: Mapping[str, engine.Relation]
) -> Sequence[datetime | None]:
    """List the moments that the spec finds in rows; None alone for a model that chooses them itself."""
    if spec.moments is None:
        return [None]
    engine.show(connection, spec, given)
    table = next(table for table in spec.tables if table.name == spec.moments.table)
    reach = engine.reach(connection, table)
    return spec.moments.between(*reach) if reach else ()


def _aware(value: Any) -> Any:
    return value.replace(tzinfo=UTC) if isinstance(value, datetime) else value


def rows_of(path: Path) -> list[dict[str, Any]]:
    """Read a CSV file as `compute` takes rows; an empty value is a missing one."""
    with path.open(encoding="utf-8", newline="") as file:
        return [{name: value or None for name, value in row.items()} for row in csv.DictReader(file)]
