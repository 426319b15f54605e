"""Does the graph recommend what the library itself would? If not, it is never served.

Lists are compared place by place: the scores must be within 1e-5 of the largest, and so must the score that the
factors give of each item that the graph names. Where both name different items at a place, these tie within that
tolerance, and either is right: such rows are counted, not refused.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from threadpoolctl import threadpool_limits

from relearn.errors import ArtifactError
from training.agreement import TOLERANCE, Agreement
from training.encode import Array
from training.ranking.fit import factors_of
from training.ranking.interactions import Interactions, numbers_of
from training.ranking.ways import SMALLEST_NORM
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


@dataclass(frozen=True, slots=True)
class Pair:
    """A model of the library, and the graph that was drawn of it.

    Parameters
    ----------
    estimator
        The fitted model of `implicit`.
    scorer
        The graph, loaded.
    known
        What it was fitted on.
    visitor, similar_to
        What the graph calls its inputs; None: it takes no item.
    k
        How many items a row gets.
    """

    estimator: Any
    scorer: Scorer
    known: Interactions
    visitor: str
    similar_to: str | None
    k: int

    def ask(self, *, visitors: Array | None = None, items: Array | None = None) -> _Lists:
        """Let the graph answer for visitors or items, by name."""
        given = visitors if visitors is not None else items
        assert given is not None  # noqa: S101 - one of the two is given
        nothing = np.full(len(given), "", dtype=object)
        columns = {self.visitor: nothing if visitors is None else visitors}
        if self.similar_to is not None:
            columns[self.similar_to] = nothing if items is None else items
        answered = self.scorer.columns(columns)
        assert answered.scores is not None  # noqa: S101 - a recommender has them
        places = numbers_of(answered.predictions.ravel(), self.known.items)
        return _Lists(places.reshape(answered.predictions.shape), answered.scores)

    def recommend(self, visitors: Array) -> _Lists:
        """Let the library answer for visitors, by number."""
        with threadpool_limits(1, "blas"):
            return _known(*self.estimator.recommend(visitors, self.known.matrix[visitors], N=self.k))

    def similar(self, items: Array) -> _Lists:
        """Let the library answer for items, by number."""
        with threadpool_limits(1, "blas"):
            return _without_itself(items, _known(*self.estimator.similar_items(items, N=self.k + 1)))


def check(pair: Pair, visitors: Array) -> Agreement:
    """Compare the answers of both.

    Parameters
    ----------
    pair
        Both.
    visitors
        Names of visitors to recommend to; strangers are passed over.

    Raises
    ------
    ArtifactError
        They disagree; the message says on how many rows and by how much.
    """
    found = numbers_of(np.unique(np.asarray(visitors, dtype=object)), pair.known.visitors)
    rows, wrong, ties, worst, allowed = 0, 0, 0, 0.0, 0.0
    for ours, theirs, of_ours in _answers(pair, _thin(found[found >= 0])):
        largest = float(np.abs(theirs.scores[np.isfinite(theirs.scores)]).max(initial=0)) or 1.0
        differences = _differences(ours, theirs, of_ours)
        bad = ~(differences <= TOLERANCE * largest)  # NaN is bad
        other = (ours.items != theirs.items).any(axis=1)
        rows, wrong, ties = rows + len(bad), wrong + int(bad.sum()), ties + int((other & ~bad).sum())
        worst, allowed = max(worst, float(differences.max(initial=0))), max(allowed, TOLERANCE * largest)
    if wrong:
        raise ArtifactError(
            f"the ONNX model disagrees with the library on {wrong} of {rows} rows (largest difference {worst:.3g}; "
            f"allowed: {allowed:.3g}, the same items); it is not served"
        )
    return Agreement(rows, 0, True, ties, worst, allowed)


def _answers(pair: Pair, visitors: Array) -> Iterator[tuple[_Lists, _Lists, Array]]:
    """Give what the graph says, what the library says, and how the factors score what the graph says."""
    factors = factors_of(pair.estimator)
    for some in _batches(visitors):
        ours = pair.ask(visitors=pair.known.visitors[some])
        yield ours, pair.recommend(some), _scores_of(factors.visitors[some], factors.items, ours)
    if pair.similar_to is None:
        return
    unit = factors.items / np.maximum(np.linalg.norm(factors.items, axis=1), SMALLEST_NORM)[:, None]
    for some in _batches(_thin(np.arange(len(pair.known.items)))):
        ours = pair.ask(items=pair.known.items[some])
        yield ours, pair.similar(some), _scores_of(unit[some], unit, ours)


def _known(items: Array, scores: Array) -> _Lists:
    there = scores > _NO_SCORE
    return _Lists(np.where(there, items, NOBODY), np.where(there, scores, -np.inf))


def _without_itself(items: Array, lists: _Lists) -> _Lists:
    """Leave an item out of its own list; the last one, where ties have pushed it out already."""
    others = lists.items != items[:, None]
    others[others.all(axis=1), -1] = False
    shape = (len(items), lists.items.shape[1] - 1)
    return _Lists(lists.items[others].reshape(shape), lists.scores[others].reshape(shape))


def _scores_of(queries: Array, items: Array, lists: _Lists) -> Array:
    scores = np.einsum("rf,rkf->rk", queries, items[lists.items], dtype=np.float64)
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
    return np.asarray(numbers[np.linspace(0, len(numbers) - 1, LIMIT).astype(int)])


def _batches(numbers: Array) -> Iterator[Array]:
    for start in range(0, len(numbers), BATCH):
        yield numbers[start : start + BATCH]
