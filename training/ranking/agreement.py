"""Does the graph recommend what the library itself would? If not, it is never served.

Lists are compared place by place: the scores must be within 1e-5 of the largest, and so must the score that the
factors give of each item that the graph names. Where both name different items at a place, these tie within that
tolerance, and either is right: such rows are counted, not refused.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from threadpoolctl import threadpool_limits

from relearn.errors import ArtifactError
from training.agreement import TOLERANCE, Agreement
from training.encode import Array
from training.ranking.fit import Factors, factors_of
from training.ranking.interactions import Interactions, numbers_of
from training.scorer import Scorer

LIMIT = 5_000  # visitors, and items, compared at most
BATCH = 500  # of them at once: the library's scores are rows by items
NOBODY = -1
_NO_SCORE = -1e38  # the library scores what it has put aside with the smallest float32


@dataclass(frozen=True, slots=True)
class _Lists:
    """Answers to the same question: item numbers and scores, shape (rows, k); `NOBODY` and -inf where fewer."""

    items: Array
    scores: Array


def check(
    estimator: Any,
    scorer: Scorer,
    known: Interactions,
    visitors: Array,
    *,
    inputs: tuple[str, str | None],
    k: int,
) -> Agreement:
    """Compare the answers of both.

    Parameters
    ----------
    estimator
        The fitted model of `implicit`.
    scorer
        The exported graph, loaded.
    known
        What it was fitted on.
    visitors
        Names of visitors to recommend to; strangers are passed over.
    inputs
        What the graph calls a visitor and an item to compare with; None: it has no such input.
    k
        How many items a row gets.

    Raises
    ------
    ArtifactError
        They disagree; the message says on how many rows and by how much.
    """
    found = numbers_of(np.unique(np.asarray(visitors, dtype=object)), known.visitors)
    chosen = _thin(found[found >= 0])
    worst, largest, wrong, ties = 0.0, 0.0, 0, 0
    rows = 0
    for ours, theirs, of_ours in _pairs(estimator, scorer, known, chosen, inputs, k):
        tolerance = TOLERANCE * (float(np.abs(theirs.scores[np.isfinite(theirs.scores)]).max(initial=0)) or 1)
        differences = _differences(ours, theirs, of_ours)
        other = (ours.items != theirs.items).any(axis=1)
        bad = ~(differences <= tolerance)
        rows, wrong = rows + len(differences), wrong + int(bad.sum())
        ties += int((other & ~bad).sum())
        worst, largest = max(worst, float(differences.max(initial=0))), max(largest, tolerance)
    if wrong:
        raise ArtifactError(
            f"the ONNX model disagrees with the library on {wrong} of {rows} rows (largest difference {worst:.3g}; "
            f"allowed: {largest:.3g}, the same items); it is not served"
        )
    return Agreement(rows, 0, True, ties, worst, largest)


def _pairs(
    estimator: Any,
    scorer: Scorer,
    known: Interactions,
    visitors: Array,
    inputs: tuple[str, str | None],
    k: int,
) -> Iterator[tuple[_Lists, _Lists, Array]]:
    """Give what the graph says, what the library says, and how the factors score what the graph says."""
    by, factors = inputs, factors_of(estimator)
    unit = factors.items / np.maximum(np.linalg.norm(factors.items, axis=1), 1e-10)[:, None]
    for some in _batches(visitors):
        with threadpool_limits(1, "blas"):
            items, scores = estimator.recommend(some, known.matrix[some], N=k, filter_already_liked_items=True)
        ours = _asked(scorer, known, by, known.visitors[some], None)
        yield ours, _known(items, scores), _scores_of(Factors(factors.visitors[some], factors.items), ours)
    for some in _batches(_thin(np.arange(len(known.items)))) if by[1] else ():
        with threadpool_limits(1, "blas"):
            items, scores = estimator.similar_items(some, N=k + 1)
        ours = _asked(scorer, known, by, None, known.items[some])
        theirs = _without_itself(some, _known(items, scores))
        yield ours, theirs, _scores_of(Factors(unit[some], unit), ours)


def _asked(
    scorer: Scorer,
    known: Interactions,
    inputs: tuple[str, str | None],
    visitors: Array | None,
    items: Array | None,
) -> _Lists:
    given = visitors if visitors is not None else items
    assert given is not None  # noqa: S101 - one of the two is given
    nothing = np.full(len(given), "", dtype=object)
    columns: Mapping[str, Array] = {
        inputs[0]: nothing if visitors is None else visitors,
        **({inputs[1]: nothing if items is None else items} if inputs[1] else {}),
    }
    answered = scorer.columns(columns)
    assert answered.scores is not None  # noqa: S101 - a recommender has them
    places = numbers_of(answered.predictions.ravel(), known.items).reshape(answered.predictions.shape)
    return _Lists(places, answered.scores)


def _known(items: Array, scores: Array) -> _Lists:
    there = scores > _NO_SCORE
    return _Lists(np.where(there, items, NOBODY), np.where(there, scores, -np.inf))


def _without_itself(items: Array, lists: _Lists) -> _Lists:
    """Leave an item out of its own list; the last one, where ties have pushed it out already."""
    others = lists.items != items[:, None]
    others[others.all(axis=1), -1] = False
    shape = (len(items), lists.items.shape[1] - 1)
    return _Lists(lists.items[others].reshape(shape), lists.scores[others].reshape(shape))


def _scores_of(factors: Factors, lists: _Lists) -> Array:
    scores = np.einsum("rf,rkf->rk", factors.visitors, factors.items[lists.items], dtype=np.float64)
    return np.where(lists.items == NOBODY, -np.inf, scores)


def _differences(ours: _Lists, theirs: _Lists, of_ours: Array) -> Array:
    """Give the largest difference of each row; infinite where one of them has an item and the other none."""
    with np.errstate(invalid="ignore"):
        both = np.stack([ours.scores - theirs.scores, ours.scores - of_ours])
    nothing = np.stack([np.isneginf(other) & np.isneginf(ours.scores) for other in (theirs.scores, of_ours)])
    return np.asarray(np.where(nothing, 0.0, np.abs(both)).max(axis=(0, 2)))


def _thin(numbers: Array) -> Array:
    if len(numbers) <= LIMIT:
        return numbers
    return numbers[np.linspace(0, len(numbers) - 1, LIMIT).astype(int)]


def _batches(numbers: Array) -> Iterator[Array]:
    for start in range(0, len(numbers), BATCH):
        yield numbers[start : start + BATCH]
