"""Count the rows on which one of two models is right and the other wrong, by class and by slice.

A slice is the rows with one value of a column that the spec names. What would be told of fewer than `FEWEST` rows is left out.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import numpy as np

from relearn.spec.columns import Boolean, Column
from relearn.spec.model import ModelSpec
from scoring.encode import Array
from training.data.column_types import is_missing
from training.fitting import tabular
from training.fitting.tasks import Answers

if TYPE_CHECKING:
    from training.fitting.shared import Shared

FEWEST = 10
"""Fewest rows of a class or a slice that anything is told of."""


def by_class(
    spec: ModelSpec, mine: Answers, theirs: Answers | None, shared: Shared | None = None
) -> dict[str, Any] | None:
    """Return the flips of two classifications, in all and by true class.

    Parameters
    ----------
    spec
        Spec of the models.
    mine, theirs
        Answers of both; ``theirs`` is None where there is no second model.
    shared
        Rows and classes that ``theirs`` is about; None: the same as ``mine``. Only these are counted.

    Returns
    -------
    dict or None
        ``gained``, the rows that only the first model has right, ``lost``, those that only the second has, ``rows``, those
        that are counted, ``classes`` with the same for each ``value`` and its ``rows``, and ``hidden``, the classes that
        are left out. None for another kind, and without a second model.
    """
    if spec.kind != "classification" or theirs is None:
        return None
    if shared is not None:
        spec, mine = shared.spec, shared.of(mine)
    truth = mine.evaluation_set.target
    places = [(label, np.asarray(truth == label)) for label in spec.classes]
    classes = [
        {"value": label, "rows": int(rows.sum()), **_flips(spec, mine, theirs, rows)}
        for label, rows in places
        if rows.sum() >= FEWEST
    ]
    everything = np.ones(len(truth), bool)
    hidden = sum(1 for _, rows in places if 0 < rows.sum() < FEWEST)
    return {
        **_flips(spec, mine, theirs, everything),
        "rows": len(truth),
        "classes": classes,
        "hidden": hidden,
    }


def by_slice(
    spec: ModelSpec, mine: Answers, theirs: Answers | None, shared: Shared | None = None
) -> list[dict[str, Any]]:
    """Return the deciding metric of two models, and their flips, by slice.

    Parameters
    ----------
    spec
        Spec of the models; its ``slices`` name the columns.
    mine, theirs
        Answers of both; ``theirs`` is None where there is no second model.
    shared
        Rows and classes that ``theirs`` is about; None: the same as ``mine``.

    Returns
    -------
    list of dict
        ``column``, ``slices`` with their ``value`` (None: missing), ``rows``, the metric of ``candidate`` and
        ``champion`` (None: undefined, or there is none), ``gained`` and ``lost`` (see `by_class`; for a regression, the
        rows that the first model is closer to, and those that the second is; None without a second), ``shared``, the
        ``rows`` that the champion's figures are of and the metric of the ``candidate`` on them (None: all), and
        ``hidden``, the values that are left out.
    """
    found = []
    both = None if theirs is None else _Both(spec, mine, theirs, shared)
    for column in spec.columns:
        if column.name not in spec.slices:
            continue
        slices, hidden = [], 0
        for value, rows in _values(column, mine.evaluation_set.columns[column.name]):
            if (count := int(rows.sum())) >= FEWEST:
                mean = tabular.value_on(spec, mine, rows)
                beside = NOTHING if both is None else both.on(rows)
                slices.append({"value": value, "rows": count, "candidate": mean, **beside})
            hidden += 0 < count < FEWEST
        found.append({"column": column.name, "slices": slices, "hidden": hidden})
    return found


NOTHING: dict[str, Any] = dict.fromkeys(("champion", "gained", "lost", "shared"))


class _Both:
    """Answers of two models, on the rows and classes that they share."""

    def __init__(self, spec: ModelSpec, mine: Answers, theirs: Answers, shared: Shared | None) -> None:
        self._spec = spec if shared is None else shared.spec
        self._mine = mine if shared is None else shared.of(mine)
        self._theirs, self._shared = theirs, shared

    def on(self, rows: Array) -> dict[str, Any]:
        """Return what is told of the second model on some rows of the evaluation set."""
        if self._shared is None:
            return {"shared": None, **self._figures(rows)}
        compared = rows[self._shared.rows]
        count = int(compared.sum())
        if count < FEWEST:
            return {**NOTHING, "shared": {"rows": count, "candidate": None}}
        mean = tabular.value_on(self._spec, self._mine, compared)
        return {"shared": {"rows": count, "candidate": mean}, **self._figures(compared)}

    def _figures(self, rows: Array) -> dict[str, Any]:
        return {
            "champion": tabular.value_on(self._spec, self._theirs, rows),
            **_flips(self._spec, self._mine, self._theirs, rows),
        }


def _values(column: Column, values: Array) -> Iterator[tuple[Any, Array]]:
    if isinstance(column, Boolean):
        yield from ((truth, np.asarray(values == truth)) for truth in (True, False))
    else:
        yield from ((value, np.asarray(values == value)) for value in getattr(column, "values", ()))
    yield None, np.asarray(is_missing(column, values), bool)


def _flips(spec: ModelSpec, mine: Answers, theirs: Answers, rows: Array) -> dict[str, int]:
    both = [tabular.part(one, rows) for one in (mine, theirs)]
    gained, lost = tabular.duel(spec, both[0].evaluation_set, both[0].scores, both[1].scores)
    return {"gained": gained, "lost": lost}
