"""ModelSpec: one declaration of a model, used by ingest, requests, training, hosting and people.

A model has one raw table, its columns and its target; or it declares several `tables`, and its own
code makes its columns, the features, of them.

A spec is checked when it is made; a mistake raises SpecError naming the field, the value
given and what is allowed.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Literal

from relearn.columns import (
    Boolean,
    Category,
    Column,
    DateTime,
    Id,
    Number,
    Text,
    check,
)
from relearn.engines import Engine
from relearn.policies import (
    CLASSIFICATION_METRICS,
    REGRESSION_METRICS,
    Hyperparameter,
    Ingest,
    Metric,
    Retrain,
    Serverless,
    Training,
)
from relearn.quality import Quality, Reference
from relearn.tables import AS_OF, MAIN, Monthly, Table, check_names

__all__ = [
    "Boolean",
    "Category",
    "Column",
    "DateTime",
    "Engine",
    "Hyperparameter",
    "Id",
    "Ingest",
    "Metric",
    "ModelSpec",
    "Monthly",
    "Number",
    "Quality",
    "Reference",
    "Retrain",
    "Serverless",
    "Table",
    "Text",
    "Training",
]

MODEL_NAME_PATTERN = re.compile(r"(?!.{21})[a-z](-?[a-z0-9])*")


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
        an `Id`).
    target
        What is predicted: a `Category` (classification) or a `Number` (regression).
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
    hosting, retrain, ingest, training
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
    target: Category | Number
    metric: Metric
    hosting: Serverless = field(default_factory=Serverless)
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
        check(
            isinstance(self.name, str) and MODEL_NAME_PATTERN.fullmatch(self.name) is not None,
            "name",
            self.name,
            "1 to 20 lower-case letters, digits and single hyphens, starting with a letter",
        )
        check(bool(self.title.strip()), "title", self.title, "one line for people")
        self._check_columns()
        self._check_target()
        self._check_tables()
        self._check_quality()
        ids = [column.name for column in self.columns if isinstance(column, Id)]
        check(
            self.entity is None or self.entity in ids,
            "entity",
            self.entity,
            f"the name of an Id column ({', '.join(ids) or 'this spec has none'})",
        )
        names = [parameter.name for parameter in self.hyperparameters]
        check(len(set(names)) == len(names), "hyperparameters", names, "each name once")

    def _check_columns(self) -> None:
        check(
            isinstance(self.columns, tuple) and all(isinstance(c, Column) for c in self.columns),
            "columns",
            self.columns,
            "a tuple of Number, Category, Text, Boolean, DateTime or Id",
        )
        check(bool(self.features), "columns", self.columns, "at least one column that is not an Id")
        check_names("columns", (*self.columns, self.target))

    def _check_target(self) -> None:
        check(
            isinstance(self.target, Category | Number), "target", self.target, "a Category or a Number column"
        )
        check(not self.target.optional, "target.optional", self.target.optional, "False")
        allowed = CLASSIFICATION_METRICS if self.kind == "classification" else REGRESSION_METRICS
        check(
            self.metric.name in allowed,
            "metric.name",
            self.metric.name,
            f"for {self.kind} one of {', '.join(allowed)}",
        )

    def _check_tables(self) -> None:
        check(
            isinstance(self.tables, tuple) and all(isinstance(table, Table) for table in self.tables),
            "tables",
            self.tables,
            "a tuple of Table",
        )
        names = [table.name for table in self.tables]
        check(len(set(names)) == len(names), "tables", names, "each name once")
        check(
            not self.tables or self.entity is not None,
            "entity",
            self.entity,
            "the name of an Id column: features speak of an entity at a moment",
        )
        named = [column.name for column in (*self.columns, self.target)]
        check(
            not self.tables or AS_OF not in named,
            "columns",
            AS_OF,
            f"another name: {AS_OF} is the time that a row of features speaks of",
        )

        check(
            bool(self.tables) or self.engine.name == "duckdb",
            "engine.name",
            self.engine.name,
            "duckdb: without tables there is nothing to make features of",
        )
        timed = [table.name for table in self.tables if table.time is not None]
        check(
            self.moments is None or self.moments.table in timed,
            "moments.table",
            self.moments and self.moments.table,
            f"the name of a table with a time ({', '.join(timed) or 'this spec has none'})",
        )

    def _check_quality(self) -> None:
        self.quality.check_columns("quality", (*self.columns, self.target), time=None)
        keys = {
            table.name
            for table in self.tables
            if any(isinstance(column, Id) and column.name == table.key for column in table.columns)
        }
        check(
            not self.quality.references,
            "quality.references",
            self.quality.references,
            "none: references are between tables, and declared by a table",
        )
        for table in self.tables:
            for reference in table.quality.references:
                others = sorted(keys - {table.name})
                check(
                    reference.to in others,
                    f"tables.{table.name}.quality.references.{reference.column}.to",
                    reference.to,
                    f"another table whose key is an Id ({', '.join(others) or 'there is none'})",
                )

    @property
    def table_names(self) -> tuple[str, ...]:
        """The names of the raw tables: `relearn.tables.MAIN` alone when the spec declares none."""
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
    def kind(self) -> Literal["classification", "regression"]:
        """What the target's type makes of the model."""
        return "classification" if isinstance(self.target, Category) else "regression"

    @property
    def looked_up_by(self) -> str | None:
        """The column that a request may name instead of the others, which are looked up; None: it gives them all."""
        return self.entity if self.moments is not None else None

    @property
    def features(self) -> tuple[Column, ...]:
        """The columns an estimator sees: all but the ids."""
        return tuple(column for column in self.columns if not isinstance(column, Id))

    @property
    def classes(self) -> tuple[str, ...]:
        """The labels of a classifier, in the spec's order; empty for a regression."""
        return self.target.values if isinstance(self.target, Category) else ()
