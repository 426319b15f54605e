"""A recommender as one ONNX graph: names in, names of the best items out.

Each row goes one of three ways, and pays for no other:

==========  ======================================  =====================================================
basis       when                                    items
==========  ======================================  =====================================================
similar     the item asked about is known           by the cosine of their factors, without that item
history     the visitor is known, no such item      by the product of factors, without what they have met
popularity  otherwise                               by the share of visitors who have met them
==========  ======================================  =====================================================

What every visitor has met is kept as the offsets and columns of a sparse matrix, so nothing in the graph grows with
visitors times items; scores of a way exist for its rows alone.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import onnx
from onnx import TensorProto

from relearn.ranking import BASES, BASIS, ITEMS, SCORES
from training.ranking.fit import Factors
from training.ranking.interactions import Interactions
from training.ranking.sketch import Sketch
from training.scorer import ROWS_AT_ONCE

SIMILAR, HISTORY, POPULARITY = range(len(BASES))
SMALLEST_NORM = np.float32(1e-10)  # in place of 0, as implicit has it
SCORES_AT_ONCE = (
    2_000_000  # 8 MB: what a long request needs does not grow with it, and stays near the processor
)
Ranked = tuple[str, str]
"""Names of scores and item numbers, both of shape (rows, k)."""


@dataclass(frozen=True, slots=True)
class Draft:
    """What a graph is drawn of.

    Parameters
    ----------
    known
        What the model was trained on.
    factors
        What it found.
    k
        How many items a row gets; fewer than there are.
    """

    known: Interactions
    factors: Factors
    k: int


def build(draft: Draft, name: str, *, visitor: str, similar_to: str | None) -> onnx.ModelProto:
    """Draw the graph of a recommender.

    Parameters
    ----------
    draft
        What to draw.
    name
        The model's.
    visitor
        The input that names a visitor; the empty string for none.
    similar_to
        The input that names an item; None: the graph has none.
    """
    s = Sketch()
    users = _number(s, visitor, list(draft.known.visitors))
    way = s.node("Where", _not_negative(s, users), s.number(HISTORY), s.number(POPULARITY), to="without_item")
    ways = {HISTORY: users, POPULARITY: users}
    if similar_to is not None:
        items = _number(s, similar_to, list(draft.known.items))
        way = s.node("Where", _not_negative(s, items), s.number(SIMILAR), way, to="way")
        ways = {SIMILAR: items, **ways}
    ranked, rows = [], []
    for one, numbers in ways.items():
        chosen = s.node("Reshape", s.node("NonZero", s.node("Equal", way, s.number(one))), s.number(-1))
        rows.append(chosen)
        ranked.append(_WAYS[one](s, draft, s.node("Gather", numbers, chosen)))
    _answer(s, draft, ranked, rows, way)
    k = draft.k
    outputs: list[tuple[str, int, list[str | int]]] = [
        (ITEMS, TensorProto.STRING, ["rows", k]),
        (SCORES, TensorProto.FLOAT, ["rows", k]),
        (BASIS, TensorProto.STRING, ["rows"]),
    ]
    at_once = str(max(1, SCORES_AT_ONCE // len(draft.known.items)))
    given = [visitor] if similar_to is None else [visitor, similar_to]
    return s.model(name, given, outputs, {ROWS_AT_ONCE: at_once})


def _number(s: Sketch, given: str, names: list[str]) -> str:
    flat = s.node("Reshape", given, s.number(-1))
    return s.node(
        "LabelEncoder",
        flat,
        to=f"{given}_number",
        keys_strings=names,
        values_int64s=list(range(len(names))),
        default_int64=-1,
    )


def _not_negative(s: Sketch, numbers: str) -> str:
    return s.node("GreaterOrEqual", numbers, s.number(0))


def _by_history(s: Sketch, draft: Draft, users: str) -> Ranked:
    queries = s.node("Gather", s.hold("visitor_factors", draft.factors.visitors), users, axis=0)
    scores = s.node("MatMul", queries, _item_factors(s, draft))
    return _best(s, draft, _without(s, scores, _met(s, draft, users)))


def _met(s: Sketch, draft: Draft, users: str) -> str:
    """List the items that each visitor has met; short lists repeat their last item up to the longest one's length."""
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


def _by_similarity(s: Sketch, draft: Draft, items: str) -> Ranked:
    norms = np.linalg.norm(draft.factors.items, axis=1).astype(np.float32)
    held = s.hold("item_norms", np.where(norms == 0, SMALLEST_NORM, norms))
    queries = s.node("Transpose", s.node("Gather", _item_factors(s, draft), items, axis=1), perm=[1, 0])
    column = s.number(1)
    own = s.node("Unsqueeze", s.node("Gather", held, items), column)
    scores = s.node("Div", s.node("Div", s.node("MatMul", queries, _item_factors(s, draft)), held), own)
    return _best(s, draft, _without(s, scores, s.node("Unsqueeze", items, column)))


def _by_popularity(s: Sketch, draft: Draft, rows: str) -> Ranked:
    best = draft.known.by_popularity()[: draft.k]
    shape = s.node("Concat", s.node("Shape", rows), s.number(draft.k), axis=0)
    shares = draft.known.popularity[best].astype(np.float32)
    return (
        s.node("Expand", s.hold("popular_shares", shares), shape),
        s.node("Expand", s.hold("popular_items", best.astype(np.int64)), shape),
    )


_WAYS = {SIMILAR: _by_similarity, HISTORY: _by_history, POPULARITY: _by_popularity}


def _item_factors(s: Sketch, draft: Draft) -> str:
    return s.hold("item_factors", draft.factors.items.T)


def _without(s: Sketch, scores: str, items: str) -> str:
    """Put some items of each row out of the running."""
    lowest = s.node("Expand", s.hold("lowest", np.array(-np.inf, np.float32)), s.node("Shape", items))
    return s.node(
        "ScatterElements", scores, items, lowest, axis=1, reduction="min"
    )  # the same item may come twice


def _best(s: Sketch, draft: Draft, scores: str) -> Ranked:
    names = (f"{scores}_best", f"{scores}_at")
    best, at = s.nodes("TopK", scores, s.number(draft.k), to=names, axis=1)
    nobody = s.number(len(draft.known.items))
    return best, s.node("Where", s.node("IsInf", best), nobody, at)


def _answer(s: Sketch, draft: Draft, ranked: list[Ranked], rows: list[str], way: str) -> None:
    """Put the rows of all ways back into the order in which they came."""
    order = s.node("Unsqueeze", s.node("Concat", *rows, axis=0), s.number(1))
    shape = s.node("Concat", s.node("Shape", way), s.number(draft.k), axis=0)
    places = {"item": s.number(0), SCORES: s.hold("nothing", np.array([0], np.float32))}
    scores, items = (s.node("Concat", *parts, axis=0) for parts in zip(*ranked, strict=True))
    s.node("ScatterND", s.node("Expand", places[SCORES], shape), order, scores, to=SCORES)
    at = s.node("ScatterND", s.node("Expand", places["item"], shape), order, items)
    names = np.array([*draft.known.items, ""], dtype=object)
    s.node("Gather", s.hold("item_names", names), at, to=ITEMS)
    s.node("Gather", s.hold("bases", np.array(BASES, dtype=object)), way, to=BASIS)
