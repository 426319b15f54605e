"""Build a sparse matrix of interactions between visitors and items from their names."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy.sparse import coo_matrix, csr_matrix

from scoring.encode import Array


@dataclass(frozen=True, slots=True)
class Interactions:
    """Interactions of visitors with items.

    Parameters
    ----------
    visitors, items
        Unique names, sorted; the number of a visitor or item is its position here.
    matrix
        float32, shape (visitors, items): the sum of the weights of each pair; a pair that never met has no
        entry. Columns are sorted within a row.
    """

    visitors: Array
    items: Array
    matrix: csr_matrix

    @classmethod
    def of(cls, visitors: Array, items: Array, weights: Array) -> Interactions:
        """Number the names and sum the weights of rows.

        Parameters
        ----------
        visitors, items
            Names as strings, shape (rows,).
        weights
            Numbers, shape (rows,).
        """
        rows, of_visitor = pd.factorize(np.asarray(visitors, dtype=object), sort=True)
        columns, of_item = pd.factorize(np.asarray(items, dtype=object), sort=True)
        shape = (len(of_visitor), len(of_item))
        matrix = coo_matrix((np.asarray(weights, np.float32), (rows, columns)), shape=shape).tocsr()
        matrix.sort_indices()
        return cls(of_visitor, of_item, matrix)

    @property
    def popularity(self) -> Array:
        """Share of the visitors who met each item, shape (items,), each between 0 and 1."""
        return np.bincount(self.matrix.indices, minlength=len(self.items)) / max(len(self.visitors), 1)

    def by_popularity(self) -> Array:
        """Return the item numbers, most popular first; of equals, the first by name."""
        return np.argsort(-self.popularity, kind="stable")

    def seen(self, visitor: int) -> Array:
        """Return the numbers of the items that a visitor met."""
        start, end = self.matrix.indptr[visitor : visitor + 2]
        return np.asarray(self.matrix.indices[start:end])


def numbers_of(names: Array, known: Array) -> Array:
    """Return the position of each name in ``known``, which is sorted; -1 for an unknown name."""
    if not len(known):
        return np.full(len(names), -1)
    wanted = np.asarray(names, dtype=object)
    places = np.minimum(np.searchsorted(known, wanted), len(known) - 1)
    return np.where(known[places] == wanted, places, -1)
