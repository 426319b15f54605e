"""Every name that something else has, in every place of a spec that a name is given to, goes the whole way of its place.

`tests.unit.rules.test_names_of_columns` derives what names there are; here a few of each kind meet every place, with all that
is done there: ingest, reading, fitting, the graph and requests.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from zlib import crc32

import duckdb
import ibis
import numpy as np
import pytest
from sklearn.compose import make_column_transformer
from sklearn.linear_model import LinearRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder

from preparation import prepare
from preparation.keys import check_keys
from relearn.api.open_inference import request as inference
from relearn.errors import SpecError
from relearn.spec.columns import NAME_ALLOWED
from relearn.spec.model import (
    Boolean,
    Category,
    Column,
    DateTime,
    Id,
    Metric,
    ModelSpec,
    Monthly,
    Number,
    Quality,
    Ranking,
    Reference,
    Table,
    Text,
    Training,
)
from relearn.spec.tables import AS_OF, MAIN, MOMENTS, WEIGHT
from scoring.encode import STRING, seen, type_of
from scoring.reading import Reader
from scoring.scorer import Scorer
from tests.support.ranking_kit import K, interactions
from tests.support.training_kit import write_shard
from training.features.testing import compute
from training.fitting import onnx_export
from training.fitting.fit import frame
from training.fitting.ranking import graph
from training.fitting.ranking.fit import Factors
from training.fitting.token_counts import TokenCounts
from training.job import snapshot

NAMES = {
    "SQL": ("select", "order", "table", "null"),
    "DuckDB": ("file_row_number", "filename", "rowid", "main"),
    "an alias of ours in SQL": ("place", "l", "t0", "moments", "as_of"),
    "pandas, Arrow and Ibis": ("index", "values", "x_right"),
    "a graph": ("variable", "label", "output_label", "x"),
    "Python": ("class", "self"),
    "ours, in a request or beside it": ("id", "instances", "version", "target", "weight"),
}
ALL = tuple(name for names in NAMES.values() for name in names)
NO_NAMES = (
    "Size",
    "SELECT",
    "__class__",
    "_hidden",
    "名前",
    "größe",
    'a"b',
    "a'b",
    "a.b",
    "a b",
    " a",
    "a-b",
    "1st",
    "",
    "a;--",
    "a\n",
    "ａ",  # noqa: RUF001 - full width, which looks like an a
    "a" * 64,
)
ROWS = 12
AT = datetime(2026, 1, 1, tzinfo=UTC)


def spec_of(columns: Sequence[Column], target: Any = None, **more: Any) -> ModelSpec:
    target = target or Number("zz_target")
    metric = Metric("accuracy", minimum=0.0) if isinstance(target, Category) else Metric("r2", minimum=0.0)
    return ModelSpec(
        name="m",
        title="Any names",
        columns=tuple(columns),
        target=target,
        metric=metric,
        training=Training(holdout=0.5),
        **more,
    )


def value(column: Column, row: int) -> Any:
    match column:
        case Number():
            return float(row)
        case Category():
            return column.values[_bit(column.name, row)]
        case Boolean():
            return bool(_bit(column.name, row))
        case DateTime():
            return f"2025-05-{row + 1:02d}T10:00:00Z"
        case _:
            return f"some text {row}"


def _bit(name: str, row: int) -> int:
    return (row >> crc32(name.encode()) % 4) & 1  # columns differ, so that rows do


def taken_in(spec: ModelSpec, folder: Path, table: str = MAIN) -> Path:
    """Take a file in: its rows come whole into a shard."""
    columns = spec.raw_columns(table)
    rows = [{column.name: value(column, row) for column in columns} for row in range(ROWS)]
    file = folder / "x.jsonl"
    file.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    made = prepare(spec, file, file.name, folder / f"work-{table}", table=table, threads=1, now=AT)
    assert (made.refusal, made.rows_accepted, made.rows_rejected) == (None, ROWS, 0)
    assert made.shard is not None
    return made.shard


def estimator_of(spec: ModelSpec) -> Any:
    """Make an estimator that takes each column by its name."""
    texts = tuple(column.name for column in spec.features if isinstance(column, Text))
    if texts:
        return make_pipeline(TokenCounts(columns=texts, min_df=1), LinearRegression())
    words = [one.name for one in seen(spec.features) if type_of(one) == STRING]
    numbers = [one.name for one in seen(spec.features) if type_of(one) != STRING]
    return make_pipeline(
        make_column_transformer((OneHotEncoder(handle_unknown="ignore"), words), ("passthrough", numbers)),
        LinearRegression(),
    )


def goes_the_whole_way(spec: ModelSpec, folder: Path) -> None:
    """Assert that what is uploaded is learnt, and that a request by these names is answered as the estimator does."""
    data = snapshot._read(spec, [taken_in(spec, folder)])
    rows = data.train.and_also(data.holdout)
    wanted = {one.name for one in seen(spec.features)}
    assert set(rows.columns) == wanted
    estimator = estimator_of(spec).fit(frame(rows.columns), rows.target)
    drawn = onnx_export.export(estimator, spec)
    inputs = onnx_export.layout(drawn, spec)
    assert {name for one in inputs for name in one.columns} == wanted
    scorer = Scorer(drawn.SerializeToString(), spec, inputs)
    answers = scorer.columns(rows.columns).predictions
    assert answers == pytest.approx(estimator.predict(frame(rows.columns)), abs=1e-2)
    asked = [{column.name: value(column, row) for column in spec.columns} for row in range(ROWS)]
    read = Reader(spec).parse(json.dumps({"instances": asked}).encode())
    assert sorted(scorer.rows(read).predictions) == pytest.approx(sorted(answers), abs=1e-2)


def is_split(spec: ModelSpec, folder: Path) -> None:
    """Assert that what is uploaded comes back whole, each row on a side."""
    data = snapshot._read(spec, [taken_in(spec, folder)])
    assert len(data.train) + len(data.holdout) == ROWS
    assert set(data.train.columns) == {"zz_size"}


def is_asked_by_tensors(spec: ModelSpec, _folder: Path) -> None:
    row = {column.name: float(at) for at, column in enumerate(spec.columns)}
    tensors = [{"name": name, "datatype": "FP64", "shape": [1], "data": [at]} for name, at in row.items()]
    assert inference.parse_request(spec, {"inputs": tensors}, b"").instances == [row]


def features(spec: ModelSpec) -> Callable[[Mapping[str, ibis.Table]], ibis.Table]:
    """Make features of every table: how many rows it has."""

    def made(tables: Mapping[str, ibis.Table]) -> ibis.Table:
        assert set(tables) == {*spec.table_names, MOMENTS}
        first = tables[spec.tables[0].name]
        spine = first.select(first[spec.tables[0].columns[0].name].name("zz_who")).distinct()
        spine = spine.cross_join(tables[MOMENTS])
        counted = [ibis.literal(1.0).name(column.name) for column in (*spec.features, spec.target)]
        return spine.select(spine["zz_who"].name(str(spec.entity)), AS_OF, *counted)

    return made


def has_features(spec: ModelSpec, folder: Path) -> None:
    """Assert that every table is taken in, that keys and references hold, and that features are made of all."""
    keys = {}
    for table in spec.tables:
        shard = taken_in(spec, folder, table.name)
        with duckdb.connect() as connection:
            assert connection.execute(f"SELECT count(*) FROM '{shard}'").fetchone() == (ROWS,)  # noqa: S608
        keys[table.name] = [folder / f"work-{table.name}" / "keys.parquet"]
    found = check_keys(
        spec, {name: [one for one in of if one.is_file()] for name, of in keys.items()}, {}, folder
    )
    assert {orphans.rows for one in found.values() for orphans in one.orphans.values()} <= {0}
    is_made(spec, folder)


def is_made(spec: ModelSpec, _folder: Path) -> None:
    """Assert that features of these names are made of every table."""
    given = {
        table.name: [{one.name: value(one, row) for one in table.columns} for row in range(ROWS)]
        for table in spec.tables
    }
    made = compute(spec, features(spec), given, moments=[AT])
    assert len(made) == ROWS
    assert set(made[0]) == {*(column.name for column in spec.made), AS_OF}


def recommends(spec: ModelSpec, folder: Path) -> None:
    """Assert that what was met is split by these names, and that the graph is asked by them."""
    assert isinstance(spec.target, Ranking)
    columns: list[Column] = [Id(str(spec.entity)), Id(spec.target.name), Number(WEIGHT), DateTime(AS_OF)]
    rows = [
        {
            columns[0].name: f"g{at % 3}",
            columns[1].name: f"f{at}",
            WEIGHT: 1.0,
            AS_OF: f"2025-01-{at + 1:02d}",
        }
        for at in range(ROWS)
    ]
    fetched = snapshot._fetch(spec, [write_shard(folder / "shard.parquet", columns, rows)])
    assert set(fetched[spec.target.name]) == {f"f{at}" for at in range(ROWS)}
    assert set(fetched[str(spec.entity)]) == {"g0", "g1", "g2"}
    known = interactions(np.ones((3, 5)))
    draft = graph.Draft(known, Factors(np.ones((3, 2), np.float32), np.ones((5, 2), np.float32)), K)
    drawn = graph.build(draft, "m", visitor=str(spec.entity), similar_to=spec.target.similar_to)
    scorer = Scorer(drawn.SerializeToString(), spec, onnx_export.layout(drawn, spec))
    basis = scorer.rows([("g0", None), (None, "f1"), (None, None)]).basis
    assert basis is not None
    assert list(basis) == ["history", "similar", "popularity"]


def shop(tables: Sequence[Table], **more: Any) -> ModelSpec:
    given: dict[str, Any] = {
        "columns": (Id("zz_who"), Number("zz_count")),
        "target": Number("zz_target"),
        "entity": "zz_who",
    }
    given |= more
    time = Table("zz_times", columns=(Id("zz_who"), DateTime("zz_at")), time="zz_at")
    moments = Monthly(table="zz_times", history_days=0, label_days=0)
    return spec_of(
        given.pop("columns"), given.pop("target"), tables=(time, *tables), moments=moments, **given
    )


def guests(visitor: str = "zz_who", item: str = "zz_item", like: str = "zz_like") -> ModelSpec:
    return ModelSpec(
        name="m",
        title="Any names",
        entity=visitor,
        tables=(Table("zz_seen", columns=(Id(visitor), Id(item), DateTime("zz_at")), time="zz_at"),),
        columns=(Id(visitor, optional=True), Id(like, optional=True)),
        target=Ranking(item, k=K, similar_to=like),
        metric=Metric("ndcg_at_k", minimum=0.0),
        training=Training(holdout=0.5),
    )


@dataclass(frozen=True)
class Place:
    """Somewhere that a spec gives a name.

    Parameters
    ----------
    specs
        Specs with all of some names there: one, where there is room for all.
    check
        Does with such a spec what is done at that place.
    refused
        Names that are the product's own there, and refused by the spec.
    """

    specs: Callable[[Sequence[str]], list[ModelSpec]]
    check: Callable[[ModelSpec, Path], None]
    refused: frozenset[str] = frozenset()


def columns(kind: Callable[[str], Column]) -> Callable[[Sequence[str]], list[ModelSpec]]:
    return lambda names: [spec_of([*map(kind, names), *([] if kind is not Id else [Number("zz_size")])])]


def each(make: Callable[[str], ModelSpec]) -> Callable[[Sequence[str]], list[ModelSpec]]:
    return lambda names: [make(name) for name in names]


def of_words(name: str) -> Category:
    return Category(name, values=("a", "b"))


def in_parts(name: str) -> DateTime:
    return DateTime(name, parts=("date", "time", "weekday"))


def tables(make: Callable[[str, int], Table]) -> Callable[[Sequence[str]], list[ModelSpec]]:
    return lambda names: [shop([make(name, at) for at, name in enumerate(names)])]


def referring(name: str, at: int) -> Table:
    to_itself = Quality(references=(Reference(name, to="zz_all"),))
    return Table(f"zz_{at}", columns=(Id(name),), quality=to_itself)


PLACES: dict[str, Place] = {
    "a feature that is a number": Place(columns(Number), goes_the_whole_way),
    "a feature that is a category": Place(columns(of_words), goes_the_whole_way),
    "a feature that is a text": Place(columns(Text), goes_the_whole_way),
    "a feature that is true or false": Place(columns(Boolean), goes_the_whole_way),
    "a feature that is a date-time, and its parts": Place(columns(in_parts), goes_the_whole_way),
    "an id": Place(columns(Id), is_split),
    "a tensor": Place(columns(Number), is_asked_by_tensors),
    "a target that is a number": Place(
        each(lambda name: spec_of([Number("zz_size")], Number(name))), is_split
    ),
    "a target that is a category": Place(
        each(lambda name: spec_of([Number("zz_size")], of_words(name))), is_split
    ),
    "an entity": Place(each(lambda name: spec_of([Id(name), Number("zz_size")], entity=name)), is_split),
    "a table": Place(
        tables(lambda name, _: Table(name, columns=(Id("zz_who"),))), has_features, frozenset({MAIN, MOMENTS})
    ),
    "a column of a table": Place(
        lambda names: [shop([Table("zz_table", columns=tuple(map(Number, names)))])],
        has_features,
        frozenset({AS_OF}),
    ),
    "a key of a table": Place(
        tables(lambda name, at: Table(f"zz_{at}", columns=(Id(name),), key=name)),
        has_features,
        frozenset({AS_OF}),
    ),
    "a time of a table": Place(
        tables(lambda name, at: Table(f"zz_{at}", columns=(DateTime(name),), time=name)),
        has_features,
        frozenset({AS_OF}),
    ),
    "a reference": Place(
        lambda names: [
            shop(
                [
                    Table("zz_all", columns=(Id("zz_key"),), key="zz_key"),
                    *map(referring, names, range(len(names))),
                ]
            )
        ],
        has_features,
        frozenset({AS_OF}),
    ),
    "a feature that is made": Place(
        lambda names: [shop([], columns=(Id("zz_who"), *map(Number, names)))],
        is_made,
        frozenset({AS_OF}),
    ),
    "a target that is made": Place(
        each(lambda name: shop([], target=Number(name))), is_made, frozenset({AS_OF})
    ),
    "an entity of features": Place(
        each(lambda name: shop([], columns=(Id(name), Number("zz_count")), entity=name)),
        is_made,
        frozenset({AS_OF}),
    ),
    "a visitor": Place(each(lambda name: guests(visitor=name)), recommends, frozenset({WEIGHT, AS_OF})),
    "an item": Place(each(lambda name: guests(item=name)), recommends, frozenset({WEIGHT, AS_OF})),
    "what an item is like": Place(
        each(lambda name: guests(like=name)), recommends, frozenset({WEIGHT, AS_OF})
    ),
}


def test_there_are_at_least_as_many_placements_as_were_ever_tried_by_hand() -> None:
    assert sum(len(set(ALL) - place.refused) for place in PLACES.values()) >= 368


@pytest.mark.parametrize("place", PLACES)
def test_a_name_of_each_kind_in_every_place(place: str, tmp_path: Path) -> None:
    number = list(PLACES).index(place)  # so that each name has its turn somewhere
    go_the_way_of(place, [names[number % len(names)] for names in NAMES.values()], tmp_path)


@pytest.mark.long
@pytest.mark.parametrize("place", PLACES)
def test_every_name_in_every_place(place: str, tmp_path: Path) -> None:
    go_the_way_of(place, ALL, tmp_path)


def go_the_way_of(place: str, names: Sequence[str], folder: Path) -> None:
    at = PLACES[place]
    for spec in at.specs([name for name in names if name not in at.refused]):
        at.check(spec, folder)


@pytest.mark.parametrize("place", PLACES)
def test_a_name_that_the_product_has_at_a_place_is_refused_there_and_said(place: str) -> None:
    for name in PLACES[place].refused:
        with pytest.raises(SpecError, match=name):
            PLACES[place].specs([name])


@pytest.mark.parametrize("place", PLACES)
def test_a_name_that_is_spelt_otherwise_is_refused_with_what_is_allowed(place: str) -> None:
    for name in NO_NAMES:
        with pytest.raises(SpecError) as refused:
            PLACES[place].specs([name])
        assert NAME_ALLOWED in str(refused.value)
