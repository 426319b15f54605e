"""What a recommender should answer, by the library's own model, fitted again on the same rows."""

from __future__ import annotations

from typing import Any

import numpy as np

from relearn.spec.model import ModelSpec
from training import catalog
from training.data.dataset import Table
from training.fitting.fit import Code
from training.fitting.ranking.evaluation_set import known_of, ranking_of
from training.fitting.ranking.fit import fit
from training.fitting.ranking.interactions import numbers_of

Answer = tuple[str, list[tuple[str, float]]]
"""The basis, and items with their scores."""


class Library:
    """The library's model of a spec."""

    def __init__(self, spec: ModelSpec, hyperparameters: dict[str, Any], train: Table) -> None:
        self.spec, self.target = spec, ranking_of(spec)
        self.known = known_of(spec, train)
        self.model = fit(spec.name, Code.of(catalog.folder(spec.name)).build, hyperparameters, self.known)

    def answer(self, row: dict[str, Any]) -> Answer:
        """Answer an instance of a request."""
        names = [row.get(str(name)) or "" for name in (self.spec.entity, self.target.similar_to)]
        visitor = numbers_of(np.array(names[:1], object), self.known.visitors)[0]
        item = numbers_of(np.array(names[1:], object), self.known.items)[0]
        if item >= 0:
            found, scores = self.model.similar_items(item, N=self.target.k + 1)
            return "similar", self._named(found[1:], scores[1:])
        if visitor >= 0:
            found, scores = self.model.recommend(visitor, self.known.matrix[visitor], N=self.target.k)
            return "history", self._named(found, scores)
        best = self.known.by_popularity()[: self.target.k]
        return "popularity", self._named(best, self.known.popularity[best])

    def _named(self, items: Any, scores: Any) -> list[tuple[str, float]]:
        return [(self.known.items[item], float(score)) for item, score in zip(items, scores, strict=True)]
