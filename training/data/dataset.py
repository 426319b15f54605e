"""Data set of a training job: a train and a holdout table, encoded as a model sees them.

`training.job.snapshot` reads it from the shards of a snapshot.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from relearn.figures import counted
from relearn.lifecycle.comparison import ExaminedBefore
from relearn.spec.model import Column, ModelSpec
from scoring.encode import Array
from training.data.learnt import Learnt
from training.data.views import View
from training.data.window import Examined

MOST_UPLOADS = 20
"""Most uploads with duplicates that a report lists."""


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
    time
        Time of each row, shape (rows,), ``datetime64[us]`` in UTC; None where rows have none.
    entity
        Number of the entity of each row, shape (rows,), a row without one having its own; None where the spec names
        none.
    """

    columns: Mapping[str, Array]
    target: Array
    time: Array | None = None
    entity: Array | None = None

    def __len__(self) -> int:
        return len(self.target)

    def where(self, keep: Array) -> Table:
        """Return the rows that ``keep``, a mask or an index array, selects."""
        columns = {name: values[keep] for name, values in self.columns.items()}
        time, entity = (None if one is None else one[keep] for one in (self.time, self.entity))
        return Table(columns, self.target[keep], time, entity)

    def and_also(self, other: Table) -> Table:
        """Return a table with the rows of ``other`` appended."""
        columns = {name: np.concatenate([mine, other.columns[name]]) for name, mine in self.columns.items()}
        time, entity = (
            None if mine is None or theirs is None else np.concatenate([mine, theirs])
            for mine, theirs in ((self.time, other.time), (self.entity, other.entity))
        )
        return Table(columns, np.concatenate([self.target, other.target]), time, entity)


@dataclass(frozen=True, slots=True)
class Repeats:
    """Rows that are there more than once, may not be examined, or have a class that the spec no longer has.

    Parameters
    ----------
    duplicates
        Number of rows that equal an earlier one in every column.
    by_upload
        Number of duplicates by upload, as its shard is named, most first; at most `MOST_UPLOADS`.
    dropped
        Whether each was learnt or examined once; else every copy counts.
    contradictions
        Number of rows that equal another in every column but the target.
    not_examined
        Number of held-out rows left out of the evaluation set because the candidate, or a version that it is
        compared with, has learnt the same row.
    removed_classes
        Number of rows by class that the spec no longer has; they are neither learnt nor examined.
    """

    duplicates: int = 0
    by_upload: Mapping[str, int] = field(default_factory=dict)
    dropped: bool = True
    contradictions: int = 0
    not_examined: int = 0
    removed_classes: Mapping[str, int] = field(default_factory=dict)

    def words(self) -> list[str]:
        """Return one line for each number that is not 0."""
        use = (
            'learnt and examined once; Training(duplicates="keep") counts every copy'
            if self.dropped
            else "every copy counts"
        )
        told = {
            f"{counted(self.duplicates, 'row')} equal an earlier one in every column: {use}": self.duplicates,
            f"{counted(self.contradictions, 'row')} equal another in every column but the target": self.contradictions,
            f"{counted(self.not_examined, 'held-out row')} not examined: a compared version has learnt the same": self.not_examined,
        }
        removed = [
            f"{counted(count, 'row')} of {name} not used: the spec no longer has this class"
            for name, count in self.removed_classes.items()
        ]
        return [*(line for line, count in told.items() if count), *removed]


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
    repeats
        Duplicates, contradictions, and held-out rows that are not examined.
    new
        Whether the champion was not examined on each row of ``holdout``, with its target: False where it was,
        and where that is not known. Shape (holdout rows,); None where nothing is known of the rows.
    before
        What is left of what the champion was examined on; None where it kept no record.
    uploads
        Names of the shards, without suffix, in the order that they were read; empty for features of tables.
    train_upload, holdout_upload
        Place in ``uploads`` of each row, shape (rows,); None for features of tables.
    train_row, holdout_row
        Number of each row among the accepted rows of its upload, from 1, shape (rows,); None for features of tables.
    train_line, holdout_line
        Line of the uploaded file that each row begins on, from 1, shape (rows,); 0 where its shard does not have it.
        None for features of tables.
    learnt
        What a model of this dataset learns and is examined on.
    views
        ``holdout`` as each compared version reads it, in the order of the learners; empty for a ranking.
    train_unlearnt
        Whether the champion has not learnt each row of ``train``, shape (rows,); None where nothing is known of them.
    train_unit
        Hash of the unit of chance of each row of ``train``, shape (rows,): of its entity, else of its features; None
        where nothing is known of them.
    aside
        Rows that are neither learnt nor examined, and no copies of others; None where there are none.
    latest
        Window of the newest rows that ``holdout`` is of; None where it is of any time.
    """

    train: Table
    holdout: Table
    fingerprint: str
    shards: int
    tables: Mapping[str, Mapping[str, int]]
    features: Mapping[str, Any] | None = None
    repeats: Repeats = field(default_factory=Repeats)
    new: Array | None = None
    before: ExaminedBefore | None = None
    uploads: tuple[str, ...] = ()
    train_upload: Array | None = None
    holdout_upload: Array | None = None
    train_row: Array | None = None
    holdout_row: Array | None = None
    train_line: Array | None = None
    holdout_line: Array | None = None
    learnt: Learnt = field(default_factory=Learnt)
    views: tuple[View, ...] = ()
    aside: Table | None = None
    train_unlearnt: Array | None = None
    train_unit: Array | None = None
    latest: Examined | None = None

    def examined_on(self, rows: Array) -> Dataset:
        """Return the dataset with some of the rows held out, given by a mask of shape (holdout rows,)."""
        upload, number, line = self.holdout_upload, self.holdout_row, self.holdout_line
        return replace(
            self,
            holdout=self.holdout.where(rows),
            new=None if self.new is None else self.new[rows],
            holdout_upload=None if upload is None else upload[rows],
            holdout_row=None if number is None else number[rows],
            holdout_line=None if line is None else line[rows],
            views=(),
        )

    def places(self, uploads: Sequence[str]) -> list[int]:
        """Return the places in ``uploads`` of those of some ids, or of ids that begin like these."""
        asked = tuple(filter(None, uploads))
        return [place for place, name in enumerate(self.uploads) if name.startswith(asked)]

    def whole(self) -> Dataset:
        """Return the dataset with all rows among those to train on."""
        rows = self.train.and_also(self.holdout)
        return replace(self, train=rows if self.aside is None else rows.and_also(self.aside))


def learnt(spec: ModelSpec) -> tuple[Column, ...]:
    """Return the columns that a model learns from: the features; for a ranking, the entity and the weight."""
    if spec.kind == "ranking":
        return tuple(column for column in spec.made if column.name != spec.target.name)
    return spec.features
