"""One comparison with a bound, wherever a number is looked at: ingest, requests, tensors, a run's check, probes, features."""

from __future__ import annotations

import itertools
import json
import math
from dataclasses import replace
from pathlib import Path

import duckdb
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from preparation import prepare, rules
from relearn.api.open_inference import request as inference
from relearn.api.request_schema import check_instance
from relearn.data import checks
from relearn.data.profiles import ColumnProfile
from relearn.errors import RelearnError
from relearn.spec.columns import LARGEST_FLOAT32, float32
from relearn.spec.model import Id, Metric, ModelSpec, Number
from scoring.reading import Reader
from tests.support.examples import examples
from training.features import check
from training.features.column_types import FEATURE_TYPES
from training.job import probes

FINITE = st.floats(-LARGEST_FLOAT32, LARGEST_FLOAT32) | st.integers(-(2**62), 2**62)
BOUNDS = st.tuples(FINITE, FINITE).map(sorted).filter(lambda pair: float(pair[0]) < float(pair[1]))
LISTED = [(0, 0.1), (0.7, 1), (0, 2147483647), (0, 99999999), (0.1000000014, 1), (2**24 + 1, 2**53 + 1)]


def spec_of(low: float, high: float) -> ModelSpec:
    return ModelSpec(
        name="m",
        title="One number",
        columns=(Id("who", optional=True), Number("x", minimum=low, maximum=high)),
        target=Number("y"),
        metric=Metric("r2", minimum=0.0),
    )


def numbers_at(low: float, high: float) -> list[float]:
    """Give both bounds, what is just inside and just outside of them, and their float32."""
    near = [math.nextafter(float(bound), to) for bound in (low, high) for to in (-math.inf, math.inf)]
    return [low, high, float(low), float(high), *near, float32(low), float32(high)]


@pytest.fixture(scope="module")
def connection() -> duckdb.DuckDBPyConnection:
    return duckdb.connect()


def accepted_by(spec: ModelSpec, value: float, connection: duckdb.DuckDBPyConnection) -> dict[str, bool]:
    """Say who takes a value that is given."""
    column, text = spec.columns[1], json.dumps(value)
    stored = connection.execute(f"SELECT {rules.value(column, 't')} FROM (SELECT '{text}' AS t)").fetchone()  # noqa: S608
    body = json.dumps({"instances": [{"x": value}]}).encode()
    tensor = {"name": "x", "datatype": "FP64", "shape": [1], "data": [value]}
    return {
        "ingest": stored is not None and stored[0] is not None,
        "API": not check_instance(spec, {"x": value}),
        "container": _takes(lambda: Reader(spec).parse(body)),
        "tensors": _takes(lambda: inference.parse_request(spec, {"inputs": [tensor]}, b"")),
    }


def _takes(read: object) -> bool:
    try:
        read()  # type: ignore[operator]
    except RelearnError:
        return False
    return True


def assert_one_comparison(low: float, high: float, connection: duckdb.DuckDBPyConnection) -> None:
    spec = spec_of(low, high)
    column = spec.columns[1]
    assert isinstance(column, Number)
    for value in numbers_at(low, high):
        inside = float(low) <= float(value) <= float(high) and abs(value) <= LARGEST_FLOAT32
        assert set(accepted_by(spec, value, connection).values()) == {inside}, value
        if not inside:
            continue
        stored = float32(float(value))
        profile = ColumnProfile(type="number", low=stored, high=stored)
        assert list(checks._range("main", column, profile)) == []
        (probe,) = probes.instances(spec, {"x": np.array([stored], np.float32)})
        assert check_instance(spec, probe) == []
        assert float32(probe["x"]) == stored
        faults = [sql for _, sql in check._faults(spec, column)]
        made = f"SELECT {FEATURE_TYPES[Number].online(column)}, {', '.join(faults)} FROM (SELECT CAST({stored!r} AS FLOAT) AS x)"  # noqa: S608
        looked_up, *wrong = connection.execute(made).fetchone() or ()
        assert check_instance(spec, {"x": looked_up}) == []
        assert not any(wrong)
        tensor = {"name": "x", "datatype": "FP32", "shape": [1], "data": [stored]}
        assert float32(inference.parse_request(spec, {"inputs": [tensor]}, b"").instances[0]["x"]) == stored


@pytest.mark.parametrize(("low", "high"), LISTED)
def test_a_value_at_a_bound_is_accepted_everywhere(
    low: float, high: float, connection: duckdb.DuckDBPyConnection
) -> None:
    assert_one_comparison(low, high, connection)


@examples(80)
@given(bounds=BOUNDS)
def test_everyone_draws_the_line_at_the_same_number(
    bounds: list[float], connection: duckdb.DuckDBPyConnection
) -> None:
    assert_one_comparison(bounds[0], bounds[1], connection)


@pytest.mark.parametrize(("low", "high"), LISTED)
def test_a_file_of_values_at_the_bounds_passes_the_check_of_its_run(
    low: float, high: float, tmp_path: Path
) -> None:
    spec = spec_of(low, high)
    for number, (format_, write) in enumerate(itertools.product(("DOUBLE", "FLOAT"), ("csv", "parquet"))):
        file = tmp_path / f"{number}.{write}"
        rows = (
            f"SELECT CAST({low} AS {format_}) AS x, 1.0 AS y UNION ALL SELECT CAST({high} AS {format_}), 2.0"
        )
        if write == "csv":
            file.write_text(f"x,y\n{low!r},1\n{high!r},2\n")
        else:
            duckdb.execute(f"COPY ({rows}) TO '{file}'")
        made = prepare(spec, file, file.name, tmp_path / "work", threads=1)
        assert (made.refusal, made.rows_accepted) == (None, 2)
        assert made.profile is not None
        assert list(checks._range("main", spec.columns[1], made.profile.columns["x"])) == []


def test_a_bound_is_told_in_full() -> None:
    column = Number("x", minimum=0.5, maximum=99999999)
    assert column.problem(100000000) == "got 100000000; allowed: at most 99999999"
    assert column.problem(0) == "got 0; allowed: at least 0.5"


@pytest.mark.parametrize("largest", [LARGEST_FLOAT32, -LARGEST_FLOAT32])
def test_the_largest_float32_is_taken_however_it_comes_back(largest: float, tmp_path: Path) -> None:
    assert Number("x").problem(Number("x").as_given(largest)) is None
    spec = replace(spec_of(0, 1), columns=(Id("who", optional=True), Number("x")))
    file = tmp_path / "x.parquet"
    duckdb.execute(f"COPY (SELECT CAST({largest!r} AS FLOAT) AS x, 1.0 AS y) TO '{file}'")
    made = prepare(spec, file, file.name, tmp_path / "work", threads=1)
    assert (made.refusal, made.rows_accepted, made.rows_rejected) == (None, 1, 0)
