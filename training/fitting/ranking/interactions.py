"""Who met what, and how much it meant to them: names in, a sparse matrix out."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy.sparse import coo_matrix, csr_matrix

from scoring.encode import Array


@dataclass(frozen=True, slots=True)
class Interactions:
    """What is known of visitors and items.

    Parameters
    ----------
    visitors, items
        Their names, sorted, each once: a name's place is its number.
    matrix
        A row a visitor, a column an item, in float32: the sum of the weights of the pair; a pair that
        never met has no entry. Columns are in order within a row.
    """

    visitors: Array
    items: Array
    matrix: csr_matrix

    @classmethod
    def of(cls, visitors: Array, items: Array, weights: Array) -> Interactions:
        """Number the names and sum the weights.

        Parameters
        ----------
        visitors, items
            Shape (rows,), strings.
        weights
            Shape (rows,), numbers.
        """
        rows, of_visitor = pd.factorize(np.asarray(visitors, dtype=object), sort=True)
        columns, of_item = pd.factorize(np.asarray(items, dtype=object), sort=True)
        shape = (len(of_visitor), len(of_item))
        matrix = coo_matrix((np.asarray(weights, np.float32), (rows, columns)), shape=shape).tocsr()
        matrix.sort_indices()
        return cls(of_visitor, of_item, matrix)

    @property
    def popularity(self) -> Array:
        """Share of the visitors who met each item, shape (items,)."""
        return np.bincount(self.matrix.indices, minlength=len(self.items)) / max(len(self.visitors), 1)

    def by_popularity(self) -> Array:
        """List the numbers of the items, the most popular first; of two alike the one named first."""
        return np.argsort(-self.popularity, kind="stable")

    def seen(self, visitor: int) -> Array:
        """List the numbers of the items that a visitor met."""
        start, end = self.matrix.indptr[visitor : visitor + 2]
        return np.asarray(self.matrix.indices[start:end])


def numbers_of(names: Array, known: Array) -> Array:
    """Give the place of each name in ``known``, sorted; -1 for a stranger."""
    if not len(known):
        return np.full(len(names), -1)
    wanted = np.asarray(names, dtype=object)
    places = np.minimum(np.searchsorted(known, wanted), len(known) - 1)
    return np.where(known[places] == wanted, places, -1)
