"""The spec's rules as SQL: one column's text in, its typed value or the reason against it out.

``text`` is always an SQL expression of type VARCHAR, NULL when the value is missing (or, in
JSON, of the wrong type).
"""

from __future__ import annotations

from relearn.columns import LARGEST_FLOAT32, Boolean, Category, Column, DateTime, Id, Number, Ranking, Text
from relearn.figures import exact

NUMBER = r"[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]+)?"
DATE_TIME = (
    r"([1-9][0-9]{3}|0[0-9]{2}[1-9]|0[0-9][1-9]0|0[1-9]00)-[0-9]{2}-[0-9]{2}"
    r"([T ]([01][0-9]|2[0-3]):[0-5][0-9](:[0-5][0-9](\.[0-9]{1,9})?)?"
    r"(Z|[+-]([01][0-9]|2[0-3])(:?[0-5][0-9])?)?)?"
)
SHOWN_VALUES = 10


def quote(text: str) -> str:
    """Write an SQL string literal."""
    return "'" + text.replace("'", "''") + "'"


def sql_type(column: Column) -> str:
    """Type of a column in the shard."""
    match column:
        case Number():
            return "FLOAT"
        case Boolean():
            return "BOOLEAN"
        case DateTime():
            return "TIMESTAMPTZ"
        case _:
            return "VARCHAR"


def value(column: Column, text: str) -> str:
    """SQL of the typed value; NULL when the text breaks the spec."""
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
            return f"CASE WHEN regexp_full_match({text}, {quote(DATE_TIME)}) THEN TRY_CAST({text} AS TIMESTAMPTZ) END"
        case Id() | Ranking():
            length = f"length({text}) BETWEEN 1 AND {column.max_length}"
            return f"CASE WHEN {length} AND NOT {_has_nul(text)} THEN {text} END"


def reason(column: Column, text: str) -> str:
    """SQL of the reason against a value that `value` made NULL."""
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
            more = (
                f" and {len(column.values) - SHOWN_VALUES} more" if len(column.values) > SHOWN_VALUES else ""
            )
            return quote(f"not one of {', '.join(column.values[:SHOWN_VALUES])}{more}")
        case Text():
            long = f"length({text}) || ' characters; at most {column.max_length}'"
            return f"CASE WHEN {text} IS NULL THEN 'not a string' WHEN {_has_nul(text)} THEN 'holds a NUL character' ELSE {long} END"
        case Boolean():
            return "'not true or false'"
        case DateTime():
            return "'not an ISO 8601 date-time'"
        case Id() | Ranking():
            words = f"'not a string of 1 to {column.max_length} characters'"
            return f"CASE WHEN {_has_nul(text)} THEN 'holds a NUL character' ELSE {words} END"


def _double(text: str) -> str:
    return f"CASE WHEN regexp_full_match({text}, {quote(NUMBER)}) THEN TRY_CAST({text} AS DOUBLE) END"


def _has_nul(text: str) -> str:
    return f"contains({text}, chr(0))"


def _literal(number: float) -> str:
    return f"CAST('{number!r}' AS DOUBLE)"
