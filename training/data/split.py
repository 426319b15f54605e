"""Which rows are held out: a stable share, chosen by an MD5 of the entity or of the row.

The same measurements always fall on the same side, in every run, on every machine, whatever
else is in the snapshot: a champion is never measured on a row that it was trained on. The
target is not part of the hash, so a repeated row with another label cannot cross over.

Of a recommender, the latest of what the chosen visitors did is held out, and what they did before is learnt: it is asked
what they will do next. More rows of a visitor only ever move rows from the one side to the other, so a champion is not
measured on what it was trained on here either, as long as no row comes that is older than what was there.
"""

from __future__ import annotations

from relearn.spec.model import Boolean, Category, Column, DateTime, ModelSpec, Number, Text
from relearn.spec.tables import AS_OF
from scoring.encode import expression

LATE_ROWS = (3, 10)
"""Of ten rows of a visitor three are late; of any number at least one."""
SEPARATOR = "chr(31)"  # the ASCII unit separator: it tells ('ab', 'c') from ('a', 'bc')


def holdout_expression(spec: ModelSpec) -> str:
    """DuckDB expression, true for the rows that are held out."""
    share = round(spec.training.holdout * 2**32)
    chosen = f"CAST('0x' || substr(md5({row_key(spec)}), 1, 8) AS UBIGINT) < {share}"
    return f"{chosen} AND {_is_late(spec)}" if spec.kind == "ranking" else chosen


def order_expression(spec: ModelSpec) -> str:
    """DuckDB expression of the order of rows, where windows leave none; empty where it is that of the files."""
    return f" ORDER BY {', '.join(_time_order(spec))}" if spec.kind == "ranking" else ""


def _time_order(spec: ModelSpec) -> tuple[str, ...]:
    return (f'"{spec.entity}"', f'"{AS_OF}"', f'"{spec.target.name}"')


def _is_late(spec: ModelSpec) -> str:
    entity, *order = _time_order(spec)
    rows = f"count(*) OVER (PARTITION BY {entity})"
    place = f"row_number() OVER (PARTITION BY {entity} ORDER BY {', '.join(order)})"
    share, of = LATE_ROWS
    return f"{place} > {rows} - greatest(1, {rows} * {share} // {of})"


def row_key(spec: ModelSpec) -> str:
    """DuckDB expression of the text that is hashed: the entity, or every feature."""
    if spec.entity is not None:
        return f"coalesce(CAST(\"{spec.entity}\" AS VARCHAR), '')"
    parts = [f"coalesce({_text(column)}, '')" for column in spec.features]
    return f"concat_ws({SEPARATOR}, {', '.join(parts)})"


def _text(column: Column) -> str:
    value = expression(column)
    match column:
        case Number():  # nine significant digits tell any two float32 apart; + 0.0 makes -0.0 zero
            return f"format('{{:.9g}}', CAST({value} AS DOUBLE) + 0.0)"
        case Boolean() | DateTime():
            return f"CAST({value} AS VARCHAR)"
        case Category() | Text() | _:
            return value
