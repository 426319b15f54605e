"""SQL for the rules of a spec: from the text of a column to its typed value, or to the reason why it is wrong.

``text`` is always an SQL expression of type VARCHAR; it is NULL when the value is missing or, in JSON, of the
wrong type.
"""

from __future__ import annotations

from datetime import datetime

from relearn.figures import exact
from relearn.spec.columns import (
    DATE_TIME,
    DATE_TIME_ALLOWED,
    DECOMPOSED,
    LARGEST_FLOAT32,
    Boolean,
    Category,
    Column,
    DateTime,
    Id,
    Number,
    Ranking,
    Text,
    moment,
)
from relearn.spec.tables import AHEAD

NUMBER = r"[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]+)?"
"""Regular expression of a whole number text."""
FIRST, LAST = "0001-01-01T00:00:00+00:00", "9999-12-31T23:59:59.999999+00:00"
"""First and last time that Python's ``datetime`` can hold; DuckDB's range is larger."""
SHOWN_VALUES = 10
"""Most allowed values of a category listed in a reason."""


def quote(text: str) -> str:
    """Return ``text`` as an SQL string literal."""
    return "'" + text.replace("'", "''") + "'"


def sql_type(column: Column) -> str:
    """Return the SQL type of a column in the shard."""
    match column:
        case Number():
            return "FLOAT"
        case Boolean():
            return "BOOLEAN"
        case DateTime():
            return "TIMESTAMPTZ"
        case _:
            return "VARCHAR"


def value(column: Column, text: str, now: datetime | None = None) -> str:
    """Return SQL of the typed value: NULL when the text breaks the spec, or is a time later than ``now`` + `AHEAD`.

    ``now`` is aware; None: times in the future are allowed.
    """
    match column:
        case Number():
            number = _double(text)
            bounds = [f"abs({number}) <= {_literal(LARGEST_FLOAT32)}"]
            bounds += [f"{number} >= {_literal(column.minimum)}"] if column.minimum is not None else []
            bounds += [f"{number} <= {_literal(column.maximum)}"] if column.maximum is not None else []
            return f"CASE WHEN {' AND '.join(bounds)} THEN CAST({number} AS FLOAT) END"
        case Category():
            return f"CASE WHEN {text} IN ({', '.join(map(quote, column.values))}) THEN {text} END"
        case Text():
            return f"CASE WHEN length({text}) <= {column.max_length} AND NOT {_has_nul(text)} THEN {text} END"
        case Boolean():
            return f"CASE lower({text}) WHEN 'true' THEN true WHEN '1' THEN true WHEN 'false' THEN false WHEN '0' THEN false END"
        case DateTime():
            last = LAST if now is None else (now + AHEAD).isoformat()
            within = f"{_moment(text)} BETWEEN TIMESTAMPTZ '{FIRST}' AND TIMESTAMPTZ '{last}'"
            return f"CASE WHEN {within} THEN {_moment(text)} END"
        case Id() | Ranking():
            length = f"length({text}) BETWEEN 1 AND {column.max_length}"
            return f"CASE WHEN {length} AND NOT {_has_nul(text)} THEN {text} END"


def means_missing(column: DateTime, text: str) -> str:
    """Return SQL that is true where the text is one of the times that stand for a missing value."""
    moments = ", ".join(
        f"TIMESTAMPTZ '{found.isoformat()}'" for found in map(moment, column.missing) if found
    )
    return f"coalesce({_moment(text)} IN ({moments}), false)"


def reason(column: Column, text: str, now: datetime | None = None) -> str:
    """Return SQL of the reason why `value` is NULL for a text."""
    match column:
        case Number():
            number = _double(text)
            cases = [f"WHEN {number} IS NULL THEN 'not a number'"]
            if column.minimum is not None:
                cases.append(
                    f"WHEN {number} < {_literal(column.minimum)} THEN 'below the minimum, {exact(column.minimum)}'"
                )
            if column.maximum is not None:
                cases.append(
                    f"WHEN {number} > {_literal(column.maximum)} THEN 'above the maximum, {exact(column.maximum)}'"
                )
            return f"CASE {' '.join(cases)} ELSE 'not finite as float32' END"
        case Category():
            return _not_one_of(column, text)
        case Text():
            long = f"length({text}) || ' characters; at most {column.max_length}'"
            return f"CASE WHEN {text} IS NULL THEN 'not a string' WHEN {_has_nul(text)} THEN 'holds a NUL character' ELSE {long} END"
        case Boolean():
            return "'not true or false'"
        case DateTime():
            return _not_a_moment(text, now)
        case Id() | Ranking():
            words = f"'not a string of 1 to {column.max_length} characters'"
            return f"CASE WHEN {_has_nul(text)} THEN 'holds a NUL character' ELSE {words} END"


def _not_one_of(column: Category, text: str) -> str:
    more = f" and {len(column.values) - SHOWN_VALUES} more" if len(column.values) > SHOWN_VALUES else ""
    wrong = f"not one of {', '.join(column.values[:SHOWN_VALUES])}{more}"
    if "".join(column.values).isascii():
        return quote(wrong)
    alike = f"nfc_normalize({text}) IN ({', '.join(map(quote, column.composed))})"
    return f"CASE WHEN {alike} THEN {quote(f'{wrong}; {DECOMPOSED}')} ELSE {quote(wrong)} END"


def _moment(text: str) -> str:
    return f"CASE WHEN regexp_full_match({text}, {quote(DATE_TIME)}) THEN TRY_CAST({text} AS TIMESTAMPTZ) END"


def _not_a_moment(text: str, now: datetime | None) -> str:
    wrong = quote(f"not {DATE_TIME_ALLOWED}")
    if now is None:
        return wrong
    ahead = quote(
        f"later than now, {now.isoformat(timespec='seconds')}, by more than the {AHEAD.days * 24} hours that clocks may "
        "differ; send the row when its time has come, or declare the moment as one that stands for a missing value"
    )
    return (
        f"CASE WHEN {_moment(text)} > TIMESTAMPTZ '{(now + AHEAD).isoformat()}' THEN {ahead} ELSE {wrong} END"
    )


def _double(text: str) -> str:
    return f"CASE WHEN regexp_full_match({text}, {quote(NUMBER)}) THEN TRY_CAST({text} AS DOUBLE) END"


def _has_nul(text: str) -> str:
    return f"contains({text}, chr(0))"


def _literal(number: float) -> str:
    return f"CAST('{number!r}' AS DOUBLE)"
