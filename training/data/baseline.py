"""Compute the baseline: statistics of every training column, to compare live traffic with."""

from __future__ import annotations

from typing import Any

from relearn.spec.model import Column, ModelSpec
from scoring.encode import Array
from training.data.column_types import LEARNT_TYPES, is_missing
from training.data.dataset import Table, learnt


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
    missing = is_missing(column, values)
    head = {"type": column.type, "rows": len(values), "missing": int(missing.sum())}
    return head | LEARNT_TYPES[type(column)].statistics(column, values[~missing])
