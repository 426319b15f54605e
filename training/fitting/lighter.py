"""Fits of a small part of much data, with fewer rounds of boosting.

A round of boosting takes hardly less time on 2,000 rows than on 100,000: on two cores, 100 rounds of
``HistGradientBoostingClassifier`` on 2,000 rows take a quarter of the CPU time of those on 75,000. A fifth of the rounds at a
correspondingly higher learning rate goes about as far. Linear models and forests take little time on few rows as they are.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
from sklearn.ensemble import (
    GradientBoostingClassifier,
    GradientBoostingRegressor,
    HistGradientBoostingClassifier,
    HistGradientBoostingRegressor,
)

from scoring.encode import Array
from training.fitting.fit import Code

MANY_ROWS = 20_000
"""Training rows above which the fits that a job makes beside the candidate are of few rows and rounds."""
SMALLEST = 2_000
"""Training rows of a fit below which none is made smaller."""
SHARE = 48
"""A fit learns from one training row in so many: six fits from an eighth of them."""
ROUNDS = 5
"""One round is made for so many of the recipe's."""
FEWEST_ROUNDS = 10
"""Rounds below which none is left out."""
FASTEST = 0.5
"""Largest learning rate that is set."""
_BOOSTED = {
    HistGradientBoostingClassifier: "max_iter",
    HistGradientBoostingRegressor: "max_iter",
    GradientBoostingClassifier: "n_estimators",
    GradientBoostingRegressor: "n_estimators",
}
"""Boosted estimator to the parameter with its number of rounds."""


def sample(rows: int) -> Array:
    """Return which of so many training rows a fit may learn: a mask, the same for the same number of rows."""
    most = max(SMALLEST, rows // SHARE)
    if rows <= most:
        return np.ones(rows, dtype=bool)
    return np.random.default_rng(0).random(rows) < most / rows


def of(code: Code) -> Code:
    """Return code of a model whose ``build`` returns a lightened estimator."""
    return replace(code, build=lambda **given: lighten(code.build(**given)))


def lighten(estimator: Any) -> Any:
    """Reduce the rounds of an unfitted estimator, and of those inside it, where they are boosted; return it.

    The learning rate grows so that the product of what each round leaves stays the same, to at most `FASTEST`.
    """
    for one in (estimator, *estimator.get_params(deep=True).values()):
        name = _BOOSTED.get(type(one))
        if name is None:
            continue
        rounds, rate = getattr(one, name), one.learning_rate
        fewer = max(FEWEST_ROUNDS, rounds // ROUNDS)
        if fewer < rounds and 0 < rate < 1:
            faster = 1 - (1 - rate) ** (rounds / fewer)
            one.set_params(**{name: fewer, "learning_rate": max(rate, min(FASTEST, faster))})
    return estimator
