"""Loss of a served model that was fitted again on all rows, against its twin that was fitted on the training side.

Tables of scikit-learn are drawn again and again: a part is never shown to either model and stands for what callers
will ask; of the rest the twin learns the training side, as now, and the refitted model everything. Both have the
same recipe.

The last line is one JSON object: the number of ``cases``, of those ``gained``, whose mean is surely better, and of
those ``lost``, whose mean is surely worse (95 %); and ``tables``: for each table, recipe and number of rows the mean
metric of twin and refitted model on what callers ask, and the share of draws in which the refitted model is worse, and
worse by more than the tolerance.
"""

from __future__ import annotations

import json
import math
import os
import sys
import warnings
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

os.environ.setdefault("OMP_NUM_THREADS", "1")  # tables are small

import numpy as np
from scipy import stats
from sklearn import datasets
from sklearn.ensemble import (
    HistGradientBoostingClassifier,
    HistGradientBoostingRegressor,
    RandomForestClassifier,
)
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.metrics import f1_score, root_mean_squared_error
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from bench import arguments
from relearn.spec.policies import ERROR_TOLERANCE, TOLERANCE, Training
from scoring.encode import Array

HOLDOUT = Training().holdout
ASKED = 0.3
"""Share of a table that stands for what callers ask."""
SIZES = (60, 200, 1_000)
"""Rows that were uploaded; a table with fewer gives what it has."""
DRAWS, SMALL_DRAWS = 60, 2
SURE = 0.95
Recipe = Callable[[], Any]
CLASSIFIERS: dict[str, Recipe] = {
    "logistic": lambda: make_pipeline(StandardScaler(), LogisticRegression(max_iter=1000)),
    "boosted": lambda: HistGradientBoostingClassifier(max_iter=50, random_state=0),
    "forest": lambda: RandomForestClassifier(50, random_state=0),
}
REGRESSORS: dict[str, Recipe] = {
    "ridge": lambda: make_pipeline(StandardScaler(), Ridge(10.0)),
    "boosted": lambda: HistGradientBoostingRegressor(max_iter=50, random_state=0),
}
TABLES: dict[str, tuple[Callable[..., Any], dict[str, Recipe]]] = {
    "iris": (datasets.load_iris, CLASSIFIERS),
    "wine": (datasets.load_wine, CLASSIFIERS),
    "breast_cancer": (datasets.load_breast_cancer, CLASSIFIERS),
    "digits": (datasets.load_digits, CLASSIFIERS),
    "diabetes": (datasets.load_diabetes, REGRESSORS),
}


@dataclass(frozen=True)
class Case:
    """A table, a recipe for it, and the number of uploaded rows."""

    table: str
    recipe: str
    rows: int

    @property
    def name(self) -> str:
        """Name in the results."""
        return f"{self.table}.{self.recipe}.{self.rows}"


def main() -> int:
    """Measure all cases; print a table, then the figures as JSON."""
    small = arguments.read(__doc__).small
    draws = SMALL_DRAWS if small else DRAWS
    warnings.filterwarnings("ignore")  # a class may be absent from a small draw
    figures: dict[str, Any] = {}
    gained = lost = 0
    for case in cases(SIZES[:1] if small else SIZES):
        pairs = np.array([drawn(case, seed) for seed in range(draws)])
        twin, refit = pairs.T
        lead = refit - twin
        if case.table == "diabetes":
            lead, tolerance = -lead, ERROR_TOLERANCE * float(twin.mean())
        else:
            tolerance = TOLERANCE
        error = float(lead.std(ddof=1)) / math.sqrt(draws)
        sure = float(stats.t.ppf(SURE, draws - 1)) * error
        gained += bool(lead.mean() > sure)
        lost += bool(lead.mean() < -sure)
        figures[case.name] = {
            "twin": round(float(twin.mean()), 4),
            "refit": round(float(refit.mean()), 4),
            "worse": round(float((lead < 0).mean()), 3),
            "worse_much": round(float((lead < -tolerance).mean()), 3),
        }
        print(
            f"{case.name:<30} twin {twin.mean():8.4f} refit {refit.mean():8.4f}, lead {lead.mean():+8.4f} "
            f"(+-{sure:.4f}); worse in {(lead < 0).mean():4.0%} of {draws} draws, by more than the tolerance in "
            f"{(lead < -tolerance).mean():4.0%}",
            flush=True,
        )
    print(json.dumps({"cases": len(figures), "gained": gained, "lost": lost, "tables": figures}))
    return 0


def cases(sizes: Sequence[int]) -> Iterator[Case]:
    """Yield the cases of these numbers of rows, each size of a table once."""
    for table, (load, recipes) in TABLES.items():
        most = int((1 - ASKED) * len(load().target))
        for recipe in recipes:
            yield from (Case(table, recipe, rows) for rows in sorted({min(rows, most) for rows in sizes}))


def drawn(case: Case, seed: int) -> tuple[float, float]:
    """Return the metric of the twin and of the refitted model on what callers ask, for one draw."""
    load, recipes = TABLES[case.table]
    values, target = load(return_X_y=True)
    generator = np.random.default_rng([seed, len(target)])
    order = generator.permutation(len(target))
    asked, uploaded = order[: int(ASKED * len(target))], order[int(ASKED * len(target)) :][: case.rows]
    held = generator.random(len(uploaded)) < HOLDOUT

    def metric(learnt: Array) -> float:
        given = recipes[case.recipe]().fit(values[learnt], target[learnt]).predict(values[asked])
        if case.table == "diabetes":
            return float(root_mean_squared_error(target[asked], given))
        return float(f1_score(target[asked], given, average="macro"))

    return metric(uploaded[~held]), metric(uploaded)


if __name__ == "__main__":
    sys.exit(main())
