"""Reads the shards of a snapshot into train and holdout, encoded as a model sees them.

DuckDB reads the Parquet out of core and hands over only the columns that are needed. A model with
several raw tables has its features made of them first; from there on they are as the shard of a model
with one.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from relearn.spec.model import Column, ModelSpec
from scoring.encode import Array

if TYPE_CHECKING:
    pass


@dataclass(frozen=True, slots=True)
class Table:
    """Rows as a model sees them.

    Parameters
    ----------
    columns
        What an estimator sees (`scoring.encode.seen`) to values of shape (rows,), encoded; of a recommender, the
        entity and the weight.
    target
        Shape (rows,): labels or items as strings, or float64.
    """

    columns: Mapping[str, Array]
    target: Array

    def __len__(self) -> int:
        return len(self.target)

    def where(self, keep: Array) -> Table:
        """Take the rows that ``keep``, a mask or an index, chooses."""
        return Table({name: values[keep] for name, values in self.columns.items()}, self.target[keep])

    def and_also(self, other: Table) -> Table:
        """Put the rows of another table below these."""
        columns = {name: np.concatenate([mine, other.columns[name]]) for name, mine in self.columns.items()}
        return Table(columns, np.concatenate([self.target, other.target]))


@dataclass(frozen=True, slots=True)
class Dataset:
    """A snapshot, split.

    Parameters
    ----------
    train, holdout
        The two sides; what either needs is judged by `training.fitting.tasks`.
    fingerprint
        SHA-256 (hex) of what the shards hold.
    shards
        How many files it came from.
    tables
        Raw table to its number of ``shards`` and ``rows``, and of rows that are ``waiting`` for their time.
    features
        For a model with several raw tables, what was made of them: ``rows``, ``sha256`` of them, how many
        ``moments`` were made and kept, and what is served by entity, ``online``.
    """

    train: Table
    holdout: Table
    fingerprint: str
    shards: int
    tables: Mapping[str, Mapping[str, int]]
    features: Mapping[str, Any] | None = None


def learnt(spec: ModelSpec) -> tuple[Column, ...]:
    """The columns that a model learns of, beside its target: the features; of a ranking, who and how much."""
    if spec.kind == "ranking":
        return tuple(column for column in spec.made if column.name != spec.target.name)
    return spec.features
