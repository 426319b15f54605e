"""Build the evaluation set of a recommender: held-out visitors, and what they met for the first time."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from relearn.errors import DataError
from relearn.spec.model import ModelSpec, Ranking
from relearn.spec.tables import WEIGHT
from scoring.encode import Array
from training.data.dataset import Dataset, Table
from training.fitting.ranking.interactions import Interactions, numbers_of

FEWEST_VISITORS = 20  # with fewer, a mean says nothing


@dataclass(frozen=True, slots=True)
class RankingEvaluationSet:
    """Evaluation set of a recommender: visitors, what they had met, and what they then met for the first time.

    Parameters
    ----------
    columns
        Input of the graph: one row per visitor, by column.
    known
        Interactions that were trained on.
    met, truths
        Item numbers for each visitor; a truth's item that is not known has a number above all known ones.
    rows
        Place of one of each visitor's rows in the holdout, shape (visitors,).
    """

    columns: Mapping[str, Array]
    known: Interactions
    met: Sequence[Array]
    truths: Sequence[Array]
    rows: Array


def ranking_of(spec: ModelSpec) -> Ranking:
    """Return the target of a ranking's spec."""
    assert isinstance(spec.target, Ranking)  # noqa: S101 - of such specs alone
    return spec.target


def known_of(spec: ModelSpec, table: Table) -> Interactions:
    """Return the rows of a table as interactions."""
    return Interactions.of(table.columns[str(spec.entity)], table.target, table.columns[WEIGHT])


def make_evaluation_set(spec: ModelSpec, dataset: Dataset) -> RankingEvaluationSet:
    """Build the evaluation set with every visitor who has held-out rows.

    Raises
    ------
    DataError
        Fewer than `FEWEST_VISITORS` visitors met a new item.
    """
    known = known_of(spec, dataset.train)
    visitors, rows = _by_visitor(dataset.holdout.columns[str(spec.entity)])
    items = _numbers(dataset.holdout.target, known.items)
    places = numbers_of(visitors, known.visitors)
    met = [known.seen(place) if place >= 0 else np.array([], dtype=np.int32) for place in places]
    truths = [np.setdiff1d(items[chosen], before) for chosen, before in zip(rows, met, strict=True)]
    if (asked := sum(len(truth) > 0 for truth in truths)) < FEWEST_VISITORS:
        raise DataError(
            "too_few_rows",
            f"of {len(visitors)} visitors held out {asked} met an item that they had not met before; needed: "
            f"{FEWEST_VISITORS}, to measure recommendations; upload more",
        )
    nothing = np.full(len(visitors), "", dtype=object)
    columns = {column.name: visitors if column.name == spec.entity else nothing for column in spec.columns}
    return RankingEvaluationSet(columns, known, met, truths, np.array([chosen[0] for chosen in rows]))


def _by_visitor(visitors: Array) -> tuple[Array, list[Array]]:
    """Return the unique visitors, sorted, and the row indexes of each."""
    numbers, names = pd.factorize(np.asarray(visitors, dtype=object), sort=True)
    order = np.argsort(numbers, kind="stable")
    ends = np.cumsum(np.bincount(numbers, minlength=len(names)))[:-1]
    return np.asarray(names, dtype=object), np.split(order, ends)


def _numbers(items: Array, known: Array) -> Array:
    numbers = numbers_of(items, known)
    others, _ = pd.factorize(np.asarray(items, dtype=object))
    return np.where(numbers >= 0, numbers, len(known) + others)
