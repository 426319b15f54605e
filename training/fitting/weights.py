"""Weigh rows by their age: a row counts half as much as one that is `Training.half_life_days` younger.

The weight is ``0.5 ** (age / half_life_days)``, with the age in days against the newest row of the fit, divided by the
mean of all weights. So the weights say how rows count against each other alone: their sum is the number of rows, and
a regularised estimator is regularised as without them.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from sklearn.compose import TransformedTargetRegressor
from sklearn.pipeline import Pipeline
from sklearn.utils.validation import has_fit_parameter

from relearn.errors import ArtifactError
from relearn.spec.model import ModelSpec
from scoring.encode import Array
from training.data.dataset import Table

WEIGHTS = "sample_weight"
"""Argument of ``fit`` by which scikit-learn weighs rows."""
MOST_HALVINGS = 40.0
"""Half-lives after which a row counts no less: estimators may refuse a class whose rows all weigh nothing."""
_DAY = np.timedelta64(1, "D")


def of_ages(time: Array, half_life_days: float) -> Array:
    """Return the weight of each row, with a mean of 1, shape (rows,), float64.

    Parameters
    ----------
    time
        Time of each row, shape (rows,), ``datetime64[us]``; at least one row.
    half_life_days
        Days after which a row counts half as much, above 0.
    """
    ages = (time.max() - time) / _DAY
    found = np.exp2(-np.minimum(ages / half_life_days, MOST_HALVINGS))
    return np.asarray(found / found.mean())


def arguments(spec: ModelSpec, estimator: Any, table: Table) -> dict[str, Array]:
    """Return the arguments of ``fit`` that weigh the rows; none where the spec weighs no rows.

    Parameters
    ----------
    spec
        Spec of the model.
    estimator
        Unfitted estimator.
    table
        Rows that it is fitted on.

    Raises
    ------
    ArtifactError
        The estimator takes no weights.
    """
    half_life = spec.training.half_life_days
    if half_life is None or table.time is None or not len(table):
        return {}
    name = _argument(estimator)
    if name is None:
        raise ArtifactError(
            f"the estimator of {spec.name}, {_named(estimator)}, takes no {WEIGHTS}, so half_life_days={half_life:g} cannot "
            "weigh its rows; allowed: an estimator whose fit() takes it, alone, at the end of a Pipeline, or in a "
            "TransformedTargetRegressor"
        )
    return {name: of_ages(table.time, half_life)}


def _argument(estimator: Any) -> str | None:
    """Return the name of the argument that weighs the rows; None where there is none."""
    if isinstance(estimator, Pipeline):
        name, last = estimator.steps[-1]
        inner = _argument(last)
        return None if inner is None else f"{name}__{inner}"
    if isinstance(estimator, TransformedTargetRegressor):
        return WEIGHTS if estimator.regressor is None else _argument(estimator.regressor)
    return WEIGHTS if has_fit_parameter(estimator, WEIGHTS) else None


def _named(estimator: Any) -> str:
    """Return the class that takes no weights: the last of a pipeline."""
    while isinstance(estimator, Pipeline):
        estimator = estimator.steps[-1][1]
    return type(estimator).__name__
