"""Whatever a spec calls its columns and tables, no name of ours, of SQL or of a library gets in their way.

The names that are tried are not chosen by hand: they are every word in the texts (SQL, names in graphs) of the modules
that read and make data, every keyword and view of DuckDB, and what pandas and Ibis call their own attributes. Each is
tried in every place that a spec gives a name to.
"""

from __future__ import annotations

import ast
import itertools
import json
import keyword
import re
from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import duckdb
import ibis
import numpy as np
import onnx
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from sklearn.compose import make_column_transformer
from sklearn.linear_model import LinearRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder

import training
from preparation import prepare
from preparation.keys import check_keys
from relearn.api.open_inference import request as inference
from relearn.spec.columns import NAME_PATTERN
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
    Reference,
    Table,
    Text,
    Training,
)
from relearn.spec.tables import AS_OF, MAIN, MOMENTS
from scoring.encode import STRING, type_of
from scoring.reading import Reader
from scoring.scorer import Scorer
from tests.support.ranking_kit import small
from training.features import latest, onto
from training.features.testing import compute
from training.fitting import onnx_export
from training.fitting.fit import frame
from training.job import snapshot

HOUSE = Path(training.__file__).parents[1]
SQL = (
    *(HOUSE / "preparation").glob("*.py"),
    *(HOUSE / "training/features").glob("*.py"),
    *(HOUSE / "training/data").glob("*.py"),
    *(HOUSE / f"{name}.py" for name in ("training/job/snapshot", "training/job/backfill", "scoring/encode")),
)
GRAPHS = (
    *(HOUSE / "training/fitting/ranking").glob("*.py"),
    *(
        HOUSE / f"{name}.py"
        for name in ("training/fitting/onnx_export", "training/fitting/token_graph", "scoring/scorer")
    ),
)
HIDDEN = {"file_row_number", "filename", "file_index", "file_size", "rowid"}
"""Columns that DuckDB adds to files and tables."""
CHUNK = 60
KINDS: tuple[tuple[Any, Any], ...] = (
    (Number, 1.5),
    (lambda name: Category(name, values=("a", "b")), "a"),
    (Text, "some text"),
    (DateTime, "2026-05-04T10:00:00Z"),
    (Boolean, True),
    (Id, "x"),
)
"""A column of each type, and a value of it."""
JANUARY = datetime(2026, 1, 1, tzinfo=UTC)


def texts_of(path: Path) -> Iterator[str]:
    """Give the texts of a module that are no docstrings."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    docs = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in docs:
            yield node.value


def words_of(paths: Iterable[Path], among: str) -> set[str]:
    """Give every word of the texts that look like ``among``; a letter also with a number behind it."""
    texts = (text for path in paths for text in texts_of(path) if re.search(among, text))
    found = {word for text in texts for word in re.findall(r"[a-z][a-z0-9_]*", text)}
    return found | {f"{word}0" for word in found if len(word) == 1}


def words_of_duckdb() -> set[str]:
    with duckdb.connect() as connection:
        asked = (
            "SELECT keyword_name FROM duckdb_keywords() WHERE keyword_category = 'reserved'",
            "SELECT view_name FROM duckdb_views() WHERE schema_name = 'main'",
            "SELECT schema_name FROM duckdb_schemas()",
            "SELECT database_name FROM duckdb_databases()",
        )
        return HIDDEN.union(*({row[0] for row in connection.execute(one).fetchall()} for one in asked))


def spelt(names: Iterable[str]) -> list[str]:
    return sorted(name for name in names if NAME_PATTERN.fullmatch(name))


IN_SQL = spelt(words_of(SQL, r"\b[A-Z]{2,}\b.*[ (]|^\w+$") | words_of_duckdb() | {"place", "l", "t0"})
IN_PYTHON = spelt({*dir(ibis.Table), *dir(pd.DataFrame), *keyword.kwlist, *keyword.softkwlist})
IN_GRAPHS = spelt(
    words_of(GRAPHS, r"^\w+$") | {"variable", "label1", "output_label", "output_probability", "features"}
)


def chunks(names: list[str], size: int = CHUNK) -> list[list[str]]:
    return [names[start : start + size] for start in range(0, len(names), size)]


def spec_of(columns: tuple[Column, ...], target: Any = None, **more: Any) -> ModelSpec:
    return ModelSpec(
        name="m",
        title="Any names",
        columns=columns,
        target=target or Number("zz_target"),
        metric=Metric("r2", minimum=0.0),
        training=Training(holdout=0.5),
        **more,
    )


def write(row: Mapping[str, Any], file: Path) -> Path:
    """Write the same row twice, in the format that the file's name says."""
    match file.suffix:
        case ".csv":
            lines = [",".join(row), *[",".join(map(str, row.values()))] * 2]
            file.write_text("\n".join(lines) + "\n", encoding="utf-8")
        case ".jsonl":
            file.write_text((json.dumps(row) + "\n") * 2, encoding="utf-8")
        case _:
            pq.write_table(pa.Table.from_pylist([row] * 2), file)
    return file


def assert_read(spec: ModelSpec, row: Mapping[str, Any], file: Path) -> None:
    """Assert that a row comes through ingest into the shard, its profile and what a model is fitted on."""
    made = prepare(spec, write(row, file), file.name, file.parent / "work", threads=1)
    assert (made.refusal, made.rows_accepted, made.rows_rejected) == (None, 2, 0)
    assert made.shard is not None
    assert made.profile is not None
    for column in spec.raw_columns(MAIN):
        seen = made.profile.columns[column.name]
        assert (seen.missing, sum(seen.counts.values())) == (0, 0 if isinstance(column, Id) else 2)
    given = snapshot._fetch(spec, [made.shard])
    for column in (*spec.features, spec.target):
        if not isinstance(column, DateTime):
            assert given[column.name][0] == row[column.name]


@pytest.mark.parametrize("format_", ["csv", "jsonl", "parquet"])
def test_a_column_of_any_type(format_: str, tmp_path: Path) -> None:
    turn = 2 * ["csv", "jsonl", "parquet"].index(format_)
    for names in chunks(IN_SQL):
        chosen = {name: KINDS[(at + turn) % len(KINDS)] for at, name in enumerate(names)}
        spec = spec_of(tuple(kind(name) for name, (kind, _) in chosen.items()))
        row = {name: value for name, (_, value) in chosen.items()} | {"zz_target": 7.0}
        assert_read(spec, row, tmp_path / f"x.{format_}")


@pytest.mark.parametrize("name", [*sorted(HIDDEN), "a", "l", "place", "t0", "target", "v0"])
def test_a_target_or_an_entity(name: str, tmp_path: Path) -> None:
    row: dict[str, Any] = {"zz_size": 1.0, name: 7.0}
    assert_read(spec_of((Number("zz_size"),), Number(name)), row, tmp_path / "x.parquet")
    row = {"zz_size": 1.0, name: "x", "zz_target": 7.0}
    assert_read(spec_of((Number("zz_size"), Id(name)), entity=name), row, tmp_path / "x.parquet")


def shop(tables: Iterable[Table], **more: Any) -> ModelSpec:
    return spec_of(
        (Id("zz_who"), Number("zz_count")), Number("zz_target"), entity="zz_who", tables=tuple(tables), **more
    )


def test_raw_tables_and_their_keys_and_references(tmp_path: Path) -> None:
    names = [name for name in IN_SQL if name not in (MAIN, MOMENTS, AS_OF)]
    declared = [
        Table(name, columns=(Id(name),), key=name, quality=Quality(references=(Reference(name, to=other),)))
        for name, other in itertools.pairwise([*names, names[0]])
    ]
    spec = shop(declared)
    for name in ("name", "value", "rows"):  # what the file of keys calls its own
        file = write({name: "x"}, tmp_path / "x.csv")
        made = prepare(spec, file, file.name, tmp_path / "work", table=name)
        assert made.keys is not None
        assert pq.read_table(made.keys).to_pylist() == [{"name": name, "value": "x", "rows": 2}]
    kept = [{"name": name, "value": "x", "rows": 1} for name in names]
    pq.write_table(pa.Table.from_pylist(kept), tmp_path / "k")
    found = check_keys(spec, {name: [tmp_path / "k"] for name in names}, {}, tmp_path)
    assert {keys.orphans[name].rows for name, keys in found.items()} == {0}
    assert len(found) == len(names)


def counted(name: str, column: str) -> Any:
    """Make features of one table: its newest row and how many rows there are, by the functions of this package."""

    def features(tables: Mapping[str, ibis.Table]) -> ibis.Table:
        rows, moments = tables[name], tables[MOMENTS]
        spine = rows.select("zz_who").distinct().cross_join(moments)
        newest = latest(spine, rows, on="zz_who", time="zz_at")
        made = onto(spine, newest.drop("zz_at"), on="zz_who")
        return made.select(
            "zz_who", "as_of", zz_count=made[column].fill_null(0.0), zz_target=made[column].fill_null(0.0)
        )

    return features


def test_the_columns_and_the_name_of_a_table_that_features_are_made_of() -> None:
    for names in chunks(spelt({*IN_SQL, *IN_PYTHON, "zz_who_right", "t1"} - {AS_OF, MAIN, MOMENTS}), 90):
        columns: tuple[Column, ...] = (Id("zz_who"), DateTime("zz_at"), *map(Number, names))
        row: dict[str, Any] = {"zz_who": "a", "zz_at": "2025-12-01T00:00:00Z"}
        row |= {name: at for at, name in enumerate(names)}
        spec = shop(
            [Table(names[0], columns=columns, time="zz_at")],
            moments=Monthly(table=names[0], history_days=0, label_days=0),
        )
        (found,) = compute(spec, counted(names[0], names[-1]), {names[0]: [row]}, moments=[JANUARY])
        assert found["zz_count"] == len(names) - 1


def test_the_inputs_of_a_graph_that_takes_its_columns_by_name() -> None:
    names = [name for name in IN_GRAPHS if name not in IN_PYTHON]
    columns: list[Column] = [
        Number(name) if at % 2 else Category(name, values=("a", "b")) for at, name in enumerate(names)
    ]
    spec = spec_of(tuple(columns))
    rows: dict[str, Any] = {
        column.name: np.array(["a", "b", "a", "b"], object)
        if type_of(column) == STRING
        else np.arange(4, dtype=np.float32)
        for column in columns
    }
    words, numbers = names[::2], names[1::2]
    choice = make_column_transformer((OneHotEncoder(), words), ("passthrough", numbers))
    estimator = make_pipeline(choice, LinearRegression()).fit(frame(rows), np.arange(4.0))
    graph = onnx_export.export(estimator, spec)
    inputs = onnx_export.layout(graph, spec)
    assert [one.name for one in inputs] == names
    scorer = Scorer(graph.SerializeToString(), spec, inputs)
    assert scorer.columns(rows).predictions == pytest.approx(np.arange(4.0), abs=1e-3)


def test_a_recommender_has_no_name_but_its_inputs_that_a_column_can_have() -> None:
    drawn = onnx.load_from_string(small().onnx).graph
    ours = {name for node in drawn.node for name in (*node.input, *node.output)}
    ours |= {one.name for one in (*drawn.output, *drawn.initializer)}
    assert spelt(ours) == ["guest", "like"]


def test_the_columns_of_a_request() -> None:
    names = spelt({*IN_SQL, *IN_PYTHON, *IN_GRAPHS, "instances", "predictions", "inputs", "id"})
    spec = spec_of(tuple(Number(name) for name in names))
    row = {name: at for at, name in enumerate(names)}
    assert Reader(spec).parse(json.dumps({"instances": [row]}).encode()) == [tuple(row.values())]
    tensors = [{"name": name, "datatype": "FP64", "shape": [1], "data": [at]} for name, at in row.items()]
    assert inference.parse_request(spec, {"inputs": tensors}, b"").instances == [row]


def test_columns_that_differ_in_case_alone_are_told_apart(tmp_path: Path) -> None:
    spec = spec_of((Number("size"),))
    for suffix in ("csv", "jsonl", "parquet"):
        file = write({"size": 1.0, "SIZE": 2.0, "zz_target": 7.0}, tmp_path / f"x.{suffix}")
        refusal = prepare(spec, file, file.name, tmp_path / "work").refusal
        assert refusal is not None
        assert "unknown: SIZE" in refusal.detail
