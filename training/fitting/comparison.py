"""Compare two models' answers to the same rows: difference in a metric, with a confidence interval.

Each metric is a smooth function of means over rows, so that its difference has an influence of every row (the
derivative with respect to that row's weight), and the variance of the difference is that of the influences
(Efron and Tibshirani, "An Introduction to the Bootstrap", 1993, chapter 21; for the area under the ROC curve
this is DeLong's variance, Biometrics 44, 1988). Student's t replaces the normal quantile. Rows on which only one model is right may be absent from a small set
although they exist, so the variance counts `UNSEEN` such rows in each direction that nobody saw, as Agresti and
Min (Biometrics 61, 2005) do for paired proportions. ``bench/decisions.py`` measures the coverage.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy import stats

from relearn.lifecycle.comparison import Comparison
from relearn.lifecycle.power import POWER, Power
from scoring.encode import Array

LEAST_PROBABILITY = float(np.finfo(np.float32).eps)
"""Least probability of a true class that a log loss counts: a served 0 would make it infinite."""
UNSEEN = 0.35
"""Rows in each direction, on which only one model is right, that the variance counts beside those seen."""


@dataclass(frozen=True, slots=True)
class Measured:
    """Metric of one model's answers.

    Parameters
    ----------
    value
        The metric, so that higher is better: errors are negated.
    influence
        Derivative of ``value`` with respect to the weight of each row, shape (rows,).
    weight
        Typical change of ``rows * value`` when the answer to a row turns from right to wrong, shape (rows,); None
        for metrics of errors, which no two models have in common.
    scale, scaled
        Part ``scale * scaled`` of the influence, where ``scale`` differs little between two models and moves with the
        rows; None where there is no such part. A comparison takes the mean of both scales.
    groups
        Number of the entity of each row, shape (rows,); None where rows are independent.
    """

    value: float
    influence: Array
    weight: Array | None = None
    scale: float = 0.0
    scaled: Array | None = None
    groups: Array | None = None

    @property
    def units(self) -> int:
        """Number of independent units: of entities, else of rows."""
        return len(self.influence) if self.groups is None else len(np.unique(self.groups))


def interval(mine: Measured, theirs: Measured, confidence: float, widened: Array | None = None) -> Comparison:
    """Return the difference of two models on the same rows, with its bounds.

    Parameters
    ----------
    mine, theirs
        Metrics of both on the same rows, in the same order; at least two rows, of at least two entities.
    confidence
        One-sided confidence of each bound, 0.5 to below 1.
    widened
        Factor by which the variance of each row counts, shape (rows,); None: 1 for all.
    """
    moved = mine.influence - theirs.influence
    if mine.scaled is not None and theirs.scaled is not None:
        moved = moved - (mine.scale - theirs.scale) / 2 * (mine.scaled + theirs.scaled)
    if widened is not None:
        moved = (moved - moved.mean()) * np.sqrt(widened)
    error = _error(moved, mine.weight, mine.groups)
    return _bounds(mine.value - theirs.value, error, confidence, mine.units, len(moved))


def planned(mine: Measured, confidence: float) -> Power:
    """Return the smallest difference that rows will show, where no second model answers them yet.

    The variance of a paired difference is ``2 * (1 - r)`` times that of one model's metric when both have the same
    variance and their influences a correlation of ``r`` (Connor, "Sample size for testing differences in proportions
    for the paired-sample design", Biometrics 43, 1987, for proportions). With ``r`` of one half it is the
    variance of the metric itself.

    Parameters
    ----------
    mine
        Metric of the model, on at least two rows.
    confidence
        One-sided confidence of a bound, 0.5 to below 1.
    """
    rows = len(mine.influence)
    error = _error(mine.influence, mine.weight, mine.groups)
    return Power.of(_bounds(0.0, error, confidence, mine.units, rows)).as_planned()


def _error(moved: Array, weight: Array | None, groups: Array | None) -> float:
    """Return the standard error of the mean of influences, with what nobody saw.

    Rows of an entity depend on each other, so that the variance is that of the sums over entities (Liang and Zeger,
    "Longitudinal data analysis using generalized linear models", Biometrika 73, 1986).
    """
    rows, moved = len(moved), moved - moved.mean()
    if groups is not None:
        moved = np.bincount(np.unique(groups, return_inverse=True)[1], moved)
    unseen = 0.0 if weight is None else 2 * UNSEEN * float(np.mean(weight**2))
    spread = float(np.sum(moved**2)) * len(moved) / (len(moved) - 1)
    return math.sqrt(spread + unseen) / rows


def between(one: Measured, other: Measured, confidence: float) -> Comparison:
    """Return the difference of one model's metric on two sets of different rows, with its bounds.

    Parameters
    ----------
    one, other
        Metric on the two sets, of at least two rows each.
    confidence
        One-sided confidence of each bound, 0.5 to below 1.
    """
    errors = [_error(part.influence, None, part.groups) for part in (one, other)]
    rows = min(len(one.influence), len(other.influence))
    return _bounds(
        one.value - other.value, math.hypot(*errors), confidence, min(one.units, other.units), rows
    )


def _bounds(difference: float, error: float, confidence: float, units: int, rows: int) -> Comparison:
    sure, power = (float(quantile) for quantile in stats.t.ppf([confidence, POWER], units - 1))
    return Comparison(
        difference=difference,
        low=difference - sure * error,
        high=difference + sure * error,
        error=error,
        smallest=(sure + power) * error,
        confidence=confidence,
        rows=rows,
    )


def of_labels(metric: str, truth: Array, given: Array, classes: int) -> Measured:
    """Return a metric of labels: accuracy, Matthews' correlation, or a mean of precision, recall or F1 over classes.

    A class that does not occur counts as 0 in a mean; only ``balanced_accuracy`` leaves it out.

    Parameters
    ----------
    metric
        One of `relearn.spec.policies.LABEL_METRICS`.
    truth, given
        Numbers of the true and the given classes, shape (rows,); a given one may be ``classes``, for an answer that is
        none of them.
    classes
        Number of classes.
    """
    rows, right = len(truth), (truth == given).astype(np.float64)
    if metric == "accuracy":
        return Measured(float(right.mean()), right - right.mean(), np.ones(rows))
    size = max(classes, int(given.max()) + 1)
    support = np.bincount(truth, minlength=size) / rows
    answered = np.bincount(given, minlength=size) / rows
    hits = np.bincount(truth, right, minlength=size) / rows
    if metric == "mcc":
        return _correlation(truth, given, support, answered)
    if metric in {"recall_macro", "balanced_accuracy"}:
        recall = _ratio(hits, support)
        counted = classes if metric == "recall_macro" else int((support > 0).sum())
        weights = 1 / (counted * support[truth])
        return Measured(float(recall.sum()) / counted, (right - recall[truth]) * weights, weights)
    if metric == "precision_macro":
        precision = _ratio(hits, answered)
        moved = (right - precision[given]) / (classes * answered[given])
        return Measured(float(precision.sum()) / classes, moved, _weights(support, truth, classes))
    f1 = _ratio(2 * hits, support + answered)
    weighted = metric == "f1_weighted"
    scale = _ratio(support if weighted else np.full(size, 1 / classes), support + answered)
    moved = 2 * scale[truth] * right - (scale * f1)[truth] - (scale * f1)[given]
    if weighted:
        value = float(f1 @ support)
        return Measured(value, moved + f1[truth] - value, np.ones(rows))
    return Measured(float(f1.sum()) / classes, moved, _weights(support, truth, classes))


def _correlation(truth: Array, given: Array, support: Array, answered: Array) -> Measured:
    """Return Matthews' correlation of truth and answers (Gorodkin, Computational Biology and Chemistry 28, 2004).

    It is 0, without an influence of any row, where all truths or all answers are one class.
    """
    spread_of_answers, spread_of_truth = 1 - float(answered @ answered), 1 - float(support @ support)
    scale = math.sqrt(max(spread_of_answers * spread_of_truth, 0.0))
    if scale < np.finfo(np.float64).eps:
        return Measured(0.0, np.zeros(len(truth)), np.ones(len(truth)))
    right, by_chance = (truth == given).astype(np.float64), float(answered @ support)
    share = float(right.mean())
    value = (share - by_chance) / scale
    moved = (right - share - support[given] - answered[truth] + 2 * by_chance) / scale
    moved += value * (answered[given] - float(answered @ answered)) / spread_of_answers
    moved += value * (support[truth] - float(support @ support)) / spread_of_truth
    others = len(support) - 1
    lost = (1 + (1 - support[truth]) / others - support[truth]) / scale
    lost -= value * ((1 - answered[truth]) / others - answered[truth]) / spread_of_answers
    return Measured(value, moved, np.abs(lost))


def of_losses(truth: Array, probabilities: Array) -> Measured:
    """Return the log loss negated: the mean logarithm of the true class's probability.

    Parameters
    ----------
    truth
        Numbers of the true classes, shape (rows,).
    probabilities
        Probability of each class, shape (rows, classes), finite; below `LEAST_PROBABILITY` it counts as that.
    """
    given = np.asarray(probabilities, np.float64)[np.arange(len(truth)), truth]
    logarithms = np.log(np.clip(given, LEAST_PROBABILITY, 1.0))
    return Measured(float(logarithms.mean()), logarithms - logarithms.mean())


def of_precisions(truth: Array, probabilities: Array, positives: Sequence[int]) -> Measured:
    """Return the average precision: the mean over some classes of each class against the rest.

    It is the mean, over the rows of a class, of the precision of all rows with at least the same probability.

    Parameters
    ----------
    truth
        Numbers of the true classes, shape (rows,); each of ``positives`` occurs, and is not alone.
    probabilities
        Probability of each class, shape (rows, classes), finite.
    positives
        Numbers of the averaged classes.
    """
    rows = len(truth)
    values, moved, weights = [], np.zeros(rows), np.zeros(rows)
    for number in positives:
        positive, scores = truth == number, probabilities[:, number]
        order = np.argsort(-scores, kind="stable")
        last = np.searchsorted(-scores[order], -scores, side="right")  # rows with at least the same score
        precise = np.concatenate([[0], np.cumsum(positive[order])])[last] / last
        value = float(precise[positive].mean())
        first = np.searchsorted(-scores[order], -scores, side="left")
        # A row changes the precision at every positive row with a score that is not higher.
        gain, loss = (
            np.concatenate([np.cumsum((each / last)[order][::-1])[::-1], [0.0]])[first]
            for each in (positive * 1.0, positive * precise)
        )
        scale = rows / int(positive.sum()) / len(positives)
        moved += (positive * (precise - value) + positive * gain - loss) * scale
        values.append(value)
        missed = 1 - precise[positive]
        typical = float(np.sum(missed**2)) / max(float(np.sum(missed)), float(np.finfo(np.float64).tiny))
        weights += (positive * typical * scale) ** 2
    return Measured(float(np.mean(values)), moved, np.sqrt(weights))


def of_probabilities(truth: Array, probabilities: Array) -> Measured:
    """Return the area under the ROC curve: the mean over classes of each class against the rest.

    Parameters
    ----------
    truth
        Numbers of the true classes, shape (rows,); each of at least two classes occurs.
    probabilities
        Probability of each class, shape (rows, classes), finite.
    """
    rows, classes = probabilities.shape
    moved, weights, areas = np.zeros(rows), np.zeros(rows), np.empty(classes)
    for number in range(classes):
        positive = truth == number
        placed = _placements(positive, probabilities[:, number])
        count = int(positive.sum())
        share = np.where(positive, count, rows - count) / rows
        areas[number] = placed[positive].mean()
        moved += (placed - areas[number]) / share / classes
        missed = 1 - placed
        typical = np.sum(missed**2 / share) / max(np.sum(missed / share), np.finfo(np.float64).tiny)
        weights += (typical / share / classes) ** 2 / classes
    return Measured(float(areas.mean()), moved, np.sqrt(weights))


def _placements(positive: Array, scores: Array) -> Array:
    """Return, for each row, the share of the other side's rows that it is ordered rightly against; a tie is half."""
    placed = np.empty(len(scores))
    ranks = stats.rankdata(scores)
    for side, among in ((positive, ranks), (~positive, len(scores) + 1 - ranks)):
        own = stats.rankdata(among[side])
        placed[side] = (among[side] - own) / (len(scores) - side.sum())
    return placed


def of_values(metric: str, truth: Array, given: Array) -> Measured:
    """Return a metric of numbers: ``r2``, or ``mae`` or ``rmse`` negated.

    Parameters
    ----------
    metric
        Name of the metric.
    truth, given
        True and given values, shape (rows,), float64.
    """
    errors = truth - given
    if metric == "mae":
        sizes = np.abs(errors)
        return Measured(-float(sizes.mean()), sizes.mean() - sizes)
    squares = errors**2
    mean = float(squares.mean())
    rows, root = len(truth), math.sqrt(mean)
    without = np.sqrt(np.maximum(rows * mean - squares, 0.0) / (rows - 1))  # rounding may go below 0
    moved = (rows - 1) * (without - without.mean())
    if metric == "rmse":
        return Measured(-root, moved)
    apart = (truth - truth.mean()) ** 2
    spread = float(apart.mean())
    scale = 2 * root / spread
    influence = scale * moved + mean / spread**2 * (apart - spread)
    return Measured(1 - mean / spread, influence, scale=scale, scaled=moved)


def of_entities(values: Array) -> Measured:
    """Return the mean of a metric over entities, e.g. the NDCG over visitors; ``values`` has shape (entities,).

    A list that turns from right to wrong loses any share of its value, all shares alike: a third of the square.
    """
    hit = values[values > 0]
    typical = math.sqrt(float(np.mean(hit**2)) / 3) if len(hit) else 1.0
    return Measured(float(values.mean()), values - values.mean(), np.full(len(values), typical))


def _ratio(share: Array, whole: Array) -> Array:
    return np.divide(share, whole, out=np.zeros(len(whole)), where=whole > 0)


def _weights(support: Array, truth: Array, classes: int) -> Array:
    return 1 / (classes * support[truth])
