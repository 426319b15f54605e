"""Encode values as a model sees them: the one encoding of training and serving.

=========  ==========================================  ==============================
column     in a model                                  missing (null)
=========  ==========================================  ==============================
number     float32                                     NaN
boolean    float32: 0 or 1                             NaN
datetime   float32: days since 2000-01-01T00:00Z       NaN
its parts  float32, a column each: the time of the     NaN
           day, and of `PARTS` what is declared
category   string                                      the empty string
text       string                                      the empty string
id         string                                      the empty string
=========  ==========================================  ==============================

As float32, days since 2000 are exact to 43 seconds until 2044 and near the size of other features. The parts
of a date-time (`relearn.spec.columns.PARTS`) are computed from whole microseconds, so together with the time of
the day they lose nothing. Parts are in the column's time zone; days since 2000 do not depend on one. An id is
never a feature; it is only input of a recommender. A server imports this module, so it needs numpy alone.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from relearn.errors import ArtifactError
from relearn.spec import zones
from relearn.spec.columns import Part, means_missing, moment
from relearn.spec.model import Boolean, Category, Column, DateTime, Id, Number, Ranking, Text

FLOAT, STRING = "float32", "string"
Seen = Column | Part
"""Column of an estimator's frame: a column of the spec, or a part of a date-time."""
Array = NDArray[Any]
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)
_SECOND, _MINUTE, _DAY = 1_000_000, 60_000_000, 86_400_000_000  # microseconds
_EARLIEST, _LATEST = (
    (end - _EPOCH) // timedelta(seconds=1)
    for end in (datetime(1, 1, 2, tzinfo=UTC), datetime(9999, 12, 30, tzinfo=UTC))
)
_WEEK, _THURSDAY = 7, 4  # 1 January 1970 was a Thursday
_DAYS_TO_2000 = 10_957.0

_OF_DAYS: dict[str, Callable[[Array], Any]] = {
    "date": lambda days: days - int(_DAYS_TO_2000),
    "weekday": lambda days: (days + _THURSDAY - 1) % _WEEK + 1,
}
_WITHIN_DAYS: dict[str, Callable[[Array], Any]] = {
    "time": lambda within: within / _SECOND,
    "hour": lambda within: within // (60 * _MINUTE),
    "minute": lambda within: within // _MINUTE % 60,
}


def seen(columns: Iterable[Column]) -> list[Seen]:
    """Return the columns of an estimator's frame: each column, followed by its parts if it is a date-time."""
    return [one for column in columns for one in (column, *column.made)]


def source(column: Seen) -> str:
    """Return the name of the spec's column that a column of the frame is computed from."""
    return column.of if isinstance(column, Part) else column.name


def type_of(column: Seen) -> str:
    """Return the type of ``column`` in a model: ``"float32"`` or ``"string"``."""
    return MODEL_TYPES[type(column)].type


def from_table(column: Seen, values: Array) -> Array:
    """Encode a column that DuckDB read: numbers, booleans and strings as such, date-times as microseconds since 1970.

    Parameters
    ----------
    column
        Column of the frame.
    values
        Values, shape (rows,); a masked array where some are missing.

    Returns
    -------
    ndarray
        Shape (rows,): float32, or strings as objects.
    """
    missing = np.ma.getmaskarray(values)
    raw = np.ma.getdata(values)
    if type_of(column) == STRING:
        return np.where(missing, "", raw).astype(object)
    if (of_moments := MODEL_TYPES[type(column)].of_moments) is not None:
        raw = of_moments(column, np.where(missing, 0, raw).astype(np.int64))
    return np.where(missing, np.float32("nan"), raw.astype(np.float32))


def from_values(columns: Sequence[Seen]) -> Callable[[Sequence[Sequence[Any]]], Array]:
    """Return the encoder of checked request values.

    Parameters
    ----------
    columns
        Columns of the frame, all of one `type_of`.

    Returns
    -------
    callable
        Takes, for each row, one value per column, None where missing, as `scoring.reading` returns them. Returns an
        array of shape (rows, columns): float32, or strings as objects.
    """
    if type_of(columns[0]) == STRING:
        return lambda rows: np.array([[value or "" for value in row] for row in rows], dtype=object)
    moments = [(at, one, of) for at, one in enumerate(columns) if (of := MODEL_TYPES[type(one)].of_moments)]
    if moments:
        return partial(_with_moments, moments)
    return _floats


def _with_moments(moments: Sequence[tuple[int, Any, OfMoments]], rows: Sequence[Sequence[Any]]) -> Array:
    places = {at for at, *_ in moments}
    made = _floats([[None if at in places else value for at, value in enumerate(row)] for row in rows])
    for at, column, of_moments in moments:
        given = [_known(column, row[at]) for row in rows]
        missing = np.array([value is None for value in given], dtype=bool)
        known = np.array([value or 0 for value in given], dtype=np.int64)
        made[:, at] = np.where(missing, np.float32("nan"), of_moments(column, known).astype(np.float32))
    return made


def _floats(rows: Sequence[Sequence[Any]]) -> Array:
    return np.array(rows, dtype=np.float32)  # numpy converts None to NaN and True to 1


def microseconds(times: Iterable[str]) -> list[int]:
    """Return date-times as microseconds since 1970, as `from_table` takes them, without texts that are none."""
    return [(found - _EPOCH) // _MICROSECOND for found in map(moment, times) if found is not None]


def _known(column: DateTime | Part, value: str | None) -> int | None:
    if value is None or means_missing(column.missing, value):
        return None
    return next(iter(microseconds([value])), None)


def _days(_column: DateTime, microseconds: Array) -> Array:
    return np.asarray(microseconds / _DAY - _DAYS_TO_2000)


def _part(column: Part, microseconds: Array) -> Array:
    days, within = np.divmod(microseconds + _offsets(column.zone, microseconds), _DAY)
    if column.part in _OF_DAYS:
        return np.asarray(_OF_DAYS[column.part](days))
    if column.part in _WITHIN_DAYS:
        return np.asarray(_WITHIN_DAYS[column.part](within))
    return _of_dates(column.part, days.astype("datetime64[D]"))


def _offsets(name: str, microseconds: Array) -> Array:
    """Return the offsets of local time from UTC, in whole microseconds, for times in microseconds since 1970.

    Raises
    ------
    ArtifactError
        There is no time zone of that name.
    """
    zone = zones.zone(name)
    if zone is None:
        raise ArtifactError(f"there is no time zone {name!r}; allowed: {zones.ALLOWED}")
    # Near the ends of the calendar local time may not exist: use the offset of one day further in.
    within: Array = np.clip(microseconds // _SECOND, _EARLIEST, _LATEST)
    seconds, place = np.unique(within, return_inverse=True)
    moments = (_EPOCH + timedelta(seconds=int(one)) for one in seconds)
    offsets = [(moment.astimezone(zone).utcoffset() or timedelta()) // _MICROSECOND for moment in moments]
    return np.asarray(np.asarray(offsets, dtype=np.int64)[place])


def _of_dates(part: str, dates: Array) -> Array:
    months, years = dates.astype("datetime64[M]"), dates.astype("datetime64[Y]")
    match part:
        case "year":
            return np.asarray(years.astype(np.int64) + 1970)
        case "month":
            return np.asarray(months.astype(np.int64) % 12 + 1)
        case "day":
            return np.asarray((dates - months).astype(np.int64) + 1)
        case _:
            return np.asarray((dates - years).astype(np.int64) + 1)


OfMoments = Callable[[Any, Array], Array]


class ModelType(NamedTuple):
    """What a column type is in a model."""

    type: str = FLOAT
    of_moments: OfMoments | None = None  # the frame's values of times in whole microseconds since 1970


MODEL_TYPES: dict[type[Seen], ModelType] = {
    Number: ModelType(),
    Boolean: ModelType(),
    DateTime: ModelType(of_moments=_days),
    Part: ModelType(of_moments=_part),
    **dict.fromkeys((Category, Text, Id, Ranking), ModelType(STRING)),
}
