"""SQL and types of the features' engines, by column type."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Any, NamedTuple

from preparation.rules import quote
from relearn.figures import exact
from relearn.spec.columns import LARGEST_FLOAT32
from relearn.spec.model import Boolean, Category, Column, DateTime, Id, Number, Ranking, Text

ISO = "%Y-%m-%dT%H:%M:%S.%fZ"
"""Format of date-times among the online features."""
Fault = tuple[str, str]
"""Words for the breach of a rule, and SQL that is true for it."""


def _bounds(column: Number) -> Iterator[Fault]:
    number = f'CAST("{column.name}" AS DOUBLE)'
    finite = f"{number} <= CAST('{LARGEST_FLOAT32!r}' AS DOUBLE)"
    yield "are not finite as float32", f"NOT abs({number}) <= CAST('{LARGEST_FLOAT32!r}' AS DOUBLE)"
    low, high = column.stored_bounds
    if column.minimum is not None:
        words = f"are below the minimum, {exact(column.minimum)}"
        yield words, f"{number} < CAST('{low!r}' AS DOUBLE)"
    if column.maximum is not None:
        words = f"are above the maximum, {exact(column.maximum)}"
        yield words, f"{number} > CAST('{high!r}' AS DOUBLE) AND {finite}"


def _length(column: Text | Id) -> Iterator[Fault]:
    yield f"are longer than {column.max_length} characters", f'length("{column.name}") > {column.max_length}'


def _as_requested(column: Number) -> str:
    name = f'"{column.name}"'
    cases = " ".join(
        f"WHEN {name} = CAST(CAST('{bound!r}' AS DOUBLE) AS FLOAT) THEN CAST('{bound!r}' AS DOUBLE)"
        for bound in (column.minimum, column.maximum)
        if bound is not None
    )
    return f"CASE {cases} ELSE {name} END" if cases else name


def _other_number(column: Number, value: Any) -> float:
    low, high = column.minimum, column.maximum
    if low is not None:
        return low if float(value) != low else high or low + 1
    return high if high is not None else float(value) + 1000


class FeatureType(NamedTuple):
    """What the engines of features know of a column type; in templates of SQL, ``{}`` is the column."""

    fits: Callable[[Any], bool] = lambda kind: kind.is_string()  # the Ibis type of a feature set's column
    faults: Callable[[Any], Iterable[Fault]] = lambda _column: ()  # rules of a feature set's column
    ibis: str = "string"  # type in an expression
    duckdb: str = "CAST({} AS VARCHAR)"  # a raw value as an expression has it
    spark: tuple[str, ...] = ("string",)  # Spark's types that it is cast to for that, one after another
    made: str = "string"  # Spark's type in the files of a feature set
    naive: str = "{}"  # DuckDB's value of a shard without a time zone
    online: Callable[[Any], str] = lambda column: f'"{column.name}"'  # DuckDB's SQL, as a request has it
    other: Callable[[Any, Any], Any] = lambda _column, value: value  # another allowed value, if there is one
    ranged: bool = False  # statistics have minimum and maximum
    averaged: bool = False  # statistics have the mean


FEATURE_TYPES: dict[type[Column], FeatureType] = {
    Number: FeatureType(
        fits=lambda kind: kind.is_numeric() and not kind.is_boolean(),
        faults=_bounds,
        ibis="float64",
        duckdb="CAST(CAST({} AS FLOAT) AS DOUBLE)",  # through float32, as ingest stores it
        spark=("float", "double"),
        made="double",
        online=_as_requested,  # which the value becomes part of
        other=_other_number,
        ranged=True,
        averaged=True,
    ),
    Category: FeatureType(
        faults=lambda column: [
            (
                f"are not one of {', '.join(column.values)}",
                f'"{column.name}" NOT IN ({", ".join(map(quote, column.values))})',
            )
        ],
        other=lambda column, value: column.values[(column.values.index(value) + 1) % len(column.values)],
    ),
    Text: FeatureType(faults=_length),
    Boolean: FeatureType(
        fits=lambda kind: kind.is_boolean(),
        ibis="boolean",
        duckdb="CAST({} AS BOOLEAN)",
        spark=("boolean",),
        made="boolean",
        other=lambda _column, value: str(value).lower() not in ("true", "1"),
    ),
    DateTime: FeatureType(
        fits=lambda kind: kind.is_timestamp() or kind.is_date(),
        ibis="timestamp",
        duckdb="CAST({} AS TIMESTAMPTZ) AT TIME ZONE 'UTC'",
        spark=("timestamp", "timestamp_ntz"),  # the session's zone is UTC
        made="timestamp",
        naive="{} AT TIME ZONE 'UTC'",
        online=lambda column: f"strftime(\"{column.name}\" AT TIME ZONE 'UTC', '{ISO}')",
        ranged=True,
    ),
    Id: FeatureType(faults=_length),
    Ranking: FeatureType(),
}
