"""Check the result of a model's `features`: the spec's columns, in their types and within their bounds."""

# ruff: noqa: S608 - every name in the SQL is the spec's (checked), every value goes through quote()
from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import Any, Protocol

import ibis

from preparation.rules import sql_type
from relearn.errors import DataError, SpecError
from relearn.spec.model import Column, DateTime, ModelSpec
from relearn.spec.tables import AS_OF
from training.features.column_types import FEATURE_TYPES, Fault

_VALUE = re.compile(r"['\"]|\b\d")
_TUPLES = {2: "pairs", 3: "triples"}


class Connection(Protocol):
    """Connection that runs DuckDB's SQL: DuckDB's own, or `training.features.spark.Sql`."""

    def execute(self, query: str, /) -> Any:
        """Run a query; return a result with ``fetchone``."""


def wanted(spec: ModelSpec) -> tuple[Column, ...]:
    """Return the columns of a feature set of ``spec``: those computed from its tables, and ``as_of``."""
    return (*spec.made, DateTime(AS_OF))


def row_key(spec: ModelSpec) -> tuple[str, ...]:
    """Return the columns that identify a row: the entity, ``as_of`` and, for a ranking, the item."""
    assert spec.entity is not None  # noqa: S101 - a spec with tables has one
    return (spec.entity, AS_OF, spec.target.name) if spec.kind == "ranking" else (spec.entity, AS_OF)


def check_schema(spec: ModelSpec, made: object) -> ibis.Table:
    """Check the names and types of the columns that `features` returned.

    Raises
    ------
    SpecError
        The result is not a table, or its columns are not the spec's or have other types.
    """
    where = f"{spec.name}/features.py: features"
    if not isinstance(made, ibis.Table):
        raise SpecError(where, made, "a function that gives an ibis.Table")
    types = dict(made.schema().items())
    names = [column.name for column in wanted(spec)]
    faults = [f"{name} is missing" for name in names if name not in types]
    faults += [f"{name} is unknown" for name in types if name not in names]
    faults += [
        f"{column.name} is {types[column.name]}, which is no {column.type}"
        for column in wanted(spec)
        if column.name in types and not FEATURE_TYPES[type(column)].fits(types[column.name])
    ]
    if faults:
        raise SpecError(where, "; ".join(faults), f"the columns {', '.join(names)}, in the spec's types")
    return made


def check_values(spec: ModelSpec, connection: Connection, relation: str, moments: str | None = None) -> int:
    """Check every value of a feature set, and that `row_key` identifies its rows.

    Parameters
    ----------
    relation
        Name of the feature set's table.
    moments
        Name of the table of allowed moments; None: any moment is allowed.

    Returns
    -------
    int
        Number of rows.

    Raises
    ------
    DataError
        Code ``features``; the message lists the columns that break the spec, with row counts and an example
        value.
    """
    checks = [(column, words, sql) for column in wanted(spec) for words, sql in _faults(spec, column)]
    counts = [f"count(*) FILTER ({sql})" for _, _, sql in checks]
    such = [f'min(CAST("{c.name}" AS VARCHAR)) FILTER ({sql})' for c, _, sql in checks]
    key = row_key(spec)
    pairs = f"count(DISTINCT ({_quoted(key)}))"
    rows, different, *found = _one(
        connection, f"SELECT count(*), {pairs}, {', '.join(counts + such)} FROM {relation}"
    )
    faults = [
        f"{column.name}: {count} of {rows} rows {words}{_such(column, value)}"
        for (column, words, _), count, value in zip(
            checks, found[: len(checks)], found[len(checks) :], strict=True
        )
        if count
    ]
    if not faults and different < rows:
        faults = [
            f"{rows} rows for {different} {_TUPLES[len(key)]} of {' and '.join(key)}: a join gives more than one"
        ]
    if not faults and moments is not None:
        faults = _others(connection, relation, moments)
    if faults:
        raise DataError("features", f"the features of {spec.name} break its spec: {'; '.join(faults)}")
    return int(rows)


def without_values(spec: ModelSpec, told: str) -> str:
    """Cut an engine's error message before the first text or number in it, when a column is private.

    An engine quotes the value at which it failed, but not the column. Without private columns the message is
    returned unchanged.
    """
    columns = [column for name in spec.table_names for column in spec.raw_columns(name)]
    if not any(column.private for column in (*columns, *spec.columns, spec.target)):
        return told
    before, *value = _VALUE.split(told, maxsplit=1)
    return f"{before.rstrip(' (')} (private)" if value else told


def _such(column: Column, value: str | None) -> str:
    return "" if value is None or column.private else f", such as {value[:80]}"


def _others(connection: Connection, relation: str, moments: str) -> list[str]:
    times = f'SELECT CAST("{AS_OF}" AS TIMESTAMP) FROM'
    count, such = _one(
        connection,
        f'SELECT count(*), min(CAST("{AS_OF}" AS VARCHAR)) FROM {relation} '
        f'WHERE CAST("{AS_OF}" AS TIMESTAMP) NOT IN ({times} {moments})',
    )
    return [f"{count} rows speak of a moment that is not in {moments}, such as {such}"] if count else []


def as_shard(spec: ModelSpec, relation: str) -> str:
    """Return SQL of a feature set in the types of a shard, ordered so that equal rows give equal files."""
    values = [f'CAST("{c.name}" AS {sql_type(c)}) AS "{c.name}"' for c in wanted(spec)]
    return f"SELECT {', '.join(values)} FROM {relation} ORDER BY {_quoted(row_key(spec))}"


def _quoted(names: Sequence[str]) -> str:
    return ", ".join(f'"{name}"' for name in names)


def _one(connection: Connection, sql: str) -> tuple[Any, ...]:
    row: tuple[Any, ...] | None = connection.execute(sql).fetchone()
    assert row is not None  # noqa: S101 - an aggregate always gives a row
    return row


def _faults(spec: ModelSpec, column: Column) -> Iterator[Fault]:
    """Yield, for each rule of a column, the words for a breach and SQL that is true for it."""
    if not column.optional or column.name == spec.entity:  # optional in requests, never in training
        yield "are missing", f'"{column.name}" IS NULL'
    yield from FEATURE_TYPES[type(column)].faults(column)
