"""ModelSpec: one declaration of a model, used by ingest, requests, training, hosting and people.

A model has one raw table, its columns and its target; or it declares several `tables`, and its own
code makes its columns, the features, of them.

A spec is checked when it is made; a mistake raises SpecError naming the field, the value
given and what is allowed.
"""

from __future__ import annotations

import re
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
    METRICS,
    Hyperparameter,
    Ingest,
    Metric,
    Retrain,
    Training,
)
from relearn.spec.quality import Quality, Reference
from relearn.spec.rollout import Canary, Instant, Limits, Rollout, Shadow
from relearn.spec.tables import AS_OF, MAIN, WEIGHT, Monthly, Table, check_names, is_given

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


def on_spark(spec: ModelSpec, stage: str | None) -> bool:
    """Tell whether a stage makes the features of a model on Spark.

    Parameters
    ----------
    stage
        The engine that the stage chose for all of its models; None: as their specs say.
    """
    return bool(spec.tables) and (stage or spec.engine.name) == "spark"


MODEL_NAME_PATTERN = re.compile(r"(?!.{21})[a-z](-?[a-z0-9])*")


def check_spec(spec: ModelSpec) -> None:
    """Refuse a spec that breaks a rule.

    Raises
    ------
    SpecError
        Names the field, the value and what is allowed.
    """
    check(
        isinstance(spec.name, str) and MODEL_NAME_PATTERN.fullmatch(spec.name) is not None,
        "name",
        spec.name,
        "1 to 20 lower-case letters, digits and single hyphens, starting with a letter",
    )
    check(bool(spec.title.strip()), "title", spec.title, "one line for people")
    _check_columns(spec)
    _check_target(spec)
    _check_entity(spec)
    if isinstance(spec.target, Ranking):
        _check_ranking(spec, spec.target)
    _check_tables(spec)
    _check_moments(spec)
    _check_quality(spec)
    _check_references(spec)
    names = [parameter.name for parameter in spec.hyperparameters]
    check(len(set(names)) == len(names), "hyperparameters", names, "each name once")


def _check_columns(spec: ModelSpec) -> None:
    check(
        isinstance(spec.columns, tuple) and all(map(is_given, spec.columns)),
        "columns",
        spec.columns,
        "a tuple of Number, Category, Text, Boolean, DateTime or Id",
    )
    check(
        bool(spec.features) or isinstance(spec.target, Ranking),
        "columns",
        spec.columns,
        "at least one column that is not an Id",
    )


def _check_target(spec: ModelSpec) -> None:
    check(isinstance(spec.target, Target), "target", spec.target, "a Category, a Number or a Ranking column")
    check_names("columns", (*spec.columns, spec.target))
    _check_parts(spec)
    check(not spec.target.optional, "target.optional", spec.target.optional, "False")
    allowed = METRICS[spec.kind]
    check(
        spec.metric.name in allowed,
        "metric.name",
        spec.metric.name,
        f"for {spec.kind} one of {', '.join(allowed)}",
    )


def _check_parts(spec: ModelSpec) -> None:
    """Refuse a part of a date-time that has the name of a column: an estimator could not tell them apart."""
    names = {column.name for column in (*spec.columns, spec.target)}
    for column in spec.columns:
        for part in column.made if isinstance(column, DateTime) else ():
            check(
                part.name not in names,
                f"{column.name}.parts",
                part.part,
                f"no column called {part.name}, as an estimator sees this part, and the time in any case",
            )


def _check_entity(spec: ModelSpec) -> None:
    ids = [column.name for column in spec.columns if isinstance(column, Id)]
    check(
        spec.entity is None or spec.entity in ids,
        "entity",
        spec.entity,
        f"the name of an Id column ({', '.join(ids) or 'this spec has none'})",
    )


def _check_ranking(spec: ModelSpec, target: Ranking) -> None:
    check(bool(spec.tables), "tables", spec.tables, "at least one table: features.py makes rows of it")
    check(spec.moments is None, "moments", spec.moments, "None: what was met is a row of its own moment")
    names = [column.name for column in spec.columns]
    wanted = [name for name in (spec.entity, target.similar_to) if name is not None]
    check(
        all(isinstance(column, Id) and column.optional for column in spec.columns)
        and sorted(names) == sorted(wanted),
        "columns",
        names,
        "optional Ids: the entity, and the column that the target is similar_to, if any",
    )
    check(
        WEIGHT not in (target.name, *names),
        "columns",
        names,
        f"other names: {WEIGHT} is how much a row counts",
    )


def _check_tables(spec: ModelSpec) -> None:
    check(
        isinstance(spec.tables, tuple) and all(isinstance(table, Table) for table in spec.tables),
        "tables",
        spec.tables,
        "a tuple of Table",
    )
    names = [table.name for table in spec.tables]
    check(len(set(names)) == len(names), "tables", names, "each name once")
    check(
        not spec.tables or spec.entity is not None,
        "entity",
        spec.entity,
        "the name of an Id column: features speak of an entity at a moment",
    )
    named = [column.name for column in (*spec.columns, spec.target)]
    check(
        not spec.tables or AS_OF not in named,
        "columns",
        AS_OF,
        f"another name: {AS_OF} is the time that a row of features speaks of",
    )


def _check_moments(spec: ModelSpec) -> None:
    check(
        bool(spec.tables) or spec.engine.name == "duckdb",
        "engine.name",
        spec.engine.name,
        "duckdb: without tables there is nothing to make features of",
    )
    timed = [table.name for table in spec.tables if table.time is not None]
    check(
        spec.moments is None or spec.moments.table in timed,
        "moments.table",
        spec.moments and spec.moments.table,
        f"the name of a table with a time ({', '.join(timed) or 'this spec has none'})",
    )


def _check_quality(spec: ModelSpec) -> None:
    spec.quality.check_columns("quality", spec.made, time=None)
    check(
        not spec.quality.references,
        "quality.references",
        spec.quality.references,
        "none: references are between tables, and declared by a table",
    )


def _check_references(spec: ModelSpec) -> None:
    keys = {
        table.name
        for table in spec.tables
        if any(isinstance(column, Id) and column.name == table.key for column in table.columns)
    }
    for table in spec.tables:
        for reference in table.quality.references:
            others = sorted(keys - {table.name})
            check(
                reference.to in others,
                f"tables.{table.name}.quality.references.{reference.column}.to",
                reference.to,
                f"another table whose key is an Id ({', '.join(others) or 'there is none'})",
            )
