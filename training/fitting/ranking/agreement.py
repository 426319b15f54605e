"""Check that the ONNX graph recommends what the library itself would; a graph that does not is never served.

Lists are compared place by place. Two scores must be within 1e-5 of the standard deviation of all items'
scores, or within the float32 rounding error of such sums where that is larger. This holds for the library's
score at the place, and for the score that the factors give to the item that the graph names. Where both name
different items, these are therefore tied, and either is right: such rows are counted, not refused.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from threadpoolctl import threadpool_limits

from relearn.errors import ArtifactError
from scoring.encode import Array
from scoring.scorer import Scorer, Scores
from training.fitting import coverage
from training.fitting.agreement import TOLERANCE, Agreement
from training.fitting.ranking.fit import factors_of
from training.fitting.ranking.interactions import Interactions, numbers_of
from training.fitting.ranking.ways import SMALLEST_NORM

LIMIT = 5_000  # most visitors, and most items, compared
BATCH = 500  # visitors or items at a time: the library's scores are rows by items
NOBODY = -1
"""Item number at a place without an item."""
_ROUNDING = float(np.finfo(np.float32).eps) / 2
_NO_SCORE = -1e38  # the library gives excluded items the smallest float32


@dataclass(frozen=True, slots=True)
class _Lists:
    """Ranked lists: item numbers and scores, shape (rows, k); `NOBODY` and -inf at places without an item."""

    items: Array
    scores: Array


@dataclass(frozen=True, slots=True)
class Pair:
    """Factorisation of the library, and the ONNX graph built from it.

    Parameters
    ----------
    estimator
        Fitted model of `implicit`.
    scorer
        Loaded graph.
    known
        Interactions that the model was fitted on.
    visitor, similar_to
        Names of the graph's inputs; ``similar_to`` is None for a graph that takes no item.
    k
        Number of items in a list.
    """

    estimator: Any
    scorer: Scorer
    known: Interactions
    visitor: str
    similar_to: str | None
    k: int

    def ask(self, *, visitors: Array | None = None, items: Array | None = None) -> _Lists:
        """Return the graph's lists for visitors or for items, given by name."""
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

    def answer(self, rows: Sequence[tuple[str, str]]) -> Scores:
        """Return the graph's answers to pairs of a visitor and an item, by name; the empty string for none."""
        columns = {self.visitor: np.array([visitor for visitor, _ in rows], dtype=object)}
        if self.similar_to is not None:
            columns[self.similar_to] = np.array([item for _, item in rows], dtype=object)
        return self.scorer.columns(columns)

    def recommend(self, visitors: Array) -> _Lists:
        """Return the library's lists for visitors, given by number."""
        with threadpool_limits(1, "blas"):
            return _known(*self.estimator.recommend(visitors, self.known.matrix[visitors], N=self.k))

    def similar(self, items: Array) -> _Lists:
        """Return the library's lists of similar items, for items given by number."""
        with threadpool_limits(1, "blas"):
            return _without_itself(items, _known(*self.estimator.similar_items(items, N=self.k + 1)))


def check(pair: Pair, visitors: Array) -> Agreement:
    """Compare the lists of graph and library.

    Parameters
    ----------
    pair
        Factorisation and graph.
    visitors
        Names of visitors to recommend to; unknown ones are skipped.

    Raises
    ------
    ArtifactError
        The lists differ; the message has the number of rows and the largest difference.
    """
    found = numbers_of(np.unique(np.asarray(visitors, dtype=object)), pair.known.visitors)
    rows, wrong, ties, worst, allowed = 0, 0, 0, 0.0, 0.0
    for ours, theirs, of_ours, limit in _answers(pair, _thin(found[found >= 0])):
        differences = _differences(ours, theirs, of_ours)
        bad = ~(differences <= limit)  # NaN counts as bad
        other = (ours.items != theirs.items).any(axis=1)
        rows, wrong, ties = rows + len(bad), wrong + int(bad.sum()), ties + int((other & ~bad).sum())
        worst, allowed = max(worst, float(differences.max(initial=0))), max(allowed, limit)
    if wrong:
        raise ArtifactError(
            f"the ONNX model disagrees with the library on {wrong} of {rows} rows (largest difference {worst:.3g}; "
            f"allowed: {allowed:.3g}, the same items); it is not served"
        )
    return Agreement(rows, 0, True, ties, worst, allowed)


def cover(pair: Pair, longest: int) -> int:
    """Check the graph's answers to every kind of request that the spec allows; return their number.

    Parameters
    ----------
    pair
        Factorisation and graph.
    longest
        Length of the longest name that a request may have, in characters.

    Raises
    ------
    ArtifactError
        An answer has another basis than `training.fitting.ranking.graph` defines, or differs from the answer
        to the request without its other names.
    """
    nobody = {"no": "", "an unknown": coverage.STRANGER[:longest], "a long unknown": "\u3042" * longest}
    known = [str(pair.known.visitors[0]), str(pair.known.items[0])]
    visitors = {"a known": known[0], **nobody}
    items = {"a known": known[1], **nobody} if pair.similar_to is not None else {"no": ""}
    asked = list(itertools.product(visitors, items))
    together = pair.answer([(visitors[whose], items[which]) for whose, which in asked])
    for at, (whose, which) in enumerate(asked):
        visitor, item = visitors[whose], items[which]
        basis = "similar" if item == known[1] else "history" if visitor == known[0] else "popularity"
        alone = pair.answer([(visitor if basis == "history" else "", item if basis == "similar" else "")])
        parts: list[Any] = [None if one is None else one[at : at + 1] for one in together]
        mine = Scores(*parts)
        assert mine.basis is not None  # noqa: S101 - a recommender has it
        assert alone.scores is not None  # noqa: S101 - likewise
        if mine.basis[0] != basis or not _are_same(mine, alone):
            raise ArtifactError(
                f"the ONNX model does not answer a request with {whose} {pair.visitor} and {which} {pair.similar_to} "
                f"by {basis}, as it would alone; it is not served"
            )
    best = pair.known.by_popularity()[: pair.k]
    if list(pair.answer([("", "")]).predictions[0]) != list(pair.known.items[best]):
        raise ArtifactError("the ONNX model does not answer nobody with what is popular; it is not served")
    return len(asked)


def _are_same(mine: Scores, alone: Scores) -> bool:
    assert mine.scores is not None  # noqa: S101 - a recommender has them
    assert alone.scores is not None  # noqa: S101 - likewise
    close = np.isclose(mine.scores, alone.scores, rtol=TOLERANCE, atol=TOLERANCE)
    return bool(close.all() and not np.isnan(mine.scores).any())


def _answers(pair: Pair, visitors: Array) -> Iterator[tuple[_Lists, _Lists, Array, float]]:
    """Yield the graph's lists, the library's, the factors' scores of the graph's, and the allowed difference."""
    factors = factors_of(pair.estimator)
    for some in _batches(visitors):
        ours = pair.ask(visitors=pair.known.visitors[some])
        queries = factors.visitors[some]
        yield (
            ours,
            pair.recommend(some),
            _scores_of(queries, factors.items, ours),
            _limit(queries, factors.items),
        )
    if pair.similar_to is None:
        return
    unit = factors.items / np.maximum(np.linalg.norm(factors.items, axis=1), SMALLEST_NORM)[:, None]
    for some in _batches(_thin(np.arange(len(pair.known.items)))):
        ours = pair.ask(items=pair.known.items[some])
        yield ours, pair.similar(some), _scores_of(unit[some], unit, ours), _limit(unit[some], unit)


def _limit(queries: Array, items: Array) -> float:
    """Return the allowed difference of two scores: by the spread of all scores, and at least by rounding.

    Two float32 sums of n products differ by about sqrt(n) units of rounding each, times the sum of the
    products' sizes (N. Higham, T. Mary, "A new approach to probabilistic rounding error analysis", SIAM J.
    Sci. Comput. 41, 2019). The norms of the factors bound that sum.
    """
    lengths = (float(np.linalg.norm(factors, axis=1).max(initial=0)) for factors in (queries, items))
    rounding = 4 * np.sqrt(items.shape[1]) * _ROUNDING * np.prod(list(lengths))
    return max(TOLERANCE * _spread(queries, items), float(rounding))


def _spread(queries: Array, items: Array) -> float:
    """Return the standard deviation of all scores; if they are all equal, their size."""
    with threadpool_limits(1, "blas"):
        scores = queries @ items.T
    return float(scores.std(dtype=np.float64)) or float(np.abs(scores).max(initial=0)) or 1.0


def _known(items: Array, scores: Array) -> _Lists:
    there = scores > _NO_SCORE
    return _Lists(np.where(there, items, NOBODY), np.where(there, scores, -np.inf))


def _without_itself(items: Array, lists: _Lists) -> _Lists:
    """Remove each item from its own list; the last place instead, where ties have already removed it."""
    others = lists.items != items[:, None]
    others[others.all(axis=1), -1] = False
    shape = (len(items), lists.items.shape[1] - 1)
    return _Lists(lists.items[others].reshape(shape), lists.scores[others].reshape(shape))


def _scores_of(queries: Array, items: Array, lists: _Lists) -> Array:
    scores = np.einsum("rf,rkf->rk", queries, items[lists.items], dtype=np.float64)
    return np.where(lists.items == NOBODY, -np.inf, scores)


def _differences(ours: _Lists, theirs: _Lists, of_ours: Array) -> Array:
    """Return the largest difference of each row; infinite where only one list has an item."""
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
