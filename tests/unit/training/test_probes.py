"""What a job leaves of its holdout to ask a candidate with."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from relearn.api.request_schema import check_request
from relearn.spec.model import DateTime, Number, Text
from scoring.encode import from_values
from scoring.reading import Reader
from tests.support.training_kit import MIXED, NUMBERS
from training.job import probes

LENGTHS = replace(NUMBERS, columns=(Number("a", minimum=0.1, maximum=0.3),))
WHOLE = {
    "size": np.array([1.5], np.float32),
    "colour": np.array(["red"], object),
    "note": np.array(["ein Stück"], object),
    "fresh": np.array([1.0], np.float32),
    "at": np.array([0.5], np.float32),
}
NOTHING = {
    "size": np.array([np.nan], np.float32),
    "colour": np.array([""], object),
    "note": np.array([""], object),
    "fresh": np.array([np.nan], np.float32),
    "at": np.array([np.nan], np.float32),
}


def test_a_row_becomes_the_request_that_it_was() -> None:
    (instance,) = probes.instances(MIXED, WHOLE)
    assert instance == {
        "who": "p",
        "size": 1.5,
        "colour": "red",
        "note": "ein Stück",
        "fresh": True,
        "at": "2000-01-01T12:00:00+00:00",
    }


@pytest.mark.parametrize("columns", [WHOLE, NOTHING])
def test_a_version_takes_what_is_left(columns: dict[str, Any]) -> None:
    found = probes.instances(MIXED, columns)
    assert check_request(MIXED, {"instances": found}) == found


@given(st.floats(0.1, 0.3))
def test_a_number_is_the_same_float32_to_the_model_and_keeps_within_its_bounds(value: float) -> None:
    column = np.array([value], np.float32).clip(np.float32(0.1), np.float32(0.3))
    body = json.dumps({"instances": probes.instances(LENGTHS, {"a": column})}).encode()
    rows = Reader(LENGTHS).parse(body)
    assert from_values(LENGTHS.columns)(rows).tolist() == [[column[0]]]


def test_the_sample_is_the_same_of_the_same_holdout_and_not_its_first_rows() -> None:
    columns = {name: np.arange(1000, dtype=np.float32) for name in ("a", "b", "c")}
    found = probes.instances(NUMBERS, columns)
    assert found == probes.instances(NUMBERS, columns)
    assert len(found) == probes.ROWS
    assert max(instance["a"] for instance in found) > 900


def test_long_texts_are_fewer(tmp_path: Path) -> None:
    spec = replace(NUMBERS, columns=(Text("body", max_length=100_000),))
    probes.write(tmp_path, spec, {"body": np.array(["x" * 90_000] * 50, object)})
    lines = (tmp_path / probes.FILE).read_bytes().splitlines()
    assert len(lines) == probes.LARGEST // 90_013
    assert {len(json.loads(line)["body"]) for line in lines} == {90_000}


@pytest.mark.parametrize("end", ["9999-12-31T23:59:59Z", "9999-12-31", "0001-01-01"])
def test_a_time_at_the_end_of_the_calendar_is_asked_about(end: str) -> None:
    spec = replace(NUMBERS, columns=(DateTime("at"),))
    days = from_values(spec.columns)([[end]])[:, 0]
    found = probes.instances(spec, {"at": days})
    assert check_request(spec, {"instances": found}) == found
