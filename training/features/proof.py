"""Prove that a model's features do not see the future: they stay the same when future rows change."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from random import Random
from typing import Any

from relearn.spec.columns import Column
from relearn.spec.model import ModelSpec, Table
from relearn.spec.tables import AS_OF
from training.features.build import Features
from training.features.check import row_key
from training.features.column_types import FEATURE_TYPES
from training.features.testing import Rows, compute


def assert_point_in_time(
    spec: ModelSpec, features: Features, tables: Mapping[str, Rows], *, moments: int = 3
) -> None:
    """Prove that no row of a feature set sees rows after its ``as_of``.

    At several moments, the rows after the moment are altered in every table with a ``time``: values are
    changed and shuffled among these rows, and every second row is removed. The features of rows up to that
    moment must stay the same. The target may change, because it depends on the future.

    Parameters
    ----------
    spec
        Spec with tables.
    features
        The model's function ``features``.
    tables
        Rows by raw table, as for `compute`; enough rows that there is a future to alter.
    moments
        Number of values of ``as_of`` to try, spread evenly over all of them.

    Raises
    ------
    AssertionError
        A feature changed; the message names it, its row and the moment. Or no row could be compared.
    """
    honest = compute(spec, features, tables)
    found = sorted({row[AS_OF] for row in honest})
    tried = {found[len(found) * step // moments] for step in range(moments)} if found else set()
    compared = 0
    for moment in sorted(tried):
        altered = {table.name: _altered(table, tables.get(table.name, ()), moment) for table in spec.tables}
        again = {_place(spec, row): row for row in compute(spec, features, altered)}
        for row in honest:
            if row[AS_OF] <= moment and _place(spec, row) in again:
                compared += 1
                _assert_equal(spec, row, again[_place(spec, row)], moment)
    if not compared:
        raise AssertionError(f"no row of the features of {spec.name} could be tried; give more data")


def _place(spec: ModelSpec, row: Mapping[str, Any]) -> tuple[Any, ...]:
    return tuple(row[name] for name in row_key(spec))


def _assert_equal(
    spec: ModelSpec, row: Mapping[str, Any], other: Mapping[str, Any], moment: datetime
) -> None:
    changed = [
        f"{column.name} was {row[column.name]!r} and became {other[column.name]!r}"
        for column in spec.made
        if column.name != spec.target.name and row[column.name] != other[column.name]
    ]
    entity, as_of, *item = _place(spec, row)
    if changed:
        raise AssertionError(
            f"features of {spec.name} see the future: when rows after {moment:%Y-%m-%d %H:%M} change, then for "
            f"{spec.entity} {entity!r}{''.join(f' and {one!r}' for one in item)} as of {as_of:%Y-%m-%d %H:%M} {'; '.join(changed)}"
        )


def _altered(table: Table, rows: Rows, moment: datetime) -> Rows:
    if (time := table.time) is None:
        return rows
    ordered = sorted(rows, key=lambda row: _moment(row[time]))
    known = [row for row in ordered if _moment(row[time]) <= moment]
    kept = ordered[len(known) :][::-2][::-1]  # keep the last row, so that the data reaches as far
    columns = {
        column.name: [_other(column, row.get(column.name)) for row in kept]
        for column in table.columns
        if column.name != time
    }
    random = Random(0)
    for values in columns.values():
        random.shuffle(values)
    return [
        *known,
        *({time: row[time], **{name: columns[name][at] for name in columns}} for at, row in enumerate(kept)),
    ]


def _other(column: Column, value: Any) -> Any:
    """Return another value that the column allows; ids, texts and date-times are returned unchanged."""
    return None if value is None else FEATURE_TYPES[type(column)].other(column, value)


def _moment(value: Any) -> datetime:
    read = value if isinstance(value, datetime) else datetime.fromisoformat(str(value))
    return read if read.tzinfo else read.replace(tzinfo=UTC)
