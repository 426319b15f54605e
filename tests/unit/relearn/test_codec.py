"""A spec survives the way to JSON and back, and its digest says what an artifact fits."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest
from hypothesis import given

from relearn.errors import SpecError
from relearn.spec import codec
from relearn.spec.model import DateTime, Engine, Metric, ModelSpec, Number, Retrain
from tests.support.models import FLOWERS
from tests.support.strategies import specs

LATER = ("tables", "moments", "engine")


@given(specs())
def test_a_spec_read_back_is_equal(spec: ModelSpec) -> None:
    assert codec.from_dict(json.loads(json.dumps(codec.to_dict(spec)))) == spec


@given(specs())
def test_the_digest_is_the_same_after_the_way_to_json_and_back(spec: ModelSpec) -> None:
    read = codec.from_dict(json.loads(json.dumps(codec.to_dict(spec))))
    assert codec.digest(read) == codec.digest(spec)


@given(specs())
def test_the_digest_changes_with_the_columns_and_not_with_how_a_model_is_run(spec: ModelSpec) -> None:
    assert codec.digest(replace(spec, retrain=Retrain(debounce_seconds=1))) == codec.digest(spec)
    wider = replace(spec, columns=(*spec.columns, Number("one_more")))
    assert codec.digest(wider) != codec.digest(spec)


@given(specs())
def test_a_spec_stored_before_there_were_tables_has_none(spec: ModelSpec) -> None:
    old = {key: value for key, value in codec.to_dict(spec).items() if key not in LATER}
    assert codec.from_dict(old) == replace(spec, tables=(), moments=None, engine=Engine())


@given(specs())
def test_an_unknown_hosting_or_column_type_is_named(spec: ModelSpec) -> None:
    data = codec.to_dict(spec)
    with pytest.raises(SpecError, match="balloon"):
        codec.from_dict({**data, "hosting": {**data["hosting"], "type": "balloon"}})
    with pytest.raises(SpecError, match="colour"):
        codec.from_dict({**data, "target": {**data["target"], "type": "colour"}})


def test_equal_values_have_one_json() -> None:
    assert codec.canonical_json({"b": 1, "a": ["ü"]}) == codec.canonical_json({"a": ["ü"], "b": 1})


def test_a_date_time_without_parts_and_of_utc_is_stored_as_before_there_were_any() -> None:
    plain = replace(PLAIN, columns=(DateTime("at"),))
    (stored,) = codec.to_dict(plain)["columns"]
    assert stored.keys() == {"type", "name", "description", "optional", "private"}
    tokyo = replace(plain, columns=(DateTime("at", zone="Asia/Tokyo"),))
    assert codec.digest(tokyo) != codec.digest(plain)
    assert codec.digest(replace(plain, columns=(DateTime("at", parts=("hour",)),))) != codec.digest(plain)


PLAIN = ModelSpec(
    name="plain",
    title="A spec",
    columns=(DateTime("at"),),
    target=Number("size"),
    metric=Metric("mae", maximum=1.0),
)


def test_a_column_of_an_unknown_type_is_refused_with_those_that_are() -> None:
    data = codec.to_dict(FLOWERS)
    data["columns"][0]["type"] = "colour"
    with pytest.raises(
        SpecError, match=r"^spec field 'columns.type': got 'colour'; allowed: one of .*number"
    ):
        codec.from_dict(data)
