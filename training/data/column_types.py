"""Statistics of encoded values, and the hash of raw ones, by column type."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple

import numpy as np

from relearn.spec.model import Boolean, Category, Column, DateTime, Id, Number, Ranking, Text
from scoring.encode import STRING, Array, type_of

QUANTILES = tuple(step / 10 for step in range(11))
"""Shares of the quantiles: 0 to 1 in steps of a tenth."""
_FROM_2000 = datetime(2000, 1, 1, tzinfo=UTC)
_FIRST, _LAST = (
    (datetime(*end, tzinfo=UTC) - _FROM_2000) / timedelta(days=1) for end in ((1, 1, 1), (9999, 12, 31))
)


def is_missing(column: Column, values: Any) -> Any:
    """Return whether encoded values, or one of them, are missing."""
    return values == "" if type_of(column) == STRING else np.isnan(values)


def _quantiles(values: Array) -> list[float]:
    if not len(values):
        return []
    return [float(value) for value in np.quantile(values.astype(np.float64), QUANTILES)]


def _spread(_column: Number | DateTime, there: Array) -> dict[str, Any]:
    mean, std = (float(there.mean()), float(there.std())) if len(there) else (None, None)
    return {"mean": mean, "std": std, "quantiles": _quantiles(there)}


def _lengths(there: Array) -> Array:
    return np.array([len(text) for text in there])


def _months(there: Array) -> Array:
    days = np.datetime64("2000-01-01") + np.floor(there.astype(np.float64)).astype(np.int64)
    return np.asarray(days.astype("datetime64[M]").astype(str))


def _moment(_column: DateTime, days: float) -> str:
    """Return the date-time of a number of days since 2000, within Python's years: float32 rounds beyond their ends."""
    within = min(max(float(days), _FIRST), _LAST)
    return (_FROM_2000 + timedelta(days=within)).isoformat(timespec="seconds")


class LearntType(NamedTuple):
    """What training knows of a column type; ``there`` is the encoded values that are not missing."""

    statistics: Callable[[Any, Array], dict[str, Any]]  # of the baseline
    given: Callable[[Any, Any], Any] = lambda _column, value: str(value)  # an encoded value as in a request
    measured: Callable[[Array], Array] = lambda there: there  # what a profile counts
    disclosed: bool = True  # a profile has its values
    hashed: str = "CAST({} AS VARCHAR)"  # SQL of the text that is hashed for a raw value
    written: str = ""  # SQL of the text that a file has for a raw value, where that is another one
    as_number: str = ""  # SQL of the text of the number that means the same, where there is one


LEARNT_TYPES: dict[type[Column], LearntType] = {
    Number: LearntType(
        _spread,
        lambda column, value: column.as_given(float(value)),
        # nine significant digits identify a float32; + 0.0 turns -0.0 into 0.0
        hashed="format('{{:.9g}}', CAST({} AS DOUBLE) + 0.0)",
    ),
    Category: LearntType(
        lambda column, there: {"counts": {value: int((there == value).sum()) for value in column.values}}
    ),
    Text: LearntType(lambda _column, there: {"length": _quantiles(_lengths(there))}, measured=_lengths),
    Boolean: LearntType(
        lambda _column, there: {"counts": {"false": int((there == 0).sum()), "true": int(there.sum())}},
        lambda _column, value: bool(value),
        lambda there: np.where(there.astype(bool), "true", "false"),
        as_number="CASE WHEN {0} THEN '1' WHEN NOT {0} THEN '0' END",
    ),
    DateTime: LearntType(
        _spread,
        _moment,
        _months,
        written="strftime(make_timestamp({}), '%Y-%m-%dT%H:%M:%S.%fZ')",
    ),
    **dict.fromkeys(
        (Id, Ranking), LearntType(lambda _column, there: {"distinct": len(set(there))}, disclosed=False)
    ),
}
