"""Data set of a training job: a train and a holdout table, encoded as a model sees them.

`training.job.snapshot` reads it from the shards of a snapshot.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from relearn.spec.model import Column, ModelSpec
from scoring.encode import Array


@dataclass(frozen=True, slots=True)
class Table:
    """Rows as a model sees them.

    Parameters
    ----------
    columns
        Encoded values of shape (rows,) by column of the estimator's frame (`scoring.encode.seen`); for a
        recommender, the entity and the weight.
    target
        Shape (rows,): labels or items as strings, or float64.
    """

    columns: Mapping[str, Array]
    target: Array

    def __len__(self) -> int:
        return len(self.target)

    def where(self, keep: Array) -> Table:
        """Return the rows that ``keep``, a mask or an index array, selects."""
        return Table({name: values[keep] for name, values in self.columns.items()}, self.target[keep])

    def and_also(self, other: Table) -> Table:
        """Return a table with the rows of ``other`` appended."""
        columns = {name: np.concatenate([mine, other.columns[name]]) for name, mine in self.columns.items()}
        return Table(columns, np.concatenate([self.target, other.target]))


@dataclass(frozen=True, slots=True)
class Dataset:
    """Snapshot, split into train and holdout.

    Parameters
    ----------
    train, holdout
        The two sides; `training.fitting.tasks` decides whether they are usable.
    fingerprint
        SHA-256 (hex) of the content of the shards.
    shards
        Number of Parquet files.
    tables
        Counts by raw table: ``shards``, ``rows``, and rows ``waiting`` because they are dated after the run's
        clock.
    features
        Facts of the feature set, for a model with several raw tables; else None: ``rows``, their ``sha256``,
        how many ``moments`` were computed and reused, and what is stored for ``online`` lookup by entity.
    """

    train: Table
    holdout: Table
    fingerprint: str
    shards: int
    tables: Mapping[str, Mapping[str, int]]
    features: Mapping[str, Any] | None = None


def learnt(spec: ModelSpec) -> tuple[Column, ...]:
    """Return the columns that a model learns from: the features; for a ranking, the entity and the weight."""
    if spec.kind == "ranking":
        return tuple(column for column in spec.made if column.name != spec.target.name)
    return spec.features
