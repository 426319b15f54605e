"""Hypothesis strategies: specs, instances that fit them, and instances that may not."""

from __future__ import annotations

import string
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from hypothesis import strategies as st

from relearn.spec.columns import PARTS, Boolean, Category, Column, DateTime, Id, Number, Ranking, Text
from relearn.spec.model import (
    Engine,
    Ingest,
    Metric,
    ModelSpec,
    Monthly,
    Retrain,
    Serverless,
    Table,
    Training,
)

CHARACTERS = st.characters(exclude_characters="\0", exclude_categories=["Cs"])  # not allowed in any text
NAMES = st.text(string.ascii_lowercase + string.digits + "_", min_size=1, max_size=8).map(lambda s: f"c{s}")
MODEL_NAMES = st.from_regex(r"[a-z](-?[a-z0-9]){0,19}", fullmatch=True).map(
    lambda name: name[:20].rstrip("-")
)
FLOATS = st.floats(-1e6, 1e6, width=32)
WORDS = st.text(string.ascii_letters + "äß日 ", min_size=1, max_size=6).map(str.strip).filter(bool)
NEVER_RAW = frozenset(
    [chr(code) for code in (*range(0x20), *range(0x7F, 0xA0), *range(0x202A, 0x202F), *range(0x2066, 0x206A))]
    + ["\u061c", "\u200e", "\u200f", "\u2028", "\u2029", "\ufeff"]
)
"""Characters that control a terminal, reverse text or end lines."""
COMMON = {"optional": st.booleans(), "private": st.booleans(), "description": st.text(max_size=9)}

PARTED = st.sampled_from([(), ("hour",), ("date", "time"), PARTS])


def hostile_texts() -> st.SearchStrategy[str]:
    """Return a strategy for texts with characters and markup that must never reach a terminal or page unescaped."""
    pieces = st.sampled_from(
        ["\x1b[2J", "\x1b]0;x\x07", "\x9b31m", "\udcff", "<b>", "[red]", ":bomb:", *sorted(NEVER_RAW)]
    )
    return st.lists(pieces | st.text(max_size=4), max_size=8).map("".join)


def categories(name: str, **more: Any) -> st.SearchStrategy[Category]:
    values = st.lists(WORDS, min_size=2, max_size=4, unique=True).map(tuple)
    return st.builds(Category, name=st.just(name), values=values, **more)


def numbers(name: str, **more: Any) -> st.SearchStrategy[Number]:
    """Return a strategy for number columns without bounds, with one, or with both."""
    limits = st.lists(FLOATS, min_size=2, max_size=2, unique=True).map(sorted)
    bounds = st.tuples(limits, st.booleans(), st.booleans()).map(
        lambda drawn: (drawn[0][0] if drawn[1] else None, drawn[0][1] if drawn[2] else None)
    )
    return st.builds(_number, name=st.just(name), bounds=bounds, **more)


def _number(name: str, bounds: tuple[float | None, float | None], **more: Any) -> Number:
    return Number(name, minimum=bounds[0], maximum=bounds[1], **more)


def columns(name: str) -> st.SearchStrategy[Column]:
    lengths = st.integers(1, 9)
    return st.one_of(
        numbers(name, **COMMON),
        categories(name, **COMMON),
        st.builds(Text, name=st.just(name), max_length=lengths, **COMMON),
        st.builds(Id, name=st.just(name), max_length=lengths, **COMMON),
        st.builds(Boolean, name=st.just(name), **COMMON),
        st.builds(
            DateTime, name=st.just(name), parts=PARTED, zone=st.sampled_from(("UTC", "Asia/Tokyo")), **COMMON
        ),
    )


@st.composite
def specs(draw: st.DrawFn) -> ModelSpec:
    """Valid specs."""
    first, target, *names = draw(st.lists(NAMES, min_size=2, max_size=6, unique=True))
    chosen = (draw(numbers(first)), *(draw(columns(name)) for name in names))
    classifies = draw(st.booleans())
    targets: st.SearchStrategy[Category | Number] = categories(target) if classifies else numbers(target)
    ids = [column.name for column in chosen if isinstance(column, Id)]
    entity = draw(st.sampled_from([None, *ids]))
    tables = draw(st.lists(NAMES, max_size=2, unique=True)) if entity else []
    raw = tuple([draw(raw_tables(name)) for name in tables])
    moments = [Monthly(table=table.name, history_days=9, label_days=3) for table in raw if table.time]
    engines = st.builds(Engine, st.sampled_from(["duckdb", "spark"]), st.integers(2, 299))
    return ModelSpec(
        name=draw(MODEL_NAMES),
        title=draw(WORDS),
        columns=chosen,
        target=draw(targets),
        metric=Metric("accuracy", minimum=0.5) if classifies else Metric("mae", maximum=1.0, margin=0.1),
        hosting=Serverless(memory_mb=draw(st.sampled_from([1024, 2048])), max_concurrency=7),
        retrain=Retrain(
            debounce_seconds=draw(st.integers(0, 86_400)),
            schedule="rate(1 day)",
            on_upload=draw(st.booleans()),
            approval=draw(st.sampled_from(["auto", "manual"])),
            approval_hours=draw(st.integers(1, 720)),
        ),
        ingest=Ingest(min_rows=draw(st.integers(1, 9))),
        training=Training(holdout=0.2),
        entity=entity,
        tables=raw,
        moments=draw(st.sampled_from([None, *moments])),
        engine=draw(engines) if raw else Engine(),
        slices=tuple(column.name for column in chosen if isinstance(column, Boolean | Category)),
    )


@st.composite
def raw_tables(draw: st.DrawFn, name: str) -> Table:
    """Raw tables with a few columns, with or without key and time."""
    names = draw(st.lists(NAMES, min_size=1, max_size=3, unique=True))
    chosen = tuple(draw(columns(one)) for one in names)
    there = [column for column in chosen if not column.optional]
    return Table(
        name,
        columns=chosen,
        key=draw(st.sampled_from([None, *(column.name for column in there)])),
        time=draw(st.sampled_from([None, *(one.name for one in there if isinstance(one, DateTime))])),
    )


def looked_up_specs() -> st.SearchStrategy[ModelSpec]:
    """Return a strategy for specs of models whose features are looked up by entity."""
    return specs().map(_with_moments)


def _with_moments(spec: ModelSpec) -> ModelSpec:
    name = next((column.name for column in spec.columns if isinstance(column, Id)), None)
    columns = spec.columns if name else (*spec.columns, Id("who", optional=len(spec.title) % 2 == 0))
    return replace(
        spec,
        columns=columns,
        entity=name or "who",
        tables=(Table("raw", columns=(DateTime("at"),), time="at"),),
        moments=Monthly(table="raw", history_days=9, label_days=3),
    )


def values(column: Column) -> st.SearchStrategy[Any]:
    """Return a strategy for values that fit a column."""
    match column:
        case Number():
            low = -1e6 if column.minimum is None else column.minimum
            high = 1e6 if column.maximum is None else column.maximum
            return st.floats(min(low, high), max(low, high))
        case Category():
            return st.sampled_from(column.values)
        case Text():
            return st.text(CHARACTERS, max_size=column.max_length)
        case Id() | Ranking():
            return st.text(CHARACTERS, min_size=1, max_size=column.max_length)
        case Boolean():
            return st.booleans()
        case DateTime():
            return st.datetimes(datetime(1990, 1, 1), datetime(2040, 1, 1), timezones=st.just(UTC)).map(  # noqa: DTZ001
                datetime.isoformat
            )


def instances(spec: ModelSpec) -> st.SearchStrategy[dict[str, Any]]:
    """Return a strategy for rows that fit a spec."""
    required = {column.name: values(column) for column in spec.columns if not column.optional}
    optional = {column.name: st.none() | values(column) for column in spec.columns if column.optional}
    return st.fixed_dictionaries(required, optional=optional)


ANY = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(CHARACTERS, max_size=12)
    | st.lists(st.none())
)


@st.composite
def perhaps_instances(draw: st.DrawFn, spec: ModelSpec) -> dict[str, Any]:
    """Rows that fit a spec except for up to two changes."""
    instance = dict(draw(instances(spec)))
    if draw(st.booleans()):  # an instance that names its entity and omits features
        kept = {name for name in instance if name == spec.entity or draw(st.booleans())}
        instance = {name: value for name, value in instance.items() if name in kept}
    for _ in range(draw(st.integers(0, 2))):
        name = draw(st.sampled_from([*instance, "stranger"]) if instance else st.just("stranger"))
        if draw(st.booleans()) and name in instance:
            del instance[name]
        else:
            instance[name] = draw(ANY)
    return instance
