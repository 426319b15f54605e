"""ModelSpec: one declaration of a model, used by ingest, requests, training, hosting and people.

A spec is checked when it is made; a mistake raises SpecError naming the field, the value
given and what is allowed.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Literal

from relearn.columns import (
    NAME_ALLOWED,
    NAME_PATTERN,
    Boolean,
    Category,
    Column,
    DateTime,
    Id,
    Number,
    Text,
    check,
)
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

__all__ = [
    "Boolean",
    "Category",
    "Column",
    "DateTime",
    "Hyperparameter",
    "Id",
    "Ingest",
    "Metric",
    "ModelSpec",
    "Number",
    "Retrain",
    "Serverless",
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
        The input columns, in order. At least one must be a feature (not an `Id`).
    target
        What is predicted: a `Category` (classification) or a `Number` (regression).
    metric
        What decides between candidate and champion.
    hosting, retrain, ingest, training
        See the classes.
    entity
        Name of the `Id` column whose rows must stay on one side of the split; None: each row
        is its own entity.
    hyperparameters
        Numbers that `build` takes.
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
        for column in (*self.columns, self.target):
            check(
                isinstance(column.name, str) and NAME_PATTERN.fullmatch(column.name) is not None,
                "columns.name",
                column.name,
                NAME_ALLOWED,
            )
        names = [column.name for column in (*self.columns, self.target)]
        check(len(set(names)) == len(names), "columns", names, "each name once, the target's included")

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

    @property
    def kind(self) -> Literal["classification", "regression"]:
        """What the target's type makes of the model."""
        return "classification" if isinstance(self.target, Category) else "regression"

    @property
    def features(self) -> tuple[Column, ...]:
        """The columns an estimator sees: all but the ids."""
        return tuple(column for column in self.columns if not isinstance(column, Id))

    @property
    def classes(self) -> tuple[str, ...]:
        """The labels of a classifier, in the spec's order; empty for a regression."""
        return self.target.values if isinstance(self.target, Category) else ()
