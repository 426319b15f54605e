"""Read rows as a compared version does, whose spec may have other columns.

A version is asked about the rows of a later spec as far as it can read them:

=====================================  ================================================================
column of the version                  what it gets
=====================================  ================================================================
that the spec has, with the same type  the value, if it is no category that the version does not know, and no
                                       time that it calls missing
that the spec has, with another type   the value read as the version's type, if every value can be
that the spec no longer has            nothing
=====================================  ================================================================

Where a column cannot be given, the version answers without it if its own spec says that the value may be missing;
else it cannot answer. Columns that the spec got later do not matter to it. A row that lacks a value in a column that the
version needs is left out of the comparison.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from preparation import rules
from relearn.figures import counted
from relearn.spec.model import Category, Column, ModelSpec, Number
from scoring.encode import Array, Seen, from_table, microseconds, seen
from training.data.column_types import LEARNT_TYPES
from training.data.learnt import Learner
from training.data.row_keys import is_comparable

VALUE, GIVEN = "__value", "__given"
"""Columns of the query: no column of a spec can have such a name."""


@dataclass(frozen=True, slots=True)
class View:
    """Held-out rows as a compared version reads them.

    Parameters
    ----------
    columns
        Encoded values of shape (rows,) by column of the version's frame.
    complete
        Whether a row has a value in every column that the version needs, shape (rows,).
    changes
        What the version reads otherwise than the candidate, a clause for each column.
    needs
        Columns of the version that some rows lack and that it needs.
    refusal
        Why the version cannot answer; empty when it can.
    """

    columns: Mapping[str, Array]
    complete: Array
    changes: tuple[str, ...] = ()
    needs: tuple[str, ...] = ()
    refusal: str = ""

    @classmethod
    def whole(cls, columns: Mapping[str, Array], rows: int) -> View:
        """Return the view of a version that reads rows as the candidate does."""
        return cls(columns, np.ones(rows, bool))

    @classmethod
    def refused(cls, why: str) -> View:
        """Return the view of a version that cannot answer."""
        return cls({}, np.zeros(0, bool), refusal=why)


def expressions(spec: ModelSpec, learners: Sequence[Learner]) -> dict[str, str]:
    """Return the DuckDB expressions of values read as another type, by the name of their column.

    Parameters
    ----------
    spec
        Spec of the candidate.
    learners
        Versions that it is compared with.
    """
    found = {}
    for place, learner in enumerate(learners):
        for column, given in _retyped(spec, learner.spec):
            text = _text(given, column)
            text = f"nullif({f'trim({text})' if rules.SQL_TYPES[type(column)].trimmed else text}, '')"
            if column.missing:
                text = f"CASE WHEN NOT {rules.means_missing(column, text)} THEN {text} END"
            value = rules.value(column, text)
            found[value_of(place, column.name)] = rules.SQL_TYPES[type(column)].read.format(f"({value})")
            found[given_of(place, column.name)] = f"({text}) IS NOT NULL"
    return found


def value_of(place: int, name: str) -> str:
    """Return the column with the values of a column as the learner at a ``place`` reads them."""
    return f"{VALUE}{place}_{name}"


def given_of(place: int, name: str) -> str:
    """Return the column that says whether a row has a value for the learner at a ``place`` to read."""
    return f"{GIVEN}{place}_{name}"


def _retyped(spec: ModelSpec, old: ModelSpec) -> list[tuple[Column, Column]]:
    """Return the features of a version that have another type now, each with the column of the present spec."""
    if "ranking" in (spec.kind, old.kind):
        return []
    there = {column.name: column for column in spec.made}
    return [
        (column, there[column.name])
        for column in old.features
        if column.name in there and there[column.name].type != column.type
    ]


def _text(given: Column, column: Column) -> str:
    """Return SQL of a value as the text that a file of the version's time would have."""
    kind = LEARNT_TYPES[type(given)]
    number = kind.as_number if isinstance(column, Number) else ""
    return (number or kind.written or kind.hashed).format(rules.expression(given))


def of(  # noqa: PLR0917 - of what, for whom and where
    spec: ModelSpec,
    learner: Learner,
    place: int,
    fetched: Mapping[str, Any],
    rows: Array,
    encoded: Mapping[str, Array],
) -> View:
    """Return rows as a version reads them.

    Parameters
    ----------
    spec
        Spec of the candidate: a classification or a regression.
    learner
        The version.
    place
        Its place among the learners of the query.
    fetched
        Values as DuckDB read them, shape (all rows,), by column.
    rows
        Mask of the wanted rows, shape (all rows,).
    encoded
        Encoded values of the wanted rows, by column of the candidate's frame.
    """
    old = learner.spec
    if old.kind != spec.kind:
        return View.refused(f"it predicts {old.target.name} ({old.kind})")
    if learner.learnt is None and not is_comparable(old, spec):
        return View.refused("columns changed, and it is of a release that kept no record of what it learnt")
    there = {column.name: column for column in spec.features}
    same = {one.name: one for one in seen(spec.features)}
    retyped = {column.name: given for column, given in _retyped(spec, old)}
    count = int(rows.sum())
    complete, columns, changes, needs = np.ones(count, bool), {}, [], []
    for column in old.features:
        if column.name in there and column.name not in retyped:
            values, told = _known(column, np.ma.asarray(fetched[column.name])[rows])
            changes += [told] if told else []
        elif column.name in retyped:
            values, told = _read(column, retyped[column.name], place, fetched, rows)
            if told and not column.optional:
                return View.refused(f"it needs {column.name} as {column.type}, {told}")
            changes.append(
                f"without {column.name}, {told}"
                if told
                else f"with {column.name} read as {column.type}, which is {retyped[column.name].type} now"
            )
        else:
            if not column.optional:
                return View.refused(f"it needs {column.name}, which the spec no longer has")
            values, told = _nothing(count), f"without {column.name}, which the spec no longer has"
            changes.append(told)
        missing = np.ma.getmaskarray(values)
        if not column.optional and missing.any():
            complete &= ~missing
            needs.append(column.name)
        for one in (column, *column.made):
            as_is = column.name not in retyped and not told and _is_same(one, same.get(one.name))
            columns[one.name] = encoded[one.name] if as_is else from_table(one, values)
    return View(columns, complete, tuple(changes), tuple(needs))


def _read(
    column: Column, given: Column, place: int, fetched: Mapping[str, Any], rows: Array
) -> tuple[Any, str]:
    """Return values read as another type, and why they cannot be; nothing and why where one of them cannot."""
    values = np.ma.asarray(fetched[value_of(place, column.name)])[rows]
    there = np.ma.getdata(fetched[given_of(place, column.name)])[rows].astype(bool)
    if wrong := int((there & np.ma.getmaskarray(values)).sum()):
        told = (
            f"which is {given.type} now: {wrong:,} of {counted(int(there.sum()), 'value')} cannot be read so"
        )
        return _nothing(len(values)), told
    return values, ""


def _known(column: Column, values: Any) -> tuple[Any, str]:
    """Return values without those that the version does not know or calls missing, and what is missing then."""
    there, raw = ~np.ma.getmaskarray(values), np.ma.getdata(values)
    if isinstance(column, Category):
        without, why = there & ~np.isin(raw.astype(str), column.values), "that it does not know"
    elif column.missing:
        without, why = (
            there & np.isin(raw.astype(np.int64), microseconds(column.missing)),
            "that it calls missing",
        )
    else:
        return values, ""
    if not without.any():
        return values, ""
    told = f"without {counted(int(without.sum()), 'value')} of {column.name} {why}"
    return np.ma.masked_array(values, mask=~there | without), told


def _nothing(count: int) -> Any:
    """Return values that are all missing, as DuckDB returns them, of any type."""
    return np.ma.masked_array(np.zeros(count), mask=True)


def _is_same(one: Seen, other: Seen | None) -> bool:
    """Return whether a column of two frames has the same values in both; a part depends on the time zone."""
    return other is not None and getattr(one, "zone", "") == getattr(other, "zone", "")
