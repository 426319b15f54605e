"""Build the ONNX graph of a recommender, from names of visitors or items to the names of the best items.

Each row takes one of three paths, and costs no other:

==========  ======================================  ==================================================
basis       when                                    items are ranked by
==========  ======================================  ==================================================
similar     the request's item is known             cosine of their factors, without that item
history     no such item, but a known visitor       dot product of factors, without those already met
popularity  otherwise                               share of visitors who have met them
==========  ======================================  ==================================================

The items that every visitor has met are stored as the offsets and columns of a sparse matrix, so nothing in
the graph has the size of visitors times items. The scores of a path are computed for its rows alone.
"""

from __future__ import annotations

import numpy as np
import onnx
from onnx import TensorProto

from relearn.spec.ranking import BASES, BASIS, ITEMS, SCORES
from scoring.scorer import BATCH, ROWS_AT_ONCE
from training.fitting.ranking.sketch import Sketch
from training.fitting.ranking.ways import Draft, Ranked, by_history, by_popularity, by_similarity

__all__ = ["Draft", "build"]

SIMILAR, HISTORY, POPULARITY = range(len(BASES))
WAYS = {SIMILAR: by_similarity, HISTORY: by_history, POPULARITY: by_popularity}
SCORES_AT_ONCE = 2_000_000
"""Most scores computed at a time (8 MB as float32), so that the memory of a long request is bounded."""


def build(draft: Draft, name: str, *, visitor: str, similar_to: str | None) -> onnx.ModelProto:
    """Build the graph of a recommender.

    Parameters
    ----------
    draft
        Interactions, factors and list length.
    name
        Name of the model.
    visitor
        Name of the input for a visitor; its value is the empty string for none.
    similar_to
        Name of the input for an item; None: the graph has no such input.
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
        ranked.append(WAYS[one](s, draft, s.node("Gather", numbers, chosen)))
    _answer(s, draft, ranked, rows, way)
    k = draft.k
    outputs: list[tuple[str, int, list[str | int]]] = [
        (ITEMS, TensorProto.STRING, ["rows", k]),
        (SCORES, TensorProto.FLOAT, ["rows", k]),
        (BASIS, TensorProto.STRING, ["rows"]),
    ]
    at_once = str(min(BATCH, max(1, SCORES_AT_ONCE // len(draft.known.items))))
    given = [visitor] if similar_to is None else [visitor, similar_to]
    return s.model(name, given, outputs, {ROWS_AT_ONCE: at_once})


def _number(s: Sketch, given: str, names: list[str]) -> str:
    flat = s.node("Reshape", given, s.number(-1))
    return s.node(
        "LabelEncoder",
        flat,
        to=f"number_of_{given}",
        keys_strings=names,
        values_int64s=list(range(len(names))),
        default_int64=-1,
    )


def _not_negative(s: Sketch, numbers: str) -> str:
    return s.node("GreaterOrEqual", numbers, s.number(0))


def _answer(s: Sketch, draft: Draft, ranked: list[Ranked], rows: list[str], way: str) -> None:
    """Restore the order of the rows from the results of all paths, and name the outputs."""
    order = s.node("Unsqueeze", s.node("Concat", *rows, axis=0), s.number(1))
    shape = s.node("Concat", s.node("Shape", way), s.number(draft.k), axis=0)
    places = {"item": s.number(0), SCORES: s.hold("nothing", np.array([0], np.float32))}
    scores, items = (s.node("Concat", *parts, axis=0) for parts in zip(*ranked, strict=True))
    s.node("ScatterND", s.node("Expand", places[SCORES], shape), order, scores, to=SCORES)
    at = s.node("ScatterND", s.node("Expand", places["item"], shape), order, items)
    names = np.array([*draft.known.items, ""], dtype=object)
    s.node("Gather", s.hold("item_names", names), at, to=ITEMS)
    s.node("Gather", s.hold("bases", np.array(BASES, dtype=object)), way, to=BASIS)
