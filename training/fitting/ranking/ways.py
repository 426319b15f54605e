"""Build the three paths of a recommender's graph: by history, by similarity and by popularity."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from training.fitting.ranking.fit import Factors
from training.fitting.ranking.interactions import Interactions
from training.fitting.ranking.sketch import Sketch

SMALLEST_NORM = np.float32(1e-10)  # replaces a norm of 0, as in implicit
Ranked = tuple[str, str]
"""Names of a path's outputs: scores and item numbers, both of shape (rows, k)."""


@dataclass(frozen=True, slots=True)
class Draft:
    """Content of a recommender's graph.

    Parameters
    ----------
    known
        Interactions that the model was fitted on.
    factors
        Factors of the fitted model.
    k
        Number of items in a list; fewer than there are items.
    """

    known: Interactions
    factors: Factors
    k: int


def by_history(s: Sketch, draft: Draft, users: str) -> Ranked:
    """Build the path of known visitors, given by number: dot product of factors, without items already met."""
    queries = s.node("Gather", s.hold("visitor_factors", draft.factors.visitors), users, axis=0)
    scores = s.node("MatMul", queries, _item_factors(s, draft))
    return _best(s, draft, _without(s, scores, _met(s, draft, users)))


def _met(s: Sketch, draft: Draft, users: str) -> str:
    """Return the items that each visitor has met; shorter lists repeat their last item to equal length."""
    offsets = s.hold("met_offsets", draft.known.matrix.indptr.astype(np.int32))
    one = s.number(1, np.int32)
    start = s.node("Gather", offsets, users)
    end = s.node("Gather", offsets, s.node("Add", users, s.number(1)))
    last = s.node("Sub", s.node("Sub", end, start), one)
    longest = s.node("ReduceMax", s.node("Concat", last, s.number(0, np.int32), axis=0), keepdims=0)
    zero, step = s.hold("zero", np.array(0, np.int32)), s.hold("step", np.array(1, np.int32))
    places = s.node("Range", zero, s.node("Add", longest, step), step)
    within = s.node("Min", places, s.node("Unsqueeze", last, s.number(1)))
    at = s.node("Add", within, s.node("Unsqueeze", start, s.number(1)))
    return s.node("Gather", s.hold("met_items", draft.known.matrix.indices.astype(np.int32)), at)


def by_similarity(s: Sketch, draft: Draft, items: str) -> Ranked:
    """Build the path of known items, given by number: cosine of factors, without the item itself."""
    norms = np.linalg.norm(draft.factors.items, axis=1).astype(np.float32)
    held = s.hold("item_norms", np.where(norms == 0, SMALLEST_NORM, norms))
    queries = s.node("Transpose", s.node("Gather", _item_factors(s, draft), items, axis=1), perm=[1, 0])
    column = s.number(1)
    own = s.node("Unsqueeze", s.node("Gather", held, items), column)
    scores = s.node("Div", s.node("Div", s.node("MatMul", queries, _item_factors(s, draft)), held), own)
    return _best(s, draft, _without(s, scores, s.node("Unsqueeze", items, column)))


def by_popularity(s: Sketch, draft: Draft, rows: str) -> Ranked:
    """Build the path of all other rows: the most popular items, the same for each row."""
    best = draft.known.by_popularity()[: draft.k]
    shape = s.node("Concat", s.node("Shape", rows), s.number(draft.k), axis=0)
    shares = draft.known.popularity[best].astype(np.float32)
    return (
        s.node("Expand", s.hold("popular_shares", shares), shape),
        s.node("Expand", s.hold("popular_items", best.astype(np.int64)), shape),
    )


def _item_factors(s: Sketch, draft: Draft) -> str:
    return s.hold("item_factors", draft.factors.items.T)


def _without(s: Sketch, scores: str, items: str) -> str:
    """Exclude some items of each row by a score of -inf."""
    lowest = s.node("Expand", s.hold("lowest", np.array(-np.inf, np.float32)), s.node("Shape", items))
    return s.node(
        "ScatterElements", scores, items, lowest, axis=1, reduction="min"
    )  # "min" allows duplicate items


def _best(s: Sketch, draft: Draft, scores: str) -> Ranked:
    names = (f"{scores}_best", f"{scores}_at")
    best, at = s.nodes("TopK", scores, s.number(draft.k), to=names, axis=1)
    nobody = s.number(len(draft.known.items))
    return best, s.node("Where", s.node("IsInf", best), nobody, at)
