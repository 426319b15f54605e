"""Evaluate ranked lists against the items that visitors met later, with pure functions on item numbers.

For a visitor with the truth T, the items that they met later and had not met before, and a list of at most k
items:

- recall@k is the share of T that is in the list;
- NDCG@k is the sum of 1 / log2(i + 1) over the places i = 1, 2, ... of the list with an item of T, divided by
the
  sum for the best possible list, which has min(k, size of T) hits at its top (Järvelin and Kekäläinen,
  "Cumulated gain-based evaluation of IR techniques", 2002; here with binary relevance);
- coverage@k is the share of all recommendable items that is in at least one of all lists.

Visitors with an empty T are left out of recall and NDCG.
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
"""Item number at a place of a list without an item."""
CONFIDENCE = 0.99
"""Default confidence of a lead's lower bound."""


@dataclass(frozen=True, slots=True)
class RankingScores:
    """Metrics of ranked lists.

    Parameters
    ----------
    recall, ndcg
        Value for each visitor with a truth, shape (visitors,).
    coverage
        Value for all lists together.
    """

    recall: Array
    ndcg: Array
    coverage: float

    def by_visitor(self, metric: str) -> Array:
        """Return a metric of each visitor; NDCG for a metric that has no value per visitor."""
        return self.recall if metric == RECALL else self.ndcg

    def metrics(self) -> dict[str, float]:
        """Return the mean of each metric."""
        return {
            NDCG: float(self.ndcg.mean()),
            RECALL: float(self.recall.mean()),
            COVERAGE: self.coverage,
        }


@dataclass(frozen=True, slots=True)
class Lead:
    """Lead of one model's lists over another's.

    Parameters
    ----------
    metric
        Name of the compared metric.
    mean
        Mean of the differences between visitors' values.
    low
        Lower bound of the lead over all possible visitors.
    confidence
        One-sided confidence of the bound, between 0 and 1.
    """

    metric: str
    mean: float
    low: float
    confidence: float

    def as_dict(self) -> dict[str, Any]:
        """Return the fields as JSON-ready data."""
        return asdict(self)


def measure(lists: Array, truths: Sequence[Array], items: int) -> RankingScores:
    """Compute the metrics of lists.

    Parameters
    ----------
    lists
        Item numbers of shape (visitors, k), best first; `NOTHING` at places without an item.
    truths
        Unique item numbers of each visitor's truth; an item that cannot be recommended has a number above all
        recommendable ones.
    items
        Number of items that can be recommended.
    """
    asked = [at for at, truth in enumerate(truths) if len(truth)]
    hits = np.array([np.isin(lists[at], truths[at]) for at in asked]).reshape(len(asked), lists.shape[1])
    sizes = np.array([len(truths[at]) for at in asked], dtype=np.int64)
    gains = 1.0 / np.log2(np.arange(2, lists.shape[1] + 2))
    best = np.cumsum(gains)[np.minimum(sizes, lists.shape[1]) - 1]
    named = np.unique(lists[lists != NOTHING])
    return RankingScores(hits.sum(axis=1) / sizes, hits @ gains / best, len(named) / max(items, 1))


def lead(mine: Array, theirs: Array, metric: str, confidence: float = CONFIDENCE) -> Lead:
    """Return the lead of one model over another in a metric of the same visitors.

    The lower bound uses the normal approximation of the mean of the differences: mean - z s / sqrt(n).

    The bound is that of the normal approximation to the mean of the differences: mean - z s / sqrt(n).

    Parameters
    ----------
    mine, theirs
        Values of the two models, shape (visitors,), in the same order; at least two visitors.
    metric
        Name of the metric.
    confidence
        One-sided confidence of the bound, between 0 and 1.
    """
    differences = np.asarray(mine, np.float64) - np.asarray(theirs, np.float64)
    spread = float(differences.std(ddof=1)) / math.sqrt(len(differences))
    mean = float(differences.mean())
    return Lead(metric, mean, mean - NormalDist().inv_cdf(confidence) * spread, confidence)


def popular_lists(order: Array, met: Sequence[Array], k: int) -> Array:
    """Recommend to each visitor the most popular items that they have not met.

    Parameters
    ----------
    order
        Numbers of all items, most popular first.
    met
        Item numbers that each visitor has met.
    k
        Number of items to recommend; fewer leave `NOTHING` at the end.
    """
    lists = np.full((len(met), k), NOTHING, dtype=np.int64)
    for row, known in enumerate(met):
        first = order[: k + len(known)]
        left = first[~np.isin(first, known)][:k]
        lists[row, : len(left)] = left
    return lists
