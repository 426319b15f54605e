"""Compute the metrics of a model's answers, with pure functions on arrays."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from sklearn import metrics

from relearn.spec.model import Metric, ModelSpec
from scoring.encode import Array
from scoring.scorer import Scorer, Scores
from training.data.dataset import Table
from training.fitting.comparison import LEAST_PROBABILITY

IMPORTANCE_REPEATS = 5
"""Shuffles of each column."""
IMPORTANCE_ROWS = 5_000  # most rows used; more would not make the figures clearer


def evaluate(spec: ModelSpec, truth: Array, scores: Scores, classes: Sequence[str]) -> dict[str, Any]:
    """Compute the metrics of answers.

    Parameters
    ----------
    spec
        Spec of the model: its kind, and the order in which classes are reported.
    truth
        True labels or float64 values, shape (rows,).
    scores
        Answers to the same rows.
    classes
        Classes in the order of the probabilities' columns.

    Returns
    -------
    dict
        ``metrics``; for a classification also ``per_class`` and ``confusion`` (one row per true class, one
        column per answer). Undefined metrics are left out.
    """
    if scores.probabilities is None:
        return {"metrics": _regression(truth, scores.predictions)}
    labels = list(spec.classes)
    precision, recall, f1, support = metrics.precision_recall_fscore_support(
        truth, scores.predictions, labels=labels, zero_division=0.0
    )
    matrix = metrics.confusion_matrix(truth, scores.predictions, labels=labels)
    figures = {
        "accuracy": float(np.mean(truth == scores.predictions)),
        "balanced_accuracy": float(recall[support > 0].mean()),
        "precision_macro": float(precision.mean()),
        "recall_macro": float(recall.mean()),
        "f1_macro": float(f1.mean()),
        "f1_weighted": float(np.average(f1, weights=support)),
        "mcc": correlation(truth, scores.predictions),
        "roc_auc": roc_auc(truth, scores.probabilities, classes),
        "average_precision": average_precision(
            truth, scores.probabilities, [(classes.index(label), label) for label in positives(spec)]
        ),
        "log_loss": log_loss(truth, scores.probabilities, classes),
    }
    columns = zip(labels, precision, recall, f1, support, strict=True)
    return {
        "metrics": {name: value for name, value in figures.items() if value is not None},
        "per_class": {
            label: {"precision": float(p), "recall": float(r), "f1": float(f), "support": int(s)}
            for label, p, r, f, s in columns
        },
        "confusion": {"labels": labels, "matrix": matrix.tolist()},
    }


def positives(spec: ModelSpec) -> tuple[str, ...]:
    """Return the classes that an average precision is the mean of: of two the last one, else all."""
    return spec.classes[-1:] if len(spec.classes) == 2 else spec.classes  # noqa: PLR2004


def correlation(truth: Array, given: Array) -> float | None:
    """Return Matthews' correlation of true and given labels; None where only one class is true."""
    return None if len(set(truth)) == 1 else float(metrics.matthews_corrcoef(truth, given))


def log_loss(truth: Array, probabilities: Array, classes: Sequence[str]) -> float | None:
    """Return the mean negative logarithm of the true class's probability; None where one is not finite."""
    if not np.isfinite(probabilities).all():
        return None
    at = {label: index for index, label in enumerate(classes)}
    given = probabilities[np.arange(len(truth)), [at[label] for label in truth]]
    return float(-np.log(np.clip(given.astype(np.float64), LEAST_PROBABILITY, 1.0)).mean())


def average_precision(
    truth: Array, probabilities: Array, positives: Sequence[tuple[int, str]]
) -> float | None:
    """Return the average precision: the mean over some classes of each class against the rest.

    Parameters
    ----------
    truth
        True labels, shape (rows,).
    probabilities
        Probability of each class, shape (rows, classes).
    positives
        Column and label of each averaged class.

    Returns
    -------
    float or None
        None where one of the classes is absent or the only one, or a probability is not finite.
    """
    values = []
    for index, label in positives:
        positive = truth == label
        if positive.all() or not positive.any() or not np.isfinite(probabilities[:, index]).all():
            return None
        values.append(float(metrics.average_precision_score(positive, probabilities[:, index])))
    return float(np.mean(values))


def roc_auc(truth: Array, probabilities: Array, classes: Sequence[str]) -> float | None:
    """Return the area under the ROC curve: the mean over classes of each class against the rest.

    For two classes that is the ordinary area. None where it is undefined: a class is absent or the only one,
    or a probability is not finite.
    """
    areas = []
    for index, label in enumerate(classes):
        positive = truth == label
        if positive.all() or not positive.any() or not np.isfinite(probabilities[:, index]).all():
            return None
        areas.append(float(metrics.roc_auc_score(positive, probabilities[:, index])))
    return float(np.mean(areas))


def importance(good: Callable[[Table, Scores], float], scorer: Scorer, table: Table) -> dict[str, float]:
    """Return the permutation importance by column: how much a metric worsens when the column is shuffled.

    Mean of `IMPORTANCE_REPEATS` shuffles on at most `IMPORTANCE_ROWS` rows (Breiman, "Random Forests", 2001,
    section 10). Above 0, the model uses the column.

    Parameters
    ----------
    good
        Returns the metric of answers to rows, so that higher is better; NaN where it is undefined.
    scorer
        The model.
    table
        Rows that it answers.
    """
    generator = np.random.default_rng(0)
    rows = table
    if len(rows) > IMPORTANCE_ROWS:
        rows = rows.where(generator.choice(len(rows), IMPORTANCE_ROWS, replace=False))
    base = good(rows, scorer.columns(rows.columns))
    worse = {}
    for name, values in rows.columns.items():
        drops = []
        for _ in range(IMPORTANCE_REPEATS):
            shuffled = {**rows.columns, name: generator.permutation(values)}
            drops.append(base - good(rows, scorer.columns(shuffled)))
        worse[name] = float(np.mean(drops))
    return {name: value for name, value in worse.items() if math.isfinite(value)}


def signed(metric: Metric, value: float) -> float:
    """Return the value so that greater is better: negated for a metric where lower is better."""
    return -value if metric.lower_is_better else value


def _regression(truth: Array, given: Array) -> dict[str, float]:
    errors = truth - given.astype(np.float64)
    spread = float(np.sum((truth - truth.mean()) ** 2))
    figures = {
        "mae": float(np.mean(np.abs(errors))),
        "rmse": float(np.sqrt(np.mean(errors**2))),
        "r2": 1.0 - float(np.sum(errors**2)) / spread if spread else math.nan,
    }
    return {name: value for name, value in figures.items() if math.isfinite(value)}
