"""Count the rows on which one of two models is right and the other wrong, by class and by slice.

A slice is the rows with one value of a column that the spec names. What would be told of fewer than `FEWEST` rows is left out.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from relearn.spec.columns import Boolean, Column
from relearn.spec.model import ModelSpec
from scoring.encode import Array
from training.data.column_types import is_missing
from training.fitting import tabular
from training.fitting.tasks import Answers

FEWEST = 10
"""Fewest rows of a class or a slice that anything is told of."""


def by_class(spec: ModelSpec, mine: Answers, theirs: Answers | None) -> dict[str, Any] | None:
    """Return the flips of two classifications, in all and by true class.

    Parameters
    ----------
    spec
        Spec of the models.
    mine, theirs
        Answers of both to the same rows; ``theirs`` is None where there is no second model.

    Returns
    -------
    dict or None
        ``gained``, the rows that only the first model has right, ``lost``, those that only the second has, ``classes``
        with the same for each ``value`` and its ``rows``, and ``hidden``, the classes that are left out. None for
        another kind, and without a second model.
    """
    if spec.kind != "classification" or theirs is None:
        return None
    truth = mine.evaluation_set.target
    places = [(label, np.asarray(truth == label)) for label in spec.classes]
    classes = [
        {"value": label, "rows": int(rows.sum()), **_flips(spec, mine, theirs, rows)}
        for label, rows in places
        if rows.sum() >= FEWEST
    ]
    everything = np.ones(len(truth), bool)
    hidden = sum(1 for _, rows in places if 0 < rows.sum() < FEWEST)
    return {**_flips(spec, mine, theirs, everything), "classes": classes, "hidden": hidden}


def by_slice(spec: ModelSpec, mine: Answers, theirs: Answers | None) -> list[dict[str, Any]]:
    """Return the deciding metric of two models, and their flips, by slice.

    Parameters
    ----------
    spec
        Spec of the models; its ``slices`` name the columns.
    mine, theirs
        Answers of both to the same rows; ``theirs`` is None where there is no second model.

    Returns
    -------
    list of dict
        ``column``, ``slices`` with their ``value`` (None: missing), ``rows``, the metric of ``candidate`` and
        ``champion`` (None: undefined, or there is none), ``gained`` and ``lost`` (see `by_class`; for a regression, the
        rows that the first model is closer to, and those that the second is; None without a second), and ``hidden``, the
        values that are left out.
    """
    found = []
    for column in spec.columns:
        if column.name not in spec.slices:
            continue
        slices, hidden = [], 0
        for value, rows in _values(column, mine.evaluation_set.columns[column.name]):
            if (count := int(rows.sum())) >= FEWEST:
                flips = {"gained": None, "lost": None} if theirs is None else _flips(spec, mine, theirs, rows)
                values = {
                    "candidate": tabular.value_on(spec, mine, rows),
                    "champion": None if theirs is None else tabular.value_on(spec, theirs, rows),
                }
                slices.append({"value": value, "rows": count, **values, **flips})
            hidden += 0 < count < FEWEST
        found.append({"column": column.name, "slices": slices, "hidden": hidden})
    return found


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
