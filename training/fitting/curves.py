"""Curves of a classification's probabilities: calibration, and precision against recall.

Of two classes the curves are those of the last one. Of more classes the calibration is that of the most probable class
(Guo et al., "On Calibration of Modern Neural Networks", ICML 2017), and each class has its precision and recall against the rest.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from sklearn import metrics

from relearn.spec.model import ModelSpec
from scoring.encode import Array
from training.fitting.evaluate import positives
from training.fitting.flips import FEWEST
from training.fitting.tasks import Answers

BINS = 10
"""Bins of equal width that probabilities are counted in."""
POINTS = 100
"""Most points of a curve."""


def calibration(spec: ModelSpec, answers: Answers) -> dict[str, Any] | None:
    """Return how often a class is true where it has a probability.

    Parameters
    ----------
    spec
        Spec of the model.
    answers
        Answers of the model.

    Returns
    -------
    dict or None
        ``of``, the class (None: the most probable one), ``expected_error``, the mean over rows of the distance between
        mean probability and share of its bin, ``rows``, and ``bins`` with ``low``, ``high``, ``rows``, ``mean`` (probability)
        and ``share`` (of rows of the class); bins of fewer than `FEWEST` rows are left out. None for another kind, and where
        a probability is not finite.
    """
    probabilities = answers.scores.probabilities
    if spec.kind != "classification" or probabilities is None or not np.isfinite(probabilities).all():
        return None
    truth, label = answers.evaluation_set.target, None
    if len(positives(spec)) == 1:
        (label,) = positives(spec)
        given, right = probabilities[:, answers.classes.index(label)].astype(np.float64), truth == label
    else:
        given = probabilities.max(axis=1).astype(np.float64)
        right = truth == np.asarray(answers.classes, object)[probabilities.argmax(axis=1)]
    places = np.clip((given * BINS).astype(int), 0, BINS - 1)
    rows = np.bincount(places, minlength=BINS)
    mean, share = (np.bincount(places, each, BINS) / np.maximum(rows, 1) for each in (given, right))
    bins = [
        {
            "low": place / BINS,
            "high": (place + 1) / BINS,
            "rows": int(rows[place]),
            "mean": float(mean[place]),
            "share": float(share[place]),
        }
        for place in range(BINS)
        if rows[place] >= FEWEST
    ]
    error = float(np.sum(rows * np.abs(mean - share)) / len(truth))
    return {"of": label, "expected_error": error, "rows": len(truth), "bins": bins}


def precision_recall(spec: ModelSpec, answers: Answers) -> list[dict[str, Any]]:
    """Return precision against recall of each class that has a curve.

    Parameters
    ----------
    spec
        Spec of the model.
    answers
        Answers of the model.

    Returns
    -------
    list of dict
        ``label``, ``recall`` and ``precision``, lists of at most `POINTS` values by rising recall, and ``served``: recall
        and precision of the labels that are answered (precision None: the label is never answered). A class that is absent or the only one has no curve; the list is
        empty for another kind, and where a probability is not finite.
    """
    probabilities = answers.scores.probabilities
    if spec.kind != "classification" or probabilities is None or not np.isfinite(probabilities).all():
        return []
    found = []
    for label in positives(spec):
        positive = np.asarray(answers.evaluation_set.target == label)
        if positive.any() and not positive.all():
            scores = probabilities[:, answers.classes.index(label)]
            found.append(
                {"label": label, **_curve(positive, scores), "served": _served(positive, answers, label)}
            )
    return found


def _curve(positive: Array, scores: Array) -> dict[str, list[float]]:
    precision, recall, _ = metrics.precision_recall_curve(positive, scores)
    precision, recall = precision[:-1][::-1], recall[:-1][::-1]  # the last point is no threshold's
    chosen = np.unique(np.linspace(0, len(recall) - 1, min(len(recall), POINTS)).astype(int))
    return {"recall": recall[chosen].tolist(), "precision": precision[chosen].tolist()}


def _served(positive: Array, answers: Answers, label: str) -> dict[str, float | None]:
    answered = np.asarray(answers.scores.predictions == label)
    hits = int((answered & positive).sum())
    return {
        "recall": hits / int(positive.sum()),
        "precision": hits / int(answered.sum()) if answered.any() else None,
    }
