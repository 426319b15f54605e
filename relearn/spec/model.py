"""ModelSpec: one declaration of a model, used for ingest, requests, training, hosting and documentation.

A model has either one raw table, which holds its columns and its target, or several `tables`, from which its
own code computes its columns (the features) and its target.

A spec is checked when it is constructed; a mistake raises SpecError with the field, the value given and what
is allowed.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
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
    Threshold,
    Training,
)
from relearn.spec.quality import Quality, Reference
from relearn.spec.rollout import Canary, Instant, Limits, Rollout, Shadow
from relearn.spec.tables import (
    AS_OF,
    LONGEST_MONTH,
    MAIN,
    WEIGHT,
    Monthly,
    Table,
    check_names,
    is_given,
)

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
    "Threshold",
    "Training",
]


@dataclass(frozen=True, kw_only=True, slots=True)
class ModelSpec:
    """Declaration of one model.

    Parameters
    ----------
    name
        Name of the model, used in its folder, URLs and S3 keys; at most 20 characters.
    title
        One line for people.
    columns
        Columns of a request, in order, which the estimator sees. At least one must be a feature (not an
        `Id`). For a ranking: the entity, and the column that its target is ``similar_to``.
    target
        Column to predict: a `Category` (classification), a `Number` (regression) or a `Ranking` of items.
    tables
        Raw tables from which ``features`` in features.py computes the columns and the target; empty when
        uploads hold the columns and the target themselves.
    moments
        Moments for which features of a model with tables are computed. None: ``features`` chooses them; then
        every run computes all of them, and requests cannot look them up by entity.
    engine
        Engine that runs ``features``; only for a model with tables.
    metric
        Metric that decides between candidate and champion.
    hosting
        Hosting of the versions.
    rollout, shadow
        Rollout of a version that won; a shadow phase, if any, goes before it.
    retrain, ingest, training
        Policies, see the classes.
    entity
        Name of the `Id` column whose rows must stay on one side of the split, and for which features of a
        model with tables are computed. None: each row is its own entity.
    hyperparameters
        Numeric arguments of `build`.
    quality
        Requirements of a run on the data of the one table; with tables, on the feature set.
    slices
        Names of `Category` and `Boolean` columns. The report has the metric, and the rows that one of candidate and champion
        has right and the other wrong, by each of their values.
    threshold
        Threshold that training chooses, for a target of two classes. None: the more probable class is answered.
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
    slices: tuple[str, ...] = ()
    threshold: Threshold | None = None

    def __post_init__(self) -> None:
        check_spec(self)

    @property
    def table_names(self) -> tuple[str, ...]:
        """Names of the raw tables; only `relearn.spec.tables.MAIN` when the spec declares none."""
        return tuple(table.name for table in self.tables) or (MAIN,)

    def raw_columns(self, table: str) -> tuple[Column, ...]:
        """Return the columns of a raw table's files.

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
        """Return a declared raw table; None for `MAIN`, which no spec declares."""
        return next((table for table in self.tables if table.name == name), None)

    def raw_quality(self, name: str) -> Quality:
        """Return the requirements on the rows of a raw table."""
        table = self.raw_table(name)
        return self.quality if table is None else table.quality

    def key_columns(self, name: str) -> tuple[str, ...]:
        """Return the columns of a raw table whose values a check compares: its key, and its references."""
        table = self.raw_table(name)
        if table is None:
            return ()
        named = [table.key, *(reference.column for reference in table.quality.references)]
        return tuple(dict.fromkeys(column for column in named if column is not None))

    @property
    def predicts(self) -> str:
        """Kind and target that rows were accepted for, e.g. ``"classification of species"``.

        Empty with tables.
        """
        return "" if self.tables else f"{self.kind} of {self.target.name}"

    @property
    def kind(self) -> Literal["classification", "regression", "ranking"]:
        """Kind of the model, by the type of its target."""
        return self.target.predicted_by

    @property
    def looked_up_by(self) -> str | None:
        """Column that a request may give alone, so that all others are looked up.

        None when features are not looked up.
        """
        return self.entity if self.moments is not None else None

    @property
    def features(self) -> tuple[Column, ...]:
        """Columns that an estimator sees: all but the ids."""
        return tuple(column for column in self.columns if not isinstance(column, Id))

    @property
    def inputs(self) -> tuple[Column, ...]:
        """Inputs of the served ONNX graph: the features; for a ranking, the columns of a request."""
        return self.columns if isinstance(self.target, Ranking) else self.features

    @property
    def made(self) -> tuple[Column, ...]:
        """Columns of the feature set, without its time.

        For a ranking: the entity, the item that it interacted with, and the weight.
        """
        if not isinstance(self.target, Ranking):
            return (*self.columns, self.target)
        entity = next(column for column in self.columns if column.name == self.entity)
        item = Id(self.target.name, max_length=self.target.max_length)
        return (replace(entity, optional=False), item, Number(WEIGHT, minimum=0))

    @property
    def row_time(self) -> str | None:
        """Column with the time of a row: `Training.time`, for a model with tables the moment of its features.

        None where rows have no time, and for a ranking, whose rows are compared within their entity alone.
        """
        if isinstance(self.target, Ranking):
            return None
        return AS_OF if self.tables else self.training.time

    def time_of(self, table: str) -> str | None:
        """Return the column with the time of a raw table's rows; None where they have none."""
        declared = self.raw_table(table)
        return self.training.time if declared is None else declared.time

    @property
    def kept_days(self) -> dict[str, int]:
        """Raw table to the days for which its uploads are in snapshots; without those that are in them for ever.

        Of a model with tables, an upload of a table without a time stays: its rows are always known.
        """
        days = self.training.keep_days
        if days is None:
            return {}
        return dict.fromkeys(
            [MAIN] if not self.tables else [one.name for one in self.tables if one.time], days
        )

    @property
    def classes(self) -> tuple[str, ...]:
        """Labels of a classifier, in the spec's order; empty for other kinds."""
        return self.target.values if isinstance(self.target, Category) else ()


def on_spark(spec: ModelSpec, stage: str | None) -> bool:
    """Return whether the features of a model are computed on Spark.

    Parameters
    ----------
    spec
        Spec of the model.
    stage
        Engine that the stage uses for all models; None when their specs decide.
    """
    return bool(spec.tables) and (stage or spec.engine.name) == "spark"


MODEL_NAME_PATTERN = re.compile(r"(?!.{21})[a-z](-?[a-z0-9])*")
"""Pattern of a model's name."""


_PARTS: Mapping[str, tuple[type, ...]] = {
    "metric": (Metric,),
    "hosting": (Serverless, Realtime, InLambda),
    "rollout": (Instant, Canary),
    "shadow": (Shadow, type(None)),
    "retrain": (Retrain,),
    "ingest": (Ingest,),
    "training": (Training,),
    "quality": (Quality,),
    "moments": (Monthly, type(None)),
    "engine": (Engine,),
    "threshold": (Threshold, type(None)),
}
"""Field of a spec to the classes that it may have."""


def check_spec(spec: ModelSpec) -> None:
    """Refuse a spec that breaks a rule.

    Raises
    ------
    SpecError
        A field is wrong; the error has the field, the value and what is allowed.
    """
    check(
        isinstance(spec.name, str) and MODEL_NAME_PATTERN.fullmatch(spec.name) is not None,
        "name",
        spec.name,
        "1 to 20 lower-case letters, digits and single hyphens, starting with a letter",
    )
    right = isinstance(spec.title, str) and bool(spec.title.strip())
    check(right, "title", spec.title, "one line for people")
    for part, kinds in _PARTS.items():
        value = getattr(spec, part)
        named = " or ".join("None" if kind is type(None) else kind.__name__ for kind in kinds)
        check(isinstance(value, kinds), part, value, named)
    right = isinstance(spec.hyperparameters, tuple) and all(
        isinstance(one, Hyperparameter) for one in spec.hyperparameters
    )
    check(right, "hyperparameters", spec.hyperparameters, "a tuple of Hyperparameter")
    _check_columns(spec)
    _check_target(spec)
    _check_entity(spec)
    if isinstance(spec.target, Ranking):
        _check_ranking(spec, spec.target)
    _check_tables(spec)
    _check_moments(spec)
    _check_time(spec)
    _check_quality(spec)
    _check_references(spec)
    _check_slices(spec)
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
    check(
        spec.threshold is None or len(spec.classes) == 2,  # noqa: PLR2004
        "threshold",
        spec.threshold,
        "None: only a Category of two values as target has a threshold",
    )
    allowed = METRICS[spec.kind]
    check(
        spec.metric.name in allowed,
        "metric.name",
        spec.metric.name,
        f"for {spec.kind} one of {', '.join(allowed)}",
    )


def _check_parts(spec: ModelSpec) -> None:
    """Refuse a part of a date-time that would have the name of another column in the estimator's frame."""
    names = {column.name for column in (*spec.columns, spec.target)}
    for column in spec.columns:
        for part in column.made:
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


def _check_time(spec: ModelSpec) -> None:
    times = [one.name for one in spec.columns if isinstance(one, DateTime) and not one.optional]
    time = spec.training.time
    if spec.tables:
        check(time is None, "training.time", time, f"None: {AS_OF} is the time of a row of features")
    else:
        named = ", ".join(times) or "this spec has none"
        check(
            time is None or time in times,
            "training.time",
            time,
            f"the name of a DateTime column that is not optional ({named})",
        )
    _check_kept(spec)
    if spec.row_time is not None:
        return
    evaluate, half_life = spec.training.evaluate, spec.training.half_life_days
    ranked = isinstance(spec.target, Ranking)
    needed = "rows have no time; Training(time=...) names the DateTime column that is theirs"
    because = f"the latest rows of each {spec.entity} are held out in any case" if ranked else needed
    check(evaluate == "random", "training.evaluate", evaluate, f"random: {because}")
    because = "features.py gives each row its weight" if ranked else needed
    check(half_life is None, "training.half_life_days", half_life, f"None: {because}")


def _check_kept(spec: ModelSpec) -> None:
    keep, moments = spec.training.keep_days, spec.moments
    if keep is None:
        return
    check(bool(spec.kept_days), "training.keep_days", keep, "None: no table of this spec has a time")
    if moments is not None:
        needed = moments.history_days + moments.label_days + LONGEST_MONTH
        check(
            keep >= needed,
            "training.keep_days",
            keep,
            f"at least {needed}: the history and the labels of a moment, and a month, which begins with one",
        )


def _check_quality(spec: ModelSpec) -> None:
    spec.quality.check_columns("quality", spec.made, time=None)
    check(
        not spec.quality.references,
        "quality.references",
        spec.quality.references,
        "none: references are between tables, and declared by a table",
    )


def _check_slices(spec: ModelSpec) -> None:
    given, there = (
        spec.slices,
        [one.name for one in spec.columns if isinstance(one, Category | Boolean)],
    )
    allowed = f"a tuple of names of Category or Boolean columns ({', '.join(there) or 'this spec has none'}), each once"
    right = isinstance(given, tuple) and all(name in there for name in given)
    check(right and len(set(given)) == len(given), "slices", given, allowed)


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
