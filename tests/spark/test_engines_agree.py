"""One definition, two engines: every model's features are the same on DuckDB and on Spark, row by row."""

from __future__ import annotations

import math
from datetime import UTC, datetime, timedelta
from pathlib import Path
from random import Random
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

import ibis
import pytest

from relearn.spec.columns import Category, Column, DateTime, Id, Number, Text
from relearn.spec.model import Boolean, Metric, ModelSpec, Monthly, Table
from tests.spark import engines
from training import catalog
from training.features import after, before, days_between, latest, onto
from training.features.build import Features

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

pytestmark = pytest.mark.long

WITH_TABLES = sorted(name for name, spec in catalog.load().items() if spec.tables)
START = datetime(2025, 1, 1, tzinfo=UTC)
BERLIN, NEW_YORK = ZoneInfo("Europe/Berlin"), ZoneInfo("America/New_York")
ODD_MOMENTS = (
    datetime(2025, 3, 30, 1, 59, 59, 999_999, tzinfo=BERLIN),  # the clocks go forward
    datetime(2025, 3, 30, 3, 0, tzinfo=BERLIN),
    datetime(2025, 10, 26, 2, 30, tzinfo=BERLIN, fold=0),  # half past two comes twice
    datetime(2025, 10, 26, 2, 30, tzinfo=BERLIN, fold=1),
    datetime(2025, 3, 9, 3, 0, tzinfo=NEW_YORK),
    datetime(2025, 6, 1, 0, 0, tzinfo=UTC),  # a moment itself: known
    datetime(2025, 6, 1, 0, 0, 0, 1, tzinfo=UTC),  # the instant after it: not
    datetime(2025, 5, 31, 23, 59, 59, 500_000, tzinfo=UTC),
    datetime(2025, 6, 1, 2, 0, tzinfo=BERLIN),  # the moment again, as Berlin writes it
    datetime(2025, 3, 3, 0, 0, tzinfo=UTC),  # 90 days before the first of June
)
ODD_NUMBERS = (0.0, -0.0, 0.1, 1e-45, 1.1754944e-38, 3e37, 16_777_217.0, math.pi, 1e10)
ODD_NAMES = (
    "Zoë",
    "李雷",
    "🐍",
    "a'b",
    'c"d',
    "back\\slash",
    " ",
    "A",
    "a",
    "ß",
    "ss",
    "İ",
    "null",
    "x" * 60,
)

EVERYTHING = ModelSpec(
    name="everything",
    title="A column of every type",
    tables=(
        Table(
            "people",
            columns=(Id("person"), DateTime("since"), Text("about", optional=True), Boolean("member")),
            key="person",
            time="since",
        ),
        Table(
            "deeds",
            columns=(
                Id("person"),
                DateTime("at"),
                Category("kind", values=("good", "bad", "it's")),
                Number("size", optional=True),
                Boolean("seen", optional=True),
                DateTime("until", optional=True),
                Text("note", optional=True),
            ),
            time="at",
        ),
    ),
    moments=Monthly(table="deeds", history_days=90, label_days=30),
    entity="person",
    columns=(
        Id("person"),
        Text("about", optional=True),
        Boolean("member"),
        Number("deeds"),
        Number("total"),
        Number("mean", optional=True),
        Number("greatest", optional=True),
        Number("days", minimum=0),
        Category("last_kind", values=("good", "bad", "it's"), optional=True),
        Number("last_size", optional=True),
        Boolean("last_seen", optional=True),
        DateTime("last_until", optional=True),
        Text("last_note", optional=True),
        Number("kinds"),
        Number("rank"),
    ),
    target=Number("coming"),
    metric=Metric("rmse", maximum=1e9),
)


QUICK = {("products", 0), (EVERYTHING.name, 0)}
"""Which models and seeds are compared in every run: a small model, and what has columns, joins and windows of every kind."""


def everything(tables: Any) -> ibis.Table:
    """Joins, windows and aggregates of every type, by what models are given to make them with."""
    deeds = tables["deeds"]
    spine = tables["people"].cross_join(tables["moments"])
    spine = spine.filter(spine["since"] <= spine["as_of"])
    recent = before(spine, deeds, on="person", time="at", days=90)
    made = recent.group_by(["person", "as_of"]).aggregate(
        deeds=recent.count(),
        total=recent["size"].sum(),
        mean=recent["size"].mean(),
        greatest=recent["size"].max(),
        kinds=recent["kind"].nunique(),
    )
    newest = latest(spine, deeds, on="person", time="at")
    newest = newest.select(
        "person",
        "as_of",
        **{f"last_{name}": newest[name] for name in ("kind", "size", "seen", "until", "note")},
    )
    coming = after(spine, deeds, on="person", time="at", days=30)
    label = coming.group_by(["person", "as_of"]).aggregate(coming=coming.count())
    joined = onto(onto(onto(spine, made, on="person"), newest, on="person"), label, on="person")
    ranked = joined.mutate(
        rank=ibis.row_number().over(group_by="as_of", order_by=[ibis.desc("deeds"), "person"])
    )
    return ranked.select(
        "person",
        "as_of",
        "about",
        "member",
        "mean",
        "greatest",
        "last_kind",
        "last_size",
        "last_seen",
        "last_until",
        "last_note",
        "rank",
        deeds=ranked["deeds"].fill_null(0),
        total=ranked["total"].fill_null(0),
        kinds=ranked["kinds"].fill_null(0),
        days=days_between(ranked["since"], ranked["as_of"]),
        coming=ranked["coming"].fill_null(0),
    )


def value(column: Column, random: Random, names: list[str]) -> Any:
    """Make up a value: often an odd one, missing where it may be."""
    if column.optional and random.random() < 0.2:
        return None
    match column:
        case Number():
            least = -1e6 if column.minimum is None else column.minimum
            odd = [number for number in ODD_NUMBERS if column.minimum is None or number >= column.minimum]
            return random.choice(odd) if random.random() < 0.1 else random.uniform(least, 1e6)
        case Boolean():
            return random.random() < 0.5
        case Category():
            *most, rare = column.values  # churn's is what ends a customer's story
            return rare if random.random() < 0.02 else random.choice(most)
        case DateTime():
            whole = START + timedelta(seconds=random.randrange(300 * 86_400))  # seconds: many at one time
            return random.choice(ODD_MOMENTS) if random.random() < 0.3 else whole
    return random.choice(names if isinstance(column, Id) else ODD_NAMES)


def rows(table: Table, count: int, seed: int) -> list[dict[str, Any]]:
    random = Random(f"{table.name} {seed}")
    names = [*ODD_NAMES, *(f"c{number}" for number in range(20))]
    made = [{column.name: value(column, random, names) for column in table.columns} for _ in range(count)]
    if table.key is None:
        return [*made, *made[:5]]  # some rows come twice
    for row, name in zip(made, names, strict=False):
        row[table.key] = name
    return made[: len(names)]


def features_of(model: str) -> Features:
    made: Features = vars(catalog.load_module(catalog.folder(model) / "features.py"))["features"]
    return made


def assert_engines_agree(
    spark: SparkSession, spec: ModelSpec, features: Features, tables: dict[str, Any], folder: Path
) -> int:
    """Make the features on both; how many rows there are to learn from."""
    files = engines.shards(spec, folder / "shards", tables)
    one = engines.on_duckdb(spec, features, files, folder / "duckdb")
    other = engines.on_spark(spark, spec, features, files, folder / "spark")
    engines.assert_equal(engines.rows(spec, one.files), engines.rows(spec, other.files))
    engines.assert_equal(
        engines.online(spec, folder / "duckdb/online.jsonl"),
        engines.online(spec, folder / "spark/online.jsonl"),
    )
    assert (one.tables, one.fingerprint) == (other.tables, other.fingerprint)
    return int(one.facts["rows"])


@pytest.mark.parametrize(
    ("model", "seed"),
    [
        pytest.param(model, seed, marks=() if (model, seed) in QUICK else pytest.mark.long)
        for model in (*WITH_TABLES, EVERYTHING.name)
        for seed in range(2)
    ],
)
def test_features_are_the_same_on_both_engines(
    model: str, seed: int, spark: SparkSession, tmp_path: Path
) -> None:
    spec = EVERYTHING if model == EVERYTHING.name else catalog.get(model)
    features = everything if model == EVERYTHING.name else features_of(model)
    tables = {table.name: rows(table, 40 if table.key else 800, seed) for table in spec.tables}
    assert assert_engines_agree(spark, spec, features, tables, tmp_path) > 50
