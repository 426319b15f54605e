"""ModelSpec: one declaration of a model, used by ingest, requests, training, hosting and people.

A model has one raw table, its columns and its target; or it declares several `tables`, and its own
code makes its columns, the features, of them.

A spec is checked when it is made; a mistake raises SpecError naming the field, the value
given and what is allowed.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Literal

from relearn.spec.columns import (
    Boolean,
    Category,
    Column,
    DateTime,
    Id,
    Number,
    Ranking,
    Target,
    Text,
    check,
)
from relearn.spec.engines import Engine
from relearn.spec.hosting import Hosting, InLambda, Realtime, Serverless
from relearn.spec.policies import (
    Hyperparameter,
    Ingest,
    Metric,
    Retrain,
    Training,
)
from relearn.spec.quality import Quality, Reference
from relearn.spec.rollout import Canary, Instant, Limits, Rollout, Shadow
from relearn.spec.tables import MAIN, WEIGHT, Monthly, Table
from relearn.spec.validation import check_spec

__all__ = [
    "Boolean",
    "Canary",
    "Category",
    "Column",
    "DateTime",
    "Engine",
    "Hosting",
    "Hyperparameter",
    "Id",
    "InLambda",
    "Ingest",
    "Instant",
    "Limits",
    "Metric",
    "ModelSpec",
    "Monthly",
    "Number",
    "Quality",
    "Ranking",
    "Realtime",
    "Reference",
    "Retrain",
    "Serverless",
    "Shadow",
    "Table",
    "Target",
    "Text",
    "Training",
]


@dataclass(frozen=True, kw_only=True, slots=True)
class ModelSpec:
    """The declaration of one model.

    Parameters
    ----------
    name
        The model's name, as in its folder, URLs and S3 keys; at most 20 characters.
    title
        One line for people.
    columns
        The columns of a request, in order: what the estimator sees. At least one must be a feature (not
        an `Id`). Of a ranking: the entity, and the column that its target is ``similar_to``.
    target
        What is predicted: a `Category` (classification), a `Number` (regression) or a `Ranking` of items.
    tables
        The raw tables, when ``features`` in features.py makes the columns and the target of them; none:
        uploads hold the columns and the target themselves.
    moments
        The moments that the features of a model with tables speak of; None: ``features`` chooses them, and
        then every run makes all of them, and none are served by entity.
    engine
        What runs ``features``; of a model with tables alone.
    metric
        What decides between candidate and champion.
    hosting
        Where a version runs.
    rollout, shadow
        How a version that won comes to serve; a shadow, if any, goes before it.
    retrain, ingest, training
        See the classes.
    entity
        Name of the `Id` column whose rows must stay on one side of the split, and of which the features
        of a model with tables speak; None: each row is its own entity.
    hyperparameters
        Numbers that `build` takes.
    quality
        What a run demands of the data of the one table; of the feature set, when there are several tables.
    """

    name: str
    title: str
    columns: tuple[Column, ...]
    target: Target
    metric: Metric
    hosting: Hosting = field(default_factory=Serverless)
    rollout: Rollout = field(default_factory=Instant)
    shadow: Shadow | None = None
    retrain: Retrain = field(default_factory=Retrain)
    ingest: Ingest = field(default_factory=Ingest)
    training: Training = field(default_factory=Training)
    entity: str | None = None
    hyperparameters: tuple[Hyperparameter, ...] = ()
    tables: tuple[Table, ...] = ()
    quality: Quality = field(default_factory=Quality)
    moments: Monthly | None = None
    engine: Engine = field(default_factory=Engine)

    def __post_init__(self) -> None:
        check_spec(self)

    @property
    def table_names(self) -> tuple[str, ...]:
        """The names of the raw tables: `relearn.spec.tables.MAIN` alone when the spec declares none."""
        return tuple(table.name for table in self.tables) or (MAIN,)

    def raw_columns(self, table: str) -> tuple[Column, ...]:
        """Give what the files of a raw table hold.

        Raises
        ------
        SpecError
            The model has no such table.
        """
        if not self.tables and table == MAIN:
            return (*self.columns, self.target)
        declared = {one.name: one.columns for one in self.tables}
        check(table in declared, f"tables of {self.name}", table, f"one of {', '.join(self.table_names)}")
        return declared[table]

    def raw_table(self, name: str) -> Table | None:
        """Give a raw table as the spec declares it; None for `MAIN`, which no spec declares."""
        return next((table for table in self.tables if table.name == name), None)

    def raw_quality(self, name: str) -> Quality:
        """Say what is demanded of the rows of a raw table."""
        table = self.raw_table(name)
        return self.quality if table is None else table.quality

    def key_columns(self, name: str) -> tuple[str, ...]:
        """Name the columns of a raw table whose very values a check needs: its key, and its references."""
        table = self.raw_table(name)
        if table is None:
            return ()
        named = [table.key, *(reference.column for reference in table.quality.references)]
        return tuple(dict.fromkeys(column for column in named if column is not None))

    @property
    def predicts(self) -> str:
        """What rows of the one table were accepted for, e.g. ``"classification of species"``; empty where features make it."""
        return "" if self.tables else f"{self.kind} of {self.target.name}"

    @property
    def kind(self) -> Literal["classification", "regression", "ranking"]:
        """What the target's type makes of the model."""
        match self.target:
            case Category():
                return "classification"
            case Number():
                return "regression"
            case Ranking():
                return "ranking"

    @property
    def looked_up_by(self) -> str | None:
        """The column that a request may name instead of the others, which are looked up; None: it gives them all."""
        return self.entity if self.moments is not None else None

    @property
    def features(self) -> tuple[Column, ...]:
        """The columns an estimator sees: all but the ids."""
        return tuple(column for column in self.columns if not isinstance(column, Id))

    @property
    def inputs(self) -> tuple[Column, ...]:
        """The columns that a served graph takes: the features; of a ranking, what a request names."""
        return self.columns if isinstance(self.target, Ranking) else self.features

    @property
    def made(self) -> tuple[Column, ...]:
        """The columns of the feature set, beside the time it speaks of: of a ranking, who met what, how much."""
        if not isinstance(self.target, Ranking):
            return (*self.columns, self.target)
        entity = next(column for column in self.columns if column.name == self.entity)
        item = Id(self.target.name, max_length=self.target.max_length)
        return (replace(entity, optional=False), item, Number(WEIGHT, minimum=0))

    @property
    def classes(self) -> tuple[str, ...]:
        """The labels of a classifier, in the spec's order; empty for a regression."""
        return self.target.values if isinstance(self.target, Category) else ()
