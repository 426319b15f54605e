"""Coverage and power of a comparison that cross-validated rows are part of, with real fits on simulated data.

Two uploads of one distribution: the champion learns the training side of the first, the candidate that of both, with the same
recipe. The real code of a job compares them on the held-out rows alone, and with the rows of the second upload's training side
(`training.job.cross_validation`). The truth is the difference on rows that nobody has.

The last line is one JSON object: ``covered_least`` and ``covered_most`` (share of the two-sided 95 % intervals that have the
truth, over the cases, with cross-validated rows), ``covered_alone_least`` and ``covered_alone_most`` (the same of held-out rows
alone), ``seen_better`` and ``seen_better_alone`` (share of comparisons that see the candidate better, over all cases with the
candidate truly better), ``falsely_better`` and ``falsely_better_alone`` (share of all comparisons that see it better where it is
not), ``falsely_worse`` and ``falsely_worse_alone`` (the same of worse by more than the tolerance where it is not worse), ``width`` (mean of
the interval's width with cross-validated rows, as a share of that without), ``bias`` (largest mean of difference less truth over the cases, in
units of the tolerance), and ``fits`` (share of the recipe's fits, made for one comparison, that its own CPU time is of).
"""

from __future__ import annotations

import json
import os
import sys
import time
import warnings
from collections.abc import Callable
from contextlib import redirect_stdout
from dataclasses import dataclass, field, replace
from io import StringIO
from typing import Any, cast

os.environ.setdefault("OMP_NUM_THREADS", "1")  # tables are small

import numpy as np
from scipy import stats
from sklearn.ensemble import HistGradientBoostingClassifier, RandomForestClassifier
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.neighbors import KNeighborsClassifier

from bench import arguments
from relearn.lifecycle.comparison import Comparison
from relearn.spec.model import Category, Metric, ModelSpec, Number
from scoring.artifact import Artifact
from scoring.encode import Array
from scoring.scorer import Scores
from training.data.dataset import Dataset, Table
from training.fitting import tabular
from training.fitting.fit import Code, frame
from training.fitting.tasks import Answers
from training.job import cross_validation
from training.job.champion import Rival
from training.job.small_fits import SmallFits

FEATURES = ("a", "b", "c", "d", "e")
CLASSES = ("blue", "green", "red")
HOLDOUT = 4
"""One row in so many is held out."""
SIZES = ((60, 45), (100, 300), (400, 200))
"""Rows of the first and of the second upload."""
TRIALS, SMALL_TRIALS = 300, 2
UNKNOWN, FEW_UNKNOWN = 4_000, 200
"""Rows that nobody has, for the truth."""
LEAST, MOST = 0.93, 0.99
"""Least and largest share of intervals that may have the truth, or what held-out rows alone reach: of 100 to 300 trials, 95 % within chance."""
SLOW, SLOWER = ("forest", "boosting"), 3
"""Recipes whose fits take long, and how much fewer trials they have."""
Recipe = Callable[[], Any]
CASES: tuple[tuple[str, str, Recipe], ...] = (
    ("accuracy", "logistic", lambda: LogisticRegression(max_iter=200)),
    ("f1_macro", "logistic", lambda: LogisticRegression(max_iter=200)),
    ("log_loss", "logistic", lambda: LogisticRegression(max_iter=200)),
    ("accuracy", "neighbours", lambda: KNeighborsClassifier(5)),
    ("f1_macro", "forest", lambda: RandomForestClassifier(20, random_state=0)),
    ("accuracy", "boosting", lambda: HistGradientBoostingClassifier(max_iter=20, min_samples_leaf=5, random_state=0)),
    ("mae", "ridge", lambda: Ridge(1.0)),
    ("rmse", "ridge", lambda: Ridge(1.0)),
)  # fmt: skip


def main() -> int:
    """Run the measurements; print a table, then the figures as JSON. Return 1 when an aim is missed."""
    small = arguments.read(__doc__).small
    warnings.filterwarnings("ignore")
    trials, unknown = (SMALL_TRIALS, FEW_UNKNOWN) if small else (TRIALS, UNKNOWN)
    cases = CASES[:1] if small else CASES
    found = [
        measured(
            metric, name, recipe, sizes, trials // SLOWER if name in SLOW and not small else trials, unknown
        )
        for metric, name, recipe in cases
        for sizes in (SIZES[:1] if small else SIZES)
    ]
    figures = summary(found)
    print(json.dumps(figures))
    least, most = min(LEAST, figures["covered_alone_least"]), max(MOST, figures["covered_alone_most"])
    return int(not small and (figures["covered_least"] < least or figures["covered_most"] > most))


@dataclass(frozen=True)
class Fitted:
    """Estimator in the place of an artifact's graph.

    Parameters
    ----------
    spec, estimator
        Spec of the model, and what was fitted.
    """

    spec: ModelSpec
    estimator: Any

    @property
    def classes(self) -> tuple[str, ...]:
        """Classes in the order of the probabilities."""
        return tuple(self.spec.classes)

    def scorer(self) -> Fitted:
        """Return what answers columns."""
        return self

    def columns(self, columns: dict[str, Array]) -> Scores:
        """Answer encoded columns."""
        given = frame(columns)
        if self.spec.kind == "regression":
            return Scores(np.asarray(self.estimator.predict(given), np.float64), None)
        return Scores(np.asarray(self.estimator.predict(given)), self.estimator.predict_proba(given))


@dataclass
class Case:
    """Figures of the trials of one case; arrays of the two ways are of held-out rows alone, and with others.

    Parameters
    ----------
    truths
        True differences, so that above 0 the candidate is better.
    alone, crossed
        Comparisons of both ways.
    tolerance
        Tolerance of the metric, in its units.
    shares
        CPU time of a cross-validation as a share of that of one fit.
    """

    truths: list[float] = field(default_factory=list)
    alone: list[Comparison] = field(default_factory=list)
    crossed: list[Comparison] = field(default_factory=list)
    tolerance: list[float] = field(default_factory=list)
    shares: list[float] = field(default_factory=list)

    def covered(self, comparisons: list[Comparison]) -> float:
        """Return the share of two-sided 95 % intervals that have the truth."""
        found = []
        for truth, one in zip(self.truths, comparisons, strict=True):
            wide = stats.t.ppf(0.975, one.rows - 1) * one.error
            found.append(abs(one.difference - truth) <= wide)
        return float(np.mean(found))

    def shown(self, comparisons: list[Comparison], verdict: str) -> Array:
        """Return which comparisons have a verdict."""
        return np.array(
            [one.verdict(at) == verdict for one, at in zip(comparisons, self.tolerance, strict=True)]
        )


def measured(  # noqa: PLR0917 - one case
    metric: str, name: str, recipe: Recipe, sizes: tuple[int, int], trials: int, unknown: int
) -> Case:
    """Measure and print one case."""
    errors = metric in {"mae", "rmse"}
    spec = ModelSpec(
        name="bench",
        title="Bench",
        columns=tuple(map(Number, FEATURES)),
        target=Number("y") if errors else Category("y", values=CLASSES),
        metric=Metric(metric, maximum=1e9) if errors or metric == "log_loss" else Metric(metric, minimum=0.0),
    )
    case = Case()
    for seed in range(trials):
        one_trial(spec, recipe, sizes, np.random.default_rng([seed, *sizes]), unknown, case)
    truths = np.array(case.truths)
    shares = " ".join(
        f"{way}: covers {case.covered(ones):6.1%}, better {case.shown(ones, 'better').mean():6.1%}, width {np.mean([one.high - one.low for one in ones]):7.4f};"
        for way, ones in (("held out", case.alone), ("with others", case.crossed))
    )
    print(
        f"{metric:9} {name:10} {sizes[0]:4} + {sizes[1]:4} rows, truly better {np.mean(truths > 0):6.1%} {shares}",
        flush=True,
    )
    return case


def one_trial(  # noqa: PLR0917 - one trial
    spec: ModelSpec,
    recipe: Recipe,
    sizes: tuple[int, int],
    generator: np.random.Generator,
    unknown: int,
    case: Case,
) -> None:
    """Compare both ways once, and add the figures to the case."""
    rows = drawn(spec, generator, sum(sizes))
    second = np.arange(sum(sizes)) >= sizes[0]
    held = generator.permutation(sum(sizes)) % HOLDOUT == 0
    train, holdout = rows.where(~held), rows.where(held)
    data = Dataset(
        train, holdout, "", 2, {}, train_unlearnt=second[~held], train_unit=np.flatnonzero(~held).astype(np.uint64)
    )  # fmt: skip
    began = time.process_time()
    candidate = fitted(spec, recipe, train)
    took = time.process_time() - began
    champion = fitted(spec, recipe, train.where(~second[~held]))
    mine, theirs = (
        Answers(holdout, one.columns(dict(holdout.columns)), one.classes) for one in (candidate, champion)
    )
    alone = tabular.compare(spec, mine, theirs)
    fits = SmallFits(spec, Code(lambda **_: recipe(), None), {}, data, 1e12)
    rival = Rival(measured={"version": 1, "metrics": {}}, answers=theirs, comparison=alone)
    began = time.process_time()
    with redirect_stdout(StringIO()):
        found = cross_validation.look(spec, fits, mine, rival, cast(Artifact, champion)).comparison
    shares = (time.process_time() - began) / max(took, 1e-6)
    others = drawn(spec, generator, unknown)
    first, other = (
        tabular.measured(
            spec, spec.metric.name, Answers(others, one.columns(dict(others.columns)), one.classes)
        )
        for one in (candidate, champion)
    )
    if alone is None or found is None or not found.crossed or first is None or other is None:
        return
    case.truths.append(first.value - other.value)
    case.alone.append(alone)
    case.crossed.append(found)
    case.tolerance.append(spec.metric.tolerated(abs(other.value)))
    case.shares.append(shares)


def fitted(spec: ModelSpec, recipe: Recipe, rows: Table) -> Fitted:
    """Return a model that learnt rows."""
    return Fitted(spec, recipe().fit(frame(rows.columns), rows.target))


def drawn(spec: ModelSpec, generator: np.random.Generator, rows: int) -> Table:
    """Draw rows: classes that overlap, or a noisy sum."""
    values = generator.normal(size=(rows, len(FEATURES)))
    if spec.kind == "regression":
        target = values @ np.array([2.0, 1.0, 0.5, 0.0, 0.0]) + generator.normal(size=rows)
    else:
        labels = np.arange(rows) % len(CLASSES)
        generator.shuffle(labels)
        for place in range(len(CLASSES)):
            values[labels == place, place] += 1.3
        target = np.array(CLASSES, dtype=object)[labels]
    columns = {name: values[:, at].astype(np.float32) for at, name in enumerate(FEATURES)}
    return replace(Table(columns, target))


def summary(cases: list[Case]) -> dict[str, float]:
    """Return the figures over all cases."""
    truths = np.concatenate([one.truths for one in cases])
    figures: dict[str, float] = {}
    for way, name in (("alone", "_alone"), ("crossed", "")):
        covered = [one.covered(getattr(one, way)) for one in cases]
        better, worse = (
            np.concatenate([one.shown(getattr(one, way), verdict) for one in cases])
            for verdict in ("better", "worse")
        )
        figures |= {
            f"covered{name}_least": round(min(covered), 4),
            f"covered{name}_most": round(max(covered), 4),
            f"seen_better{name}": round(float(better[truths > 0].mean()), 4) if (truths > 0).any() else 0.0,
            f"falsely_better{name}": round(float((better & (truths <= 0)).mean()), 4),
            f"falsely_worse{name}": round(float((worse & (truths >= 0)).mean()), 4),
        }
    widths = [
        np.mean([one.high - one.low for one in case.crossed])
        / np.mean([one.high - one.low for one in case.alone])
        for case in cases
    ]
    bias = [
        abs(np.mean([one.difference for one in case.crossed]) - np.mean(case.truths))
        / np.mean(case.tolerance)
        for case in cases
    ]
    return {
        **figures,
        "width": round(float(np.mean(widths)), 3),
        "bias": round(float(max(bias)), 3),
        "fits": round(float(np.median(np.concatenate([one.shares for one in cases]))), 1),
    }


if __name__ == "__main__":
    sys.exit(main())
