"""Make rows that a spec allows and the data may lack, which a served model will be asked some day.

Every column has corners: the missing value, each category, the bounds, the extremes of float32, the empty and
the longest text. A row copies a row of the data, with one column, two columns or all columns in a corner.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from typing import Any

import numpy as np

from relearn.spec.columns import LARGEST_FLOAT32, shown
from relearn.spec.model import Boolean, Category, Column, DateTime, Id, ModelSpec, Number, Ranking, Text
from scoring.encode import STRING, Array, from_values, seen, source, type_of
from training.data.dataset import Table

BORROWED = 8
"""Rows of the data that each single corner is tried on."""
PAIRS = 2_000
"""Most pairs of corners tried; of more, a random sample that is the same for the same spec."""
MIXED = 200
"""Rows with every column in a random corner."""
REACHES = (LARGEST_FLOAT32, 1e30, 1e20, 1e15, 1e12, 1e9, 1e6, 1e4)
"""Distances from zero at which numbers without a bound are tried, one after another until none overflows."""
MARGIN = 10.0
"""How many times the largest number of the data a number without a bound must be answered for."""
MISSING = "without a value"
Make = Callable[..., "Corner"]
STRANGER = "\u2047 nobody"
_IMPUTE = "put an imputer (SimpleImputer) before it in the pipeline, or make the column required"
_IMPUTE_TEXT = "let the pipeline take the empty string (OneHotEncoder: handle_unknown='ignore'), or make the column required"
_ENCODE = "let the pipeline take every value of the spec (OneHotEncoder: handle_unknown='ignore'), or take it out of the spec"
_BOUND = "declare a minimum and a maximum of what really occurs"
_CLIP = "let the pipeline limit it (FunctionTransformer: np.clip)"
_TAKE_TEXT = "let the pipeline take any text (training.fitting.token_counts.TokenCounts does)"
ODD_TEXTS = (
    "",
    " ",
    "0",
    "\u65e5\u672c\u8a9e \U0001f44d\U0001f3fd e\u0301\u0323 \u2028\u200b",
    'a,b;"c"\n\td',
)


@dataclass(frozen=True, slots=True)
class Corner:
    """Extreme value of a column that the spec allows.

    Parameters
    ----------
    column
        Name of the column.
    what
        Description of the value, as words that follow the column's name.
    value
        Value as in a request; None: missing.
    remedy
        Advice for a model that cannot answer it.
    far
        Whether the spec sets no bound here, so that a model with a smaller reach may be served.
    """

    column: str
    what: str
    value: Any
    remedy: str
    far: bool = False

    def __str__(self) -> str:
        return f"{self.column} {self.what}"


@dataclass(frozen=True, slots=True)
class Coverage:
    """Rows with values in corners.

    Parameters
    ----------
    columns
        Encoded columns, as in `training.data.dataset.Table`.
    corners
        Corners of each row; rows with a single corner come first.
    """

    columns: Mapping[str, Array]
    corners: Sequence[tuple[Corner, ...]]

    def __len__(self) -> int:
        return len(self.corners)

    def where(self, keep: Array) -> Coverage:
        """Return the rows that ``keep``, an index array, selects."""
        columns = {name: values[keep] for name, values in self.columns.items()}
        return Coverage(columns, [self.corners[at] for at in keep])


def reaches(spec: ModelSpec, table: Table) -> list[float]:
    """Return the distances from zero to try, largest first; if every number has bounds, only float32's largest."""
    free = [
        one.name
        for one in spec.features
        if any(corner.far for corner in corners(one, table.columns[one.name], LARGEST_FLOAT32))
    ]
    largest = max((float(np.nanmax(np.abs(table.columns[name]), initial=0)) for name in free), default=0.0)
    return (
        [reach for reach in REACHES if reach >= MARGIN * largest] or [LARGEST_FLOAT32]
        if free
        else [LARGEST_FLOAT32]
    )


def rows(spec: ModelSpec, table: Table, reach: float = LARGEST_FLOAT32) -> Coverage:
    """Make the rows for a spec.

    Parameters
    ----------
    spec
        Spec of the model.
    table
        Rows of the data, which the other values are copied from.
    reach
        Largest distance from zero of numbers without a bound.
    """
    by_column = {
        column.name: list(corners(column, table.columns[column.name], reach)) for column in spec.features
    }
    singles = [
        (one,)
        for found in by_column.values()
        for one in found
        for _ in range(1 if _is_long(one) else BORROWED)
    ]
    together = [*_pairs(by_column), *_all(by_column)]
    return borrowing(spec.features, table.columns, [*singles, *together])


def borrowing(
    columns: Sequence[Column], given: Mapping[str, Array], chosen: Sequence[tuple[Corner, ...]]
) -> Coverage:
    """Copy rows of the data, in turn, and set their corners."""
    count = len(next(iter(given.values())))
    turn = np.arange(len(chosen)) % count
    made = {one.name: given[one.name][turn] for one in seen(columns)}
    encoders: dict[str, list[tuple[str, Any]]] = {column.name: [] for column in columns}
    for one in seen(columns):
        encoders[source(one)].append((one.name, from_values([one])))
    for at, row in enumerate(chosen):
        for corner in row:
            for name, encode in encoders[corner.column]:
                made[name][at] = encode([[corner.value]])[0, 0]
    return Coverage(made, chosen)


def corners(column: Column, given: Array, reach: float) -> Iterator[Corner]:
    """Yield the corners of a column whose values in the data are ``given``."""
    make = partial(Corner, column.name)
    if column.optional:
        yield make(MISSING, None, _IMPUTE_TEXT if type_of(column) == STRING else _IMPUTE)
    yield from CORNERS[type(column)](column, make, given, reach)


def _of_number(column: Number, make: Make, _given: Array, reach: float) -> Iterator[Corner]:
    for bound, furthest in ((column.minimum, -reach), (column.maximum, reach)):
        value = furthest if bound is None else bound
        yield make(f"of {value:.4g}", value, _BOUND, far=bound is None)
    for value in (0.0, float(np.finfo(np.float32).tiny)):
        if column.problem(value) is None and value not in (column.minimum, column.maximum):
            yield make(f"of {value:g}", value, _BOUND)


def _of_moment(_column: DateTime, make: Make, _given: Array, _reach: float) -> Iterator[Corner]:
    for moment in (datetime.min, datetime(1970, 1, 1), datetime.max):  # noqa: DTZ001, DTZ901 - made aware below
        text = moment.replace(tzinfo=UTC).isoformat()
        yield make(f"at {text}", text, _CLIP)


def _of_text(column: Text, make: Make, given: Array, _reach: float) -> Iterator[Corner]:
    known = next((text for text in given.tolist() if text), "known")
    texts = (*ODD_TEXTS, known.upper(), known.lower(), f"({known}); {known}")
    fitting = dict.fromkeys(text[: column.max_length] for text in texts)
    yield from (make(f"being {shown(text)}", text, _TAKE_TEXT) for text in fitting)
    longest = ("a \u3042" * column.max_length)[: column.max_length]
    yield make(f"of {column.max_length} characters", longest, _TAKE_TEXT)


def _of_id(column: Id | Ranking, make: Make, _given: Array, _reach: float) -> Iterator[Corner]:
    yield make("that was never seen", STRANGER[: column.max_length], _TAKE_TEXT)
    yield make(f"of {column.max_length} characters", "\u3042" * column.max_length, _TAKE_TEXT)


CORNERS: dict[type[Column], Callable[[Any, Make, Array, float], Iterable[Corner]]] = {
    Number: _of_number,
    Category: lambda column, make, *_: (make(f"being {one!r}", one, _ENCODE) for one in column.values),
    Text: _of_text,
    Boolean: lambda _column, make, *_: (
        make(f"being {word}", word == "true", _ENCODE) for word in ("false", "true")
    ),
    DateTime: _of_moment,
    Id: _of_id,
    Ranking: _of_id,
}
"""Makes the corners of a column, other than the missing value, by column type."""


def _pairs(by_column: Mapping[str, list[Corner]]) -> list[tuple[Corner, ...]]:
    short = {name: [one for one in found if not _is_long(one)] for name, found in by_column.items()}
    pairs: Iterable[tuple[Corner, ...]] = (
        pair
        for first, second in itertools.combinations(short.values(), 2)
        for pair in itertools.product(first, second)
    )
    found = list(pairs)
    if len(found) <= PAIRS:
        return found
    chosen = np.sort(np.random.default_rng(0).choice(len(found), PAIRS, replace=False))
    return [found[at] for at in chosen]


def _all(by_column: Mapping[str, list[Corner]]) -> list[tuple[Corner, ...]]:
    """Return rows with every column in a corner: all missing, all first, all last, and random ones."""
    short = [[one for one in found if not _is_long(one)] for found in by_column.values()]
    nothing = tuple(one for found in short for one in found if one.value is None)
    near = [[one for one in found if not one.far] or found for found in short]
    generator = np.random.default_rng(0)
    mixed = [tuple(found[generator.integers(len(found))] for found in near if found) for _ in range(MIXED)]
    ends = [tuple(found[at] for found in near if found) for at in (0, -1)]
    return [row for row in (nothing, *ends, *mixed) if len(row) > 2]  # noqa: PLR2004 - fewer are among the pairs


def _is_long(corner: Corner) -> bool:
    return isinstance(corner.value, str) and len(corner.value) > 100  # noqa: PLR2004 - dear to make many rows of
