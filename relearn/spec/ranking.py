"""Answer of a recommender: a few items, and the basis on which they were chosen."""

from __future__ import annotations

from typing import Literal, get_args

Basis = Literal["similar", "history", "popularity"]
"""Similarity to an item, history of the entity, or popularity with all entities."""
BASES: tuple[Basis, ...] = get_args(Basis)
ITEMS, SCORES, BASIS = "items", "scores", "basis"
"""Outputs of a recommender's ONNX graph, in order; the API answers with tensors of the same names."""
