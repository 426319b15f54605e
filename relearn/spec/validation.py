"""The rules of a spec as a whole: what its parts may be beside each other."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from relearn.spec.columns import DateTime, Id, Ranking, Target, check
from relearn.spec.policies import METRICS
from relearn.spec.tables import AS_OF, WEIGHT, Table, check_names, is_given

if TYPE_CHECKING:
    from relearn.spec.model import ModelSpec

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
