"""How a value becomes what a model sees: the one encoding of training and serving.

=========  ==========================================  ==============================
column     in a model                                  missing (null)
=========  ==========================================  ==============================
number     float32                                     NaN
boolean    float32: 0 or 1                             NaN
datetime   float32: days since 2000-01-01T00:00Z       NaN
category   string                                      the empty string
text       string                                      the empty string
id         string                                      the empty string
=========  ==========================================  ==============================

Days since 2000 keep a date-time within 85 seconds until 2044 as float32, and near the size of
other features. An id is never a feature, but what a recommender is asked. numpy only: a server imports this too.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
from numpy.typing import NDArray

from relearn.spec import Boolean, Category, Column, DateTime, Id, Number, Ranking, Text

FLOAT, STRING = "float32", "string"
Array = NDArray[Any]
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)
_DAY = 86_400_000_000  # microseconds
_DAYS_TO_2000 = 10_957.0


def type_of(column: Column) -> str:
    """Say what a model sees of ``column``: ``"float32"`` or ``"string"``."""
    return STRING if isinstance(column, Category | Text | Id | Ranking) else FLOAT


def expression(column: Column) -> str:
    """DuckDB expression that reads ``column`` of a shard the way `from_table` takes it."""
    quoted = f'"{column.name}"'
    match column:
        case Number():
            return f"CAST({quoted} AS FLOAT)"
        case Boolean():
            return f"CAST({quoted} AS BOOLEAN)"
        case DateTime():
            return f"epoch_us(CAST({quoted} AS TIMESTAMPTZ))"
        case _:
            return f"CAST({quoted} AS VARCHAR)"


def from_table(column: Column, values: Array) -> Array:
    """Encode a column that DuckDB read by `expression`.

    Parameters
    ----------
    column
        The column's declaration.
    values
        Shape (rows,); a masked array where values are missing.

    Returns
    -------
    ndarray
        Shape (rows,): float32, or strings as objects.
    """
    missing = np.ma.getmaskarray(values)
    raw = np.ma.getdata(values)
    if type_of(column) == STRING:
        return np.where(missing, "", raw).astype(object)
    if isinstance(column, DateTime):
        raw = _days(np.where(missing, 0, raw))
    return np.where(missing, np.float32("nan"), raw.astype(np.float32))


def from_values(columns: Sequence[Column]) -> Callable[[Sequence[Sequence[Any]]], Array]:
    """Make the encoder of checked request values.

    Parameters
    ----------
    columns
        Columns of one `type_of`.

    Returns
    -------
    callable
        Takes for each row a value per column, None where missing, as `training.reading` gives
        them; gives an array of shape (rows, columns): float32, or strings as objects.
    """
    if type_of(columns[0]) == STRING:
        return lambda rows: np.array([[value or "" for value in row] for row in rows], dtype=object)
    if any(isinstance(column, DateTime) for column in columns):
        return lambda rows: _floats([[_number(value) for value in row] for row in rows])
    return _floats


def _floats(rows: Sequence[Sequence[Any]]) -> Array:
    return np.array(rows, dtype=np.float32)  # numpy makes None NaN and true 1


def _number(value: Any) -> Any:
    if not isinstance(value, str):
        return value
    moment = datetime.fromisoformat(value)
    aware = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    return _days(np.int64((aware - _EPOCH) // _MICROSECOND))


def _days(microseconds: Any) -> Any:
    return microseconds / _DAY - _DAYS_TO_2000
