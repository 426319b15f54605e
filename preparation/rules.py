"""SQL of each column type: from a text to its typed value, or to the reason why it is wrong, and to its profile.

``text`` is always an SQL expression of type VARCHAR; it is NULL when the value is missing or, in JSON, of the
wrong type.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any, NamedTuple

from relearn.figures import exact
from relearn.spec.columns import DATE_TIME, DATE_TIME_ALLOWED, DECOMPOSED, LARGEST_FLOAT32, moment
from relearn.spec.model import Boolean, Category, Column, DateTime, Id, Number, Ranking, Text
from relearn.spec.tables import AHEAD

NUMBER = r"[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]+)?"
"""Regular expression of a whole number text."""
FIRST, LAST = "0001-01-01T00:00:00+00:00", "9999-12-31T23:59:59.999999+00:00"
"""First and last time that Python's ``datetime`` can hold; DuckDB's range is larger."""
LONGEST_LITERAL = 40
"""Longest text, in characters, that is read as a number, a truth value or a time when a row's side is settled."""
SHOWN_VALUES = 10
"""Most allowed values of a category listed in a reason."""


def quote(text: str) -> str:
    """Return ``text`` as an SQL string literal."""
    return "'" + text.replace("'", "''") + "'"


def means_missing(column: Column, text: str) -> str:
    """Return SQL that is true where the text is one of the times that stand for a missing value."""
    return f"coalesce({_moment(text)} IN ({_moments(column)}), false)"


def _moments(column: Column) -> str:
    """Return SQL of the times that stand for a missing value, separated by commas; empty without."""
    found = (moment(one) for one in column.missing)
    return ", ".join(f"TIMESTAMPTZ '{one.isoformat()}'" for one in found if one)


def _number(column: Number, text: str, _now: datetime | None) -> Rule:
    number, low, high = _double(text), column.minimum, column.maximum
    right = [f"abs({number}) <= {_literal(LARGEST_FLOAT32)}"]
    wrong = [f"WHEN {number} IS NULL THEN 'not a number'"]
    if low is not None:
        right.append(f"{number} >= {_literal(low)}")
        wrong.append(f"WHEN {number} < {_literal(low)} THEN 'below the minimum, {exact(low)}'")
    if high is not None:
        right.append(f"{number} <= {_literal(high)}")
        wrong.append(f"WHEN {number} > {_literal(high)} THEN 'above the maximum, {exact(high)}'")
    return Rule(
        f"CASE WHEN {' AND '.join(right)} THEN CAST({number} AS FLOAT) END",
        f"CASE {' '.join(wrong)} ELSE 'not finite as float32' END",
    )


def _category(column: Category, text: str, _now: datetime | None) -> Rule:
    more = f" and {len(column.values) - SHOWN_VALUES} more" if len(column.values) > SHOWN_VALUES else ""
    wrong = f"not one of {', '.join(column.values[:SHOWN_VALUES])}{more}"
    reason = quote(wrong)
    if not "".join(column.values).isascii():
        alike = f"nfc_normalize({text}) IN ({', '.join(map(quote, column.composed))})"
        reason = f"CASE WHEN {alike} THEN {quote(f'{wrong}; {DECOMPOSED}')} ELSE {reason} END"
    return Rule(f"CASE WHEN {text} IN ({', '.join(map(quote, column.values))}) THEN {text} END", reason)


def _text(column: Text, text: str, _now: datetime | None) -> Rule:
    long = f"length({text}) || ' characters; at most {column.max_length}'"
    return Rule(
        f"CASE WHEN length({text}) <= {column.max_length} AND NOT {_has_nul(text)} THEN {text} END",
        f"CASE WHEN {text} IS NULL THEN 'not a string' WHEN {_has_nul(text)} THEN 'holds a NUL character' ELSE {long} END",
    )


def _boolean(_column: Boolean, text: str, _now: datetime | None) -> Rule:
    return Rule(
        f"CASE lower({text}) WHEN 'true' THEN true WHEN '1' THEN true WHEN 'false' THEN false WHEN '0' THEN false END",
        "'not true or false'",
    )


def _moment(text: str) -> str:
    return f"CASE WHEN regexp_full_match({text}, {quote(DATE_TIME)}) THEN TRY_CAST({text} AS TIMESTAMPTZ) END"


def _date_time(_column: DateTime, text: str, now: datetime | None) -> Rule:
    last = LAST if now is None else (now + AHEAD).isoformat()
    within = f"{_moment(text)} BETWEEN TIMESTAMPTZ '{FIRST}' AND TIMESTAMPTZ '{last}'"
    value, wrong = f"CASE WHEN {within} THEN {_moment(text)} END", quote(f"not {DATE_TIME_ALLOWED}")
    if now is None:
        return Rule(value, wrong)
    ahead = quote(
        f"later than now, {now.isoformat(timespec='seconds')}, by more than the {AHEAD.days * 24} hours that clocks may "
        "differ; send the row when its time has come"
    )
    return Rule(value, f"CASE WHEN {_moment(text)} > TIMESTAMPTZ '{last}' THEN {ahead} ELSE {wrong} END")


def _name(column: Id | Ranking, text: str, _now: datetime | None) -> Rule:
    length = f"length({text}) BETWEEN 1 AND {column.max_length}"
    words = f"'not a string of 1 to {column.max_length} characters'"
    return Rule(
        f"CASE WHEN {length} AND NOT {_has_nul(text)} THEN {text} END",
        f"CASE WHEN {_has_nul(text)} THEN 'holds a NUL character' ELSE {words} END",
    )


def _double(text: str) -> str:
    return f"CASE WHEN regexp_full_match({text}, {quote(NUMBER)}) THEN TRY_CAST({text} AS DOUBLE) END"


def _has_nul(text: str) -> str:
    return f"contains({text}, chr(0))"


def _literal(number: float) -> str:
    return f"CAST('{number!r}' AS DOUBLE)"


def _exact(column: Number) -> Sequence[float]:
    # the shortest decimals of the largest float32 exceed it as float64
    bounds = (-LARGEST_FLOAT32, LARGEST_FLOAT32, column.minimum, column.maximum)
    return [bound for bound in bounds if bound is not None]


class Rule(NamedTuple):
    """SQL of a text's typed value, NULL when it breaks the spec, and of the reason why it is NULL."""

    value: str
    reason: str


def nine_digits(number: str) -> str:
    """Return SQL of a number as text: nine significant digits identify a float32, and -0.0 is 0."""
    return f"format('{{:.9g}}', CAST({number} AS DOUBLE) + 0.0)"


def _plain(text: str) -> str:
    return text


def _truth(value: str) -> str:
    return f"CASE WHEN {value} THEN '1' WHEN NOT {value} THEN '0' END"


def _microseconds(moment: str) -> str:
    return f"CAST(epoch_us({moment}) AS VARCHAR)"


def _literal_text(text: str) -> str:
    """Return SQL of a text as a column of another type would write the same value, so that 5 and "5.0" agree."""
    short = f"trim({text})"
    number, time = (
        nine_digits(f"TRY_CAST({short} AS FLOAT)"),
        _microseconds(f"TRY_CAST({short} AS TIMESTAMPTZ)"),
    )
    return (
        f"CASE WHEN length({text}) > {LONGEST_LITERAL} THEN {text} "
        f"WHEN regexp_full_match({short}, {quote(NUMBER)}) THEN coalesce({number}, {text}) "
        f"WHEN lower({short}) = 'true' THEN '1' WHEN lower({short}) = 'false' THEN '0' "
        f"WHEN regexp_full_match({short}, {quote(DATE_TIME)}) THEN coalesce({time}, {text}) ELSE {text} END"
    )


class SqlType(NamedTuple):
    """What preparation knows of a column type; in templates of SQL, ``{}`` is the column."""

    rule: Callable[[Any, str, datetime | None], Rule]
    type: str = "VARCHAR"  # in the shard
    json_types: tuple[str, ...] = ("VARCHAR",)  # allowed results of DuckDB's json_type
    trimmed: bool = False  # values may have spaces and tabs around them
    floats: bool = True  # a Parquet file may have the values as floats
    exact: Callable[[Any], Sequence[float]] = lambda _column: ()  # meant by the float32 nearest to them
    read: str = "{}"  # what `expression` reads
    measured: str = "{}"  # what a profile is made of
    edge: str = "NULL"  # the profile's minimum or maximum: {} is the function, then what is measured
    counted: str = ""  # what the profile counts rows by, when not in bins; empty for nothing
    canonical: Callable[[str], str] = _plain  # the text that settles a row's side, of a typed value


SQL_TYPES: dict[type[Column], SqlType] = {
    Number: SqlType(
        _number,
        type="FLOAT",
        json_types=("BIGINT", "UBIGINT", "HUGEINT", "UHUGEINT", "DOUBLE"),
        trimmed=True,
        exact=_exact,
        measured="CAST({} AS DOUBLE)",
        edge="{}({})",
        canonical=nine_digits,
    ),
    Category: SqlType(_category, counted="{}", canonical=_literal_text),
    Text: SqlType(
        _text,
        floats=False,
        measured="CAST(length({}) AS DOUBLE)",
        edge="{}({})",
        canonical=_literal_text,
    ),
    Boolean: SqlType(
        _boolean,
        type="BOOLEAN",
        json_types=("BOOLEAN",),
        trimmed=True,
        counted="CAST({} AS VARCHAR)",
        canonical=_truth,
    ),
    DateTime: SqlType(
        _date_time,
        type="TIMESTAMPTZ",
        trimmed=True,
        read="epoch_us({})",
        edge="strftime({}({}), '%Y-%m-%dT%H:%M:%SZ')",
        counted="strftime({}, '%Y-%m')",
        canonical=_microseconds,
    ),
    Id: SqlType(_name, floats=False),
    Ranking: SqlType(_name),
}


def sql_type(column: Column) -> str:
    """Return the SQL type of a column in the shard."""
    return SQL_TYPES[type(column)].type


def expression(column: Column) -> str:
    """Return SQL that reads a column of a shard, date-times as whole microseconds since 1970.

    A time that stands for a missing value is NULL, also in shards from before the spec said so.
    """
    stored = f'CAST("{column.name}" AS {sql_type(column)})'
    if moments := _moments(column):
        stored = f"CASE WHEN {stored} NOT IN ({moments}) THEN {stored} END"
    return SQL_TYPES[type(column)].read.format(stored)


def value(column: Column, text: str, now: datetime | None = None) -> str:
    """Return SQL of the typed value: NULL when the text breaks the spec, or is a time later than ``now`` + `AHEAD`.

    ``now`` is aware; None: times in the future are allowed.
    """
    return SQL_TYPES[type(column)].rule(column, text, now).value


def reason(column: Column, text: str, now: datetime | None = None) -> str:
    """Return SQL of the reason why `value` is NULL for a text."""
    return SQL_TYPES[type(column)].rule(column, text, now).reason
