"""Choose the rows that are held out: a stable share, by an MD5 hash of the entity or of the row.

The same measurements fall on the same side in every run and on every machine, whatever else is in the
snapshot, so a champion is never evaluated on a row that it was trained on. The target is not part of the
hash: a repeated row with another label stays on its side.

For a recommender, the hash chooses visitors. The latest interactions of each are held out and the earlier
ones learnt, because the model is asked what a visitor will do next. New rows of a visitor only move rows from
holdout to train, so a champion is not evaluated on its training rows here either, unless a row arrives that
is older than those already there.
"""

from __future__ import annotations

from preparation.rules import expression
from relearn.spec.model import ModelSpec
from relearn.spec.tables import AS_OF
from training.data.column_types import LEARNT_TYPES

LATE_ROWS = (3, 10)
"""Share of a visitor's rows that are late: three of ten, rounded down, at least one row."""
SEPARATOR = "chr(31)"  # ASCII unit separator, so that ('ab', 'c') differs from ('a', 'bc')


def holdout_expression(spec: ModelSpec) -> str:
    """Return the DuckDB expression that is true for held-out rows."""
    share = round(spec.training.holdout * 2**32)
    chosen = f"CAST('0x' || substr(md5({row_key(spec)}), 1, 8) AS UBIGINT) < {share}"
    return f"{chosen} AND {_is_late(spec)}" if spec.kind == "ranking" else chosen


def order_expression(spec: ModelSpec) -> str:
    """Return the ORDER BY clause of the rows: a ranking's windows lose the order of the files; else empty."""
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
    """Return the DuckDB expression of the hashed text: the entity, or all features where there is none."""
    if spec.entity is not None:
        return f"coalesce(CAST(\"{spec.entity}\" AS VARCHAR), '')"
    texts = [LEARNT_TYPES[type(column)].hashed.format(expression(column)) for column in spec.features]
    parts = [f"coalesce({text}, '')" for text in texts]
    return f"concat_ws({SEPARATOR}, {', '.join(parts)})"
