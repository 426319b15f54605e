"""Choose the threshold of a classification with two classes, by probabilities of fits that have not learnt the row.

The recipe is fitted in folds of the training side alone, so no row that examines a model has a say. Where the spec names an
entity, all rows of one are in the same fold: a fit that knows the entity is surer of its rows than a model is of those that come. Of many
rows a sample is divided, so that all these fits together learn from about a quarter of the rows.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from relearn.spec.model import ModelSpec
from scoring.encode import Array
from scoring.scorer import ServedThreshold
from training.data.dataset import Table
from training.fitting.tasks import Answers

FOLDS = 5
SMALLEST_SAMPLE = 10_000
"""Rows that are all divided into folds, in rows; of more a sample is."""
SHARE = 16
"""The sample is one training row in so many, where that is more."""
EVEN = 0.5
"""Threshold where none can be chosen: that of the more probable class."""
Fit = Callable[[Table, Table], Answers | None]
"""Fits the recipe on the first rows, and answers the second with probabilities; None where it cannot be fitted."""


def choose(spec: ModelSpec, train: Table, fit: Fit) -> ServedThreshold | None:
    """Choose the threshold that a spec asks for; None where it asks for none.

    Parameters
    ----------
    spec
        Spec of the model.
    train
        Rows to train on.
    fit
        Fits the recipe.
    """
    if spec.threshold is None:
        return None
    other, label = spec.classes
    order = np.random.default_rng(0).permutation(len(train))
    sample = order[: max(SMALLEST_SAMPLE, len(train) // SHARE)]
    folds = _folds(train, sample)
    chances, truths = [], []
    for fold in range(FOLDS):
        asked = folds == fold
        if not asked.any() or asked.all():
            continue
        found = fit(train.where(sample[~asked]), train.where(sample[asked]))
        if found is not None and found.scores.probabilities is not None:
            chances.append(found.scores.probabilities[:, found.classes.index(label)])
            truths.append(found.evaluation_set.target == label)
    if not chances:
        return ServedThreshold(label, other, EVEN)
    given = np.concatenate(chances).astype(np.float32)  # as it is served
    return ServedThreshold(label, other, best(spec.threshold.metric, np.concatenate(truths), given))


def _folds(train: Table, sample: Array) -> Array:
    """Return the fold of each row of a sample, given by indices in random order: 0 to `FOLDS` - 1, one for all rows of an entity."""
    if train.entity is None:
        return np.arange(len(sample)) % FOLDS
    _, first, place = np.unique(train.entity[sample], return_index=True, return_inverse=True)
    return np.argsort(np.argsort(first))[place] % FOLDS  # the entities in the order of the sample


def best(metric: str, positive: Array, chances: Array) -> float:
    """Return the threshold with the greatest value of a metric, of equal ones the nearest to `EVEN`.

    Parameters
    ----------
    metric
        One of `relearn.spec.policies.LABEL_METRICS`.
    positive
        Whether each row is of the class, shape (rows,).
    chances
        Probability of the class, float32, shape (rows,).

    Returns
    -------
    float
        A float32 in the middle between two probabilities that occur, so that rows of both sides exist; `EVEN` where all
        are equal or not finite.
    """
    if not np.isfinite(chances).all():
        return EVEN
    values, place = np.unique(chances, return_inverse=True)
    if len(values) == 1:
        return EVEN
    middles = ((values[:-1].astype(np.float64) + values[1:]) / 2).astype(np.float32)
    cuts = np.where(middles > values[:-1], middles, values[1:]).astype(np.float64)
    of_class, of_other = (np.bincount(place, each, len(values)) for each in (positive, ~positive))
    hits, false = (np.cumsum(each[::-1])[::-1][1:] for each in (of_class, of_other))
    found = _value(metric, hits, false, float(of_class.sum()), float(of_other.sum()))
    top = np.flatnonzero(found >= found.max() - np.finfo(np.float32).eps)
    return float(cuts[top[np.argmin(np.abs(cuts[top] - EVEN))]])


def _value(metric: str, hits: Array, false: Array, positives: float, negatives: float) -> Array:
    """Return a metric by the numbers of rows above each cut that are of the class, and that are not."""
    missed, right = positives - hits, negatives - false
    rows = positives + negatives
    recalls = [_ratio(hits, positives), _ratio(right, negatives)]
    precisions = [_ratio(hits, hits + false), _ratio(right, right + missed)]
    f1 = [_ratio(2 * hits, 2 * hits + false + missed), _ratio(2 * right, 2 * right + false + missed)]
    if metric == "accuracy":
        return (hits + right) / rows
    if metric == "mcc":
        scale = (hits + false) * (hits + missed) * (right + false) * (right + missed)
        return _ratio(hits * right - false * missed, np.sqrt(scale))
    if metric == "f1_weighted":
        return (positives * f1[0] + negatives * f1[1]) / rows
    by_class = {"precision_macro": precisions, "f1_macro": f1}.get(metric, recalls)
    return (by_class[0] + by_class[1]) / 2


def _ratio(part: Array, whole: Array | float) -> Array:
    wholes = np.broadcast_to(np.asarray(whole, np.float64), part.shape)
    return np.divide(part, wholes, out=np.zeros(part.shape), where=wholes > 0)
