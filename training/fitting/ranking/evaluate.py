"""Measures ranked lists against what visitors went on to meet; pure functions on arrays of item numbers.

For a visitor with the truth T, the items that they met later and had not met before, and a list of at most k items:

- recall@k is the share of T that is in the list;
- NDCG@k is the sum over the places i = 1, 2, ... of the list with an item of T of 1 / log2(i + 1), divided by what it is
  for the best list there can be, with min(k, number of T) hits at its top (Järvelin and Kekäläinen, "Cumulated
  gain-based evaluation of IR techniques", 2002; here an item is right or wrong);
- coverage@k is of all lists together: the share of the items that could be recommended that is in any of them.

Visitors without a truth say nothing about a list and are left out of the first two.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from statistics import NormalDist
from typing import Any

import numpy as np

from scoring.encode import Array

RECALL, NDCG, COVERAGE = "recall_at_k", "ndcg_at_k", "coverage_at_k"
NOTHING = -1
"""Stands where a list has no item."""
CONFIDENCE = 0.99


@dataclass(frozen=True, slots=True)
class RankingScores:
    """Metrics of ranked lists.

    Parameters
    ----------
    recall, ndcg
        Of each visitor with a truth, shape (visitors,).
    coverage
        Of all lists.
    """

    recall: Array
    ndcg: Array
    coverage: float

    def by_visitor(self, metric: str) -> Array:
        """Give a metric of each visitor; NDCG for one that visitors do not have one by one."""
        return self.recall if metric == RECALL else self.ndcg

    def metrics(self) -> dict[str, float]:
        """Give the means."""
        return {
            NDCG: float(self.ndcg.mean()),
            RECALL: float(self.recall.mean()),
            COVERAGE: self.coverage,
        }


@dataclass(frozen=True, slots=True)
class Lead:
    """By how much a model's lists are better than others, visitor by visitor.

    Parameters
    ----------
    metric
        What was compared.
    mean
        Of the differences.
    low
        With `confidence`, the lead over all visitors there could be is no smaller.
    confidence
        Of the bound, on that side.
    """

    metric: str
    mean: float
    low: float
    confidence: float

    def as_dict(self) -> dict[str, Any]:
        """Give it as JSON-ready data."""
        return asdict(self)


def measure(lists: Array, truths: Sequence[Array], items: int) -> RankingScores:
    """Measure lists.

    Parameters
    ----------
    lists
        Shape (visitors, k): numbers of items, best first, `NOTHING` where there is none.
    truths
        The numbers of the items of each visitor's truth, each once; one that no list can name has any
        number of its own that is not an item's.
    items
        How many items could be recommended.
    """
    asked = [at for at, truth in enumerate(truths) if len(truth)]
    hits = np.array([np.isin(lists[at], truths[at]) for at in asked]).reshape(len(asked), lists.shape[1])
    sizes = np.array([len(truths[at]) for at in asked], dtype=np.int64)
    gains = 1.0 / np.log2(np.arange(2, lists.shape[1] + 2))
    best = np.cumsum(gains)[np.minimum(sizes, lists.shape[1]) - 1]
    named = np.unique(lists[lists != NOTHING])
    return RankingScores(hits.sum(axis=1) / sizes, hits @ gains / best, len(named) / max(items, 1))


def lead(mine: Array, theirs: Array, metric: str, confidence: float = CONFIDENCE) -> Lead:
    """Compare a metric of the same visitors under two models.

    The bound is that of the normal approximation to the mean of the differences: mean - z s / sqrt(n).

    Parameters
    ----------
    mine, theirs
        Shape (visitors,), in the same order; at least two.
    metric
        What it is called.
    confidence
        Of the bound, between 0 and 1.
    """
    differences = np.asarray(mine, np.float64) - np.asarray(theirs, np.float64)
    spread = float(differences.std(ddof=1)) / math.sqrt(len(differences))
    mean = float(differences.mean())
    return Lead(metric, mean, mean - NormalDist().inv_cdf(confidence) * spread, confidence)


def popular_lists(order: Array, met: Sequence[Array], k: int) -> Array:
    """Recommend to each visitor what is most popular among what they have not met.

    Parameters
    ----------
    order
        The numbers of all items, most popular first.
    met
        The numbers of the items that each visitor has met.
    k
        How many to recommend.
    """
    lists = np.full((len(met), k), NOTHING, dtype=np.int64)
    for row, known in enumerate(met):
        first = order[: k + len(known)]
        left = first[~np.isin(first, known)][:k]
        lists[row, : len(left)] = left
    return lists
