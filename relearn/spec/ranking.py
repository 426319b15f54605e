"""What a recommender answers: a few items, and what they were chosen by."""

from __future__ import annotations

from typing import Literal, get_args

Basis = Literal["similar", "history", "popularity"]
"""The likeness to an item, what the entity met before, or what most others met."""
BASES: tuple[Basis, ...] = get_args(Basis)
ITEMS, SCORES, BASIS = "items", "scores", "basis"
"""The outputs of a recommender's graph, in order; the names of the tensors that the API answers with."""
