"""Compute the features of a few rows in memory, for the tests of a model."""

# ruff: noqa: S608 - every name in the SQL is the spec's (checked) or ours
from __future__ import annotations

import csv
import tempfile
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import duckdb

from relearn.spec.model import ModelSpec
from training.features import engine
from training.features.build import MADE, Features, make
from training.features.check import as_shard, row_key, wanted
from training.features.column_types import FEATURE_TYPES
from training.features.window import Window

Rows = Sequence[Mapping[str, Any]]
LATEST = datetime.max.replace(tzinfo=UTC)  # a test has no clock, so all its rows are known


def compute(
    spec: ModelSpec,
    features: Features,
    tables: Mapping[str, Rows],
    *,
    moments: Sequence[datetime] | None = None,
) -> list[dict[str, Any]]:
    """Compute the features of rows in memory, with every check of training.

    Parameters
    ----------
    spec
        Spec with tables.
    features
        The model's function ``features``.
    tables
        Rows by raw table, each a value by column, date-times as `datetime` or ISO 8601; a table that is not
        given is empty.
    moments
        Moments to compute, aware; None: the moments that the spec finds in the rows.

    Returns
    -------
    list of dict
        Rows ordered by entity and moment; numbers are rounded to float32, date-times are aware.

    Raises
    ------
    DataError, SpecError
        As `training.features.build` raises them.
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
                FEATURE_TYPES[type(one)].naive.format(f'"{one.name}"') for one in wanted(spec)
            )
            found += connection.execute(f"SELECT {columns} FROM ({as_shard(spec, MADE)})").fetchall()
    rows = [
        {column.name: _aware(value) for column, value in zip(wanted(spec), row, strict=True)} for row in found
    ]
    return sorted(rows, key=lambda row: tuple(row[name] for name in row_key(spec)))


def _moments(
    connection: duckdb.DuckDBPyConnection, spec: ModelSpec, given: Mapping[str, engine.Relation]
) -> Sequence[datetime | None]:
    """Return the moments that the spec finds in the rows; one None if the model chooses its moments itself."""
    if spec.moments is None:
        return [None]
    engine.show(connection, spec, given)
    table = next(table for table in spec.tables if table.name == spec.moments.table)
    reach = engine.reach(connection, table)
    return spec.moments.between(*reach) if reach else ()


def _aware(value: Any) -> Any:
    return value.replace(tzinfo=UTC) if isinstance(value, datetime) else value


def rows_of(path: Path) -> list[dict[str, Any]]:
    """Read a CSV file as rows for `compute`; an empty value is missing."""
    with path.open(encoding="utf-8", newline="") as file:
        return [{name: value or None for name, value in row.items()} for row in csv.DictReader(file)]
