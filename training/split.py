"""Which rows are held out: a stable share, chosen by an MD5 of the entity or of the row.

The same measurements always fall on the same side, in every run, on every machine, whatever
else is in the snapshot: a champion is never measured on a row that it was trained on. The
target is not part of the hash, so a repeated row with another label can not cross over.
"""

from __future__ import annotations

from relearn.spec import Boolean, Category, Column, DateTime, ModelSpec, Number, Text
from training.encode import expression

SEPARATOR = "chr(31)"  # the ASCII unit separator: it tells ('ab', 'c') from ('a', 'bc')


def holdout_expression(spec: ModelSpec) -> str:
    """DuckDB expression, true for the rows that are held out."""
    share = round(spec.training.holdout * 2**32)
    return f"CAST('0x' || substr(md5({row_key(spec)}), 1, 8) AS UBIGINT) < {share}"


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
