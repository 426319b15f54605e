"""Column types that a spec can declare, and the values that each allows.

A column checks its own declaration and a JSON value, so no request validation depends on the type of a
column.
"""

from __future__ import annotations

import math
import re
import struct
import unicodedata
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import ClassVar, Literal

from relearn.errors import SpecError
from relearn.figures import exact
from relearn.spec import zones

NAME_PATTERN = re.compile(r"[a-z][a-z0-9_]{0,62}")
"""Pattern of the name of a column or table."""
LARGEST_FLOAT32 = 3.4028234663852886e38  # IEEE 754 binary32
_FLOAT32 = struct.Struct("<f")
_DIGITS = range(1, 10)  # of nine decimal digits no two float32 have the same
DATE_TIME = (
    r"([1-9][0-9]{3}|0[0-9]{2}[1-9]|0[0-9][1-9]0|0[1-9]00)-[0-9]{2}-[0-9]{2}"
    r"([T ]([01][0-9]|2[0-3]):[0-5][0-9](:[0-5][0-9](\.[0-9]{1,9})?)?"
    r"(Z|[+-]([01][0-9]|2[0-3])(:?[0-5][0-9])?)?)?"
)
"""Pattern of a date-time that is accepted everywhere: ISO 8601 in extended form, without week dates, leap
seconds or 24:00."""
DATE_TIME_ALLOWED = "an ISO 8601 date-time such as 2026-05-04T10:00:00Z, from year 1 to 9999"
_DATE_TIME = re.compile(DATE_TIME)
DECOMPOSED = (
    "it looks like one of them and has other characters: letter and accent apart (NFD), or together (NFC)"
)
"""Part of the message about a value that looks the same as an allowed one but has other characters."""
NUL = "\0"
"""Character that no text may have: it ends strings in C, so libraries would see a shorter value."""
NAME_ALLOWED = "a lower-case letter, then up to 62 lower-case letters, digits or underscores"


def check(condition: bool, field: str, value: object, allowed: str) -> None:  # noqa: FBT001
    """Raise `SpecError` for ``field`` unless ``condition`` holds."""
    if not condition:
        raise SpecError(field, value, allowed)


def is_finite_number(value: object) -> bool:
    """Return whether ``value`` is an int or float (not a bool) that is finite as float32.

    Numbers are float32 from the spec on, so that training and serving see the same values.
    """
    return (
        isinstance(value, int | float)
        and not isinstance(value, bool)
        and abs(value) <= LARGEST_FLOAT32  # false for NaN too
    )


def is_whole(value: object, least: int, most: float = math.inf) -> bool:
    """Return whether ``value`` is an int (not a bool) from ``least`` to ``most``."""
    return type(value) is int and least <= value <= most


def check_whole(field: str, value: object, least: int, most: int) -> None:
    """Raise `SpecError` for ``field`` unless ``value`` is an int (not a bool) from ``least`` to ``most``."""
    check(is_whole(value, least, most), field, value, f"a whole number, {least} to {most}")


def moment(text: str) -> datetime | None:
    """Read a date-time as UTC; one without an offset is UTC.

    Returns
    -------
    datetime or None
        Time-zone aware; None when ``text`` is not a date-time of the years 1 to 9999 in UTC.
    """
    if _DATE_TIME.fullmatch(text) is None:
        return None
    try:
        read = datetime.fromisoformat(text)
        return read.astimezone(UTC) if read.tzinfo else read.replace(tzinfo=UTC)
    except (ValueError, OverflowError):
        return None


def means_missing(missing: tuple[str, ...], text: str) -> bool:
    """Return whether a date-time equals one that stands for a missing value, however it is written."""
    return bool(missing) and moment(text) in {moment(one) for one in missing}


def float32(value: float) -> float:
    """Round to the nearest float32; infinite when the value is out of its range."""
    try:
        return float(_FLOAT32.unpack(_FLOAT32.pack(value))[0])
    except OverflowError:
        return math.copysign(math.inf, value)


def _check_max_length(name: str, value: object) -> None:
    check(is_whole(value, 1), f"{name}.max_length", value, "a whole number of characters, at least 1")


class _Usual:
    """What is so of columns of all types but one."""

    __slots__ = ()
    unit: str = ""
    missing: tuple[str, ...] = ()

    @property
    def made(self) -> tuple[Part, ...]:
        """Parts that an estimator sees besides the column."""
        return ()

    def means_missing(self, value: object) -> bool:
        """Return whether ``value`` stands for a missing value, however it is written."""
        return isinstance(value, str) and means_missing(self.missing, value)


@dataclass(frozen=True, kw_only=True, slots=True)
class _Common(_Usual):
    """Fields that every column has.

    Parameters
    ----------
    description
        One sentence for people who call the API.
    optional
        Whether the value may be null or missing.
    private
        Whether prediction records leave the value out; reasons do not quote it either.
    """

    description: str = ""
    optional: bool = False
    private: bool = False


class _Named:
    """Values that are names, of 1 to ``max_length`` characters."""

    __slots__ = ()
    max_length: int

    @property
    def allowed(self) -> str:
        """Description of the values that the column allows."""
        return f"a string of 1 to {self.max_length} characters"

    def problem(self, value: object) -> str | None:
        """Describe what is wrong with ``value``; None when it is allowed."""
        if not isinstance(value, str) or not value or len(value) > self.max_length or NUL in value:
            return f"got {shown(value)}; allowed: {self.allowed}, none of them NUL"
        return None


@dataclass(frozen=True, slots=True)
class Number(_Common):
    """A finite number, stored as float32.

    A value from a request or a file is compared with the bounds as float64, as it is written: 0.1 is at most
    0.1. The stored float32 is compared with the bounds as float32 (`holds`), so rounding moves no value
    across a bound.

    Parameters
    ----------
    name
        Column name.
    unit
        Unit of the value, e.g. ``"cm"``; for people, may be empty.
    minimum, maximum
        Inclusive bounds in that unit; None for no bound.
    """

    type: ClassVar[str] = "number"
    predicted_by: ClassVar[Literal["regression"]] = "regression"
    name: str
    unit: str = ""
    minimum: float | None = None
    maximum: float | None = None

    def __post_init__(self) -> None:
        for bound in ("minimum", "maximum"):
            value = getattr(self, bound)
            check(value is None or is_finite_number(value), f"{self.name}.{bound}", value, "a finite number")
        if self.minimum is not None and self.maximum is not None:
            check(
                self.minimum < self.maximum,
                f"{self.name}.minimum",
                self.minimum,
                f"below maximum, {self.maximum}",
            )

    @property
    def allowed(self) -> str:
        """Description of the values that the column allows."""
        bounds = [f"at least {exact(self.minimum)}"] if self.minimum is not None else []
        bounds += [f"at most {exact(self.maximum)}"] if self.maximum is not None else []
        return ", ".join(["a number" + (f" in {self.unit}" if self.unit else ""), *bounds])

    def problem(self, value: object) -> str | None:
        """Describe what is wrong with ``value``; None when it is allowed."""
        # `is_finite_number` without its call, which would be one for each value of a prediction request
        if not isinstance(value, int | float) or isinstance(value, bool) or not abs(value) <= LARGEST_FLOAT32:
            return f"got {shown(value)}; allowed: a finite number"
        if self.minimum is not None and float(value) < float(self.minimum):
            return f"got {shown(value)}; allowed: at least {exact(self.minimum)}"
        if self.maximum is not None and float(value) > float(self.maximum):
            return f"got {shown(value)}; allowed: at most {exact(self.maximum)}"
        return None

    @property
    def stored_bounds(self) -> tuple[float, float]:
        """Bounds of stored values, infinite for no bound.

        They are widened to the nearest float32 where that is outside.
        """
        low, high = self.minimum, self.maximum
        return (
            -math.inf if low is None else min(float(low), float32(low)),
            math.inf if high is None else max(float(high), float32(high)),
        )

    def holds(self, stored: float) -> bool:
        """Return whether a stored float32 can be the rounding of an allowed value."""
        low, high = self.stored_bounds
        return low <= stored <= high

    def as_given(self, stored: float) -> float:
        """Return a stored number as a caller would write it.

        It is the bound that rounds to this float32, if there is one, or else the shortest decimal that does.
        """
        for bound in (self.minimum, self.maximum, -LARGEST_FLOAT32, LARGEST_FLOAT32):
            if bound is not None and float32(bound) == stored:
                return float(bound)
        return next(given for digits in _DIGITS if float32(given := float(f"{stored:.{digits}g}")) == stored)


@dataclass(frozen=True, slots=True)
class Category(_Common):
    """One of a fixed set of strings.

    Parameters
    ----------
    name
        Column name.
    values
        Allowed values, at least two, in the order that reports and answers list them.
    """

    type: ClassVar[str] = "category"
    predicted_by: ClassVar[Literal["classification"]] = "classification"
    name: str
    values: tuple[str, ...]

    def __post_init__(self) -> None:
        field = f"{self.name}.values"
        check(isinstance(self.values, tuple), field, self.values, "a tuple of strings")
        check(
            all(isinstance(v, str) and v.strip() == v and v for v in self.values),
            field,
            self.values,
            "non-empty strings without spaces around them",
        )
        check(len(self.values) >= 2, field, self.values, "at least two values")  # noqa: PLR2004
        check(len(set(self.values)) == len(self.values), field, self.values, "each value once")

    @property
    def allowed(self) -> str:
        """Description of the values that the column allows."""
        return f"one of {', '.join(self.values)}"

    def problem(self, value: object) -> str | None:
        """Describe what is wrong with ``value``; None when it is allowed."""
        if not isinstance(value, str) or value not in self.values:
            spelling = f"; {DECOMPOSED}" if isinstance(value, str) and self.is_decomposed(value) else ""
            return f"got {shown(value)}; allowed: {self.allowed}{spelling}"
        return None

    @property
    def composed(self) -> tuple[str, ...]:
        """Allowed values in Unicode's composed form (NFC)."""
        return tuple(unicodedata.normalize("NFC", value) for value in self.values)

    def is_decomposed(self, text: str) -> bool:
        """Return whether a text looks the same as an allowed value but has other characters."""
        return text not in self.values and unicodedata.normalize("NFC", text) in self.composed


@dataclass(frozen=True, slots=True)
class Text(_Common):
    """Free text.

    Parameters
    ----------
    name
        Column name.
    max_length
        Maximum length, in characters.
    """

    type: ClassVar[str] = "text"
    name: str
    max_length: int = 10_000

    def __post_init__(self) -> None:
        _check_max_length(self.name, self.max_length)

    @property
    def allowed(self) -> str:
        """Description of the values that the column allows."""
        return f"a string of at most {self.max_length} characters"

    def problem(self, value: object) -> str | None:
        """Describe what is wrong with ``value``; None when it is allowed."""
        if not isinstance(value, str):
            return f"got {shown(value)}; allowed: a string"
        if NUL in value:
            return f"got {shown(value)}; allowed: a string without a NUL character"
        if len(value) > self.max_length:
            return f"got {len(value)} characters; allowed: at most {self.max_length}"
        return None


@dataclass(frozen=True, slots=True)
class Boolean(_Common):
    """True or false.

    Parameters
    ----------
    name
        Column name.
    """

    type: ClassVar[str] = "boolean"
    allowed: ClassVar[str] = "true or false"
    name: str

    def problem(self, value: object) -> str | None:
        """Describe what is wrong with ``value``; None when it is allowed."""
        return None if isinstance(value, bool) else f"got {shown(value)}; allowed: {self.allowed}"


PARTS = ("date", "time", "year", "month", "day", "yearday", "weekday", "hour", "minute")
"""Parts of a date-time that an estimator may see, each a number in the column's time zone:

==========  ===========================================================
date        whole days since 2000-01-01 time        seconds since midnight, to a hundredth year        e.g.
2026 month       1 to 12 day         of the month, 1 to 31 yearday     1 to 366 weekday     1, Monday, to 7,
Sunday, as ISO 8601 counts hour        0 to 23 minute      0 to 59
==========  ===========================================================
"""


@dataclass(frozen=True, slots=True)
class DateTime(_Common):
    """A point in time, ISO 8601; one without an offset is UTC.

    An estimator sees a moment t as two float32, which together are exact to a hundredth of a second::

        <name>       (t - 2000-01-01T00:00Z) / 86400 s    days, to 43 seconds until 2044 (half of 2**-10 days)
        <name>_time  t - the midnight before it, local    seconds, to 0.004 (half of 2**-7)

    Parameters
    ----------
    name
        Column name.
    parts
        Parts that an estimator sees besides, from `PARTS`, as columns ``<name>_<part>``.
    zone
        IANA name of the time zone of ``<name>_time`` and of the parts, such as ``"Asia/Tokyo"``, with its
        daylight saving time. A value without an offset is UTC all the same.
    missing
        Date-times that stand for a missing value at the source of the data, such as ``"9999-12-31"``; they
        are read as null.
    """

    type: ClassVar[str] = "datetime"
    allowed: ClassVar[str] = "an ISO 8601 date-time"
    name: str
    parts: tuple[str, ...] = ()
    missing: tuple[str, ...] = ()
    zone: str = zones.NEUTRAL

    def __post_init__(self) -> None:
        check(zones.known(self.zone), f"{self.name}.zone", self.zone, zones.ALLOWED)
        check(
            isinstance(self.parts, tuple)
            and set(self.parts) <= set(PARTS)
            and len(set(self.parts)) == len(self.parts),
            f"{self.name}.parts",
            self.parts,
            f"a tuple of {', '.join(PARTS)}, each once",
        )
        field = f"{self.name}.missing"
        check(isinstance(self.missing, tuple), field, self.missing, "a tuple of date-times")
        right = all(isinstance(one, str) and moment(one) is not None for one in self.missing)
        check(right, field, self.missing, f"each {DATE_TIME_ALLOWED}")

    def problem(self, value: object) -> str | None:
        """Describe what is wrong with ``value``; None when it is allowed."""
        if not isinstance(value, str) or moment(value) is None:
            return f"got {shown(value)}; allowed: {DATE_TIME_ALLOWED}"
        return None

    @property
    def made(self) -> tuple[Part, ...]:
        """Parts that an estimator sees; always the time of the day, which completes the days."""
        parts = dict.fromkeys(("time", *self.parts))
        return tuple(Part(self.name, part, self.missing, self.zone) for part in parts)


@dataclass(frozen=True, slots=True)
class Id(_Named, _Common):
    """Identifier of an entity: never a feature, but used to split, join and look up.

    Parameters
    ----------
    name
        Column name.
    max_length
        Maximum length, in characters.
    """

    type: ClassVar[str] = "id"
    name: str
    max_length: int = 256

    def __post_init__(self) -> None:
        _check_max_length(self.name, self.max_length)


@dataclass(frozen=True, slots=True)
class Ranking(_Named, _Common):
    """Best items, best first: what a recommender predicts. In training data, the one item of a row.

    Parameters
    ----------
    name
        Column name; in training data, of the item that an entity interacted with.
    k
        Maximum number of items in an answer, 1 to 100; the k of the ranking metrics.
    similar_to
        Name of the `Id` column with which a request asks for items similar to one item; None when it cannot.
    max_length
        Maximum length of an item's name, in characters.
    """

    type: ClassVar[str] = "ranking"
    predicted_by: ClassVar[Literal["ranking"]] = "ranking"
    name: str
    k: int = 10
    similar_to: str | None = None
    max_length: int = 256

    def __post_init__(self) -> None:
        check(
            is_whole(self.k, 1, 100),
            f"{self.name}.k",
            self.k,
            "a whole number of items, 1 to 100",
        )
        _check_max_length(self.name, self.max_length)


@dataclass(frozen=True, slots=True)
class Part:
    """Part of a date-time that an estimator sees.

    Parameters
    ----------
    of
        Name of the date-time column.
    part
        One of `PARTS`.
    missing, zone
        Those of the column.
    """

    of: str
    part: str
    missing: tuple[str, ...] = ()
    zone: str = zones.NEUTRAL

    @property
    def name(self) -> str:
        """Column name in the estimator's frame, and input name in the ONNX graph."""
        return f"{self.of}_{self.part}"


Column = Number | Category | Text | Boolean | DateTime | Id | Ranking
Target = Category | Number | Ranking
COLUMN_TYPES: dict[str, type[Column]] = {
    cls.type: cls for cls in (Number, Category, Text, Boolean, DateTime, Id, Ranking)
}


def shown(value: object) -> str:
    """Return the repr of a value, at most 80 characters, for a message."""
    text = repr(value)
    return text if len(text) <= 80 else text[:77] + "..."  # noqa: PLR2004


def quoted(column: Column, value: object) -> str:
    """Return a row's value for a message; for a private column, a placeholder.

    More people read messages than may see the row.
    """
    return "(private)" if column.private else shown(value)
