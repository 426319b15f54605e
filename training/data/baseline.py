"""Compute the baseline: statistics of every training column, to compare live traffic with."""

from __future__ import annotations

from typing import Any

import numpy as np

from relearn.spec.model import Boolean, Category, Column, Id, ModelSpec, Ranking, Text
from scoring.encode import STRING, Array, type_of
from training.data.dataset import Table, learnt

QUANTILES = tuple(step / 10 for step in range(11))
"""Shares of the quantiles: 0 to 1 in steps of a tenth."""


def baseline(spec: ModelSpec, table: Table) -> dict[str, dict[str, Any]]:
    """Return the baseline of the learnt columns and the target.

    Parameters
    ----------
    spec
        Spec of the model.
    table
        Training rows, encoded.

    Returns
    -------
    dict
        Statistics by column name: ``type``, ``rows``, ``missing`` and, by type: ``mean``, ``std`` and
        ``quantiles`` (11, from minimum to maximum; a date-time in days since 2000); ``counts`` of each value;
        ``length`` quantiles of a text, in characters; the number of ``distinct`` ids or items.
    """
    described = {column.name: describe(column, table.columns[column.name]) for column in learnt(spec)}
    described[spec.target.name] = describe(spec.target, table.target)
    return described


def describe(column: Column, values: Array) -> dict[str, Any]:
    """Return the statistics of one encoded column of shape (rows,)."""
    missing = values == "" if type_of(column) == STRING else np.isnan(values)
    there = values[~missing]
    head = {"type": column.type, "rows": len(values), "missing": int(missing.sum())}
    match column:
        case Category():
            return {**head, "counts": {value: int((there == value).sum()) for value in column.values}}
        case Boolean():
            yes = int(there.sum())
            return {**head, "counts": {"false": len(there) - yes, "true": yes}}
        case Id() | Ranking():
            return {**head, "distinct": len(set(there))}
        case Text():
            return {**head, "length": _quantiles(np.array([len(text) for text in there]))}
        case _:
            mean, std = (float(there.mean()), float(there.std())) if len(there) else (None, None)
            return {**head, "mean": mean, "std": std, "quantiles": _quantiles(there)}


def _quantiles(values: Array) -> list[float]:
    if not len(values):
        return []
    return [float(value) for value in np.quantile(values.astype(np.float64), QUANTILES)]
