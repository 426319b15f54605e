"""Requests are checked against the spec, and the JSON Schema we publish says the same."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import jsonschema
import pytest
from hypothesis import given
from hypothesis import strategies as st

from relearn.api import json_schema, request_schema
from relearn.errors import InvalidInstancesError
from relearn.spec.fields import MAX_ERRORS
from relearn.spec.model import (
    Boolean,
    Category,
    DateTime,
    Id,
    Metric,
    ModelSpec,
    Monthly,
    Number,
    Table,
    Text,
)
from tests.support.strategies import instances, looked_up_specs, perhaps_instances, specs

SPEC = ModelSpec(
    name="m",
    title="m",
    columns=(
        Number("size", unit="cm", minimum=0, maximum=10),
        Category("hue", values=("red", "blue"), optional=True),
        Text("note", max_length=3, optional=True),
        Boolean("wild", optional=True),
        DateTime("seen", optional=True),
        Id("plant", max_length=4, optional=True),
    ),
    target=Number("price"),
    metric=Metric("mae", maximum=1),
)


def errors_of(body: object) -> dict[str, str]:
    with pytest.raises(InvalidInstancesError) as caught:
        request_schema.check_request(SPEC, body)
    return {error.pointer: error.detail for error in caught.value.errors}


@given(st.data())
def test_rows_that_fit_pass_unchanged(data: st.DataObject) -> None:
    spec = data.draw(specs())
    rows = data.draw(st.lists(instances(spec), min_size=1, max_size=3))
    assert request_schema.check_request(spec, {"instances": rows}) == rows


@given(st.data())
def test_our_check_and_our_json_schema_agree(data: st.DataObject) -> None:
    spec = data.draw(specs() | looked_up_specs())
    dates = {column.name for column in spec.columns if isinstance(column, DateTime)}
    instance = data.draw(perhaps_instances(spec))
    valid = jsonschema.Draft202012Validator(json_schema.request_schema(spec)).is_valid(
        {"instances": [instance]}
    )
    found = request_schema.check_instance(spec, instance, by_entity=True)
    # JSON Schema does not check formats, and JSON has no NaN.
    unchecked = [error for error in found if error.pointer[1:] in dates or "got nan" in error.detail]
    assert valid == (not found) or bool(unchecked)


@given(st.data())
def test_where_nothing_is_looked_up_an_instance_is_whole(data: st.DataObject) -> None:
    spec = data.draw(looked_up_specs())
    instance = data.draw(perhaps_instances(spec))
    told = replace(spec, moments=None)
    whole, plain = (
        request_schema.check_instance(spec, instance),
        request_schema.check_instance(told, instance, by_entity=True),
    )
    assert [error.pointer for error in whole] == [error.pointer for error in plain]


@given(specs() | looked_up_specs())
def test_the_json_schema_is_a_json_schema(spec: ModelSpec) -> None:
    jsonschema.Draft202012Validator.check_schema(json_schema.request_schema(spec))
    json.dumps(json_schema.request_schema(spec), allow_nan=False)


@pytest.mark.parametrize("body", [None, [], "x", 1, {}, {"instances": None}, {"instances": []}])
def test_what_is_no_request_is_refused(body: object) -> None:
    assert errors_of(body)


def test_more_instances_than_allowed_are_refused() -> None:
    assert "got 1001 rows" in errors_of({"instances": [{}] * 1001})["/instances"]


def test_every_wrong_field_is_reported_at_once() -> None:
    row = {"size": 11, "hue": "green", "note": "long", "wild": 1, "seen": "now", "plant": "", "extra/~": 0}
    found = errors_of({"instances": [row], "more": 1})
    assert found == {
        "/more": "unknown field; allowed: instances",
        "/instances/0/size": "got 11; allowed: at most 10",
        "/instances/0/hue": "got 'green'; allowed: one of red, blue",
        "/instances/0/note": "got 4 characters; allowed: at most 3",
        "/instances/0/wild": "got 1; allowed: true or false",
        "/instances/0/seen": "got 'now'; allowed: an ISO 8601 date-time such as 2026-05-04T10:00:00Z, from year 1 to 9999",
        "/instances/0/plant": "got ''; allowed: a string of 1 to 4 characters, none of them NUL",
        "/instances/0/extra~1~0": "unknown column; allowed: size, hue, note, wild, seen, plant",
    }


def test_a_missing_value_says_what_is_allowed() -> None:
    found = errors_of({"instances": [{}, {"size": None}]})
    assert found["/instances/0/size"] == "missing; allowed: a number in cm, at least 0, at most 10"
    assert found["/instances/1/size"].startswith("null is not allowed; ")


@pytest.mark.parametrize("value", [float("nan"), float("inf"), 1e39, "1", True, [1]])
def test_only_a_finite_number_is_a_number(value: Any) -> None:
    spec = ModelSpec(
        name="m",
        title="m",
        columns=(Number("x"),),
        target=Number("y"),
        metric=Metric("mae", maximum=1),
    )
    (error,) = request_schema.check_instance(spec, {"x": value})
    assert error.detail.endswith("allowed: a finite number")


BY_PLANT = replace(
    SPEC,
    columns=(*SPEC.columns, Number("age")),
    entity="plant",
    tables=(Table("visits", columns=(DateTime("at"),), time="at"),),
    moments=Monthly(table="visits", history_days=1, label_days=1),
)


def test_an_entity_that_is_named_stands_for_what_is_missing() -> None:
    assert request_schema.check_instance(BY_PLANT, {"plant": "rose"}, by_entity=True) == []
    assert request_schema.check_instance(BY_PLANT, {"plant": "rose", "age": 3}, by_entity=True) == []


def test_what_is_given_beside_an_entity_is_checked_all_the_same() -> None:
    wrong = {"plant": "rose", "size": 11, "age": None, "hue": "green"}
    found = request_schema.check_instance(BY_PLANT, wrong, by_entity=True)
    assert [error.pointer for error in found] == ["/size", "/hue", "/age"]


@pytest.mark.parametrize(
    ("by_entity", "hint"),
    [
        (True, "; or plant alone, by which it is looked up"),
        (False, "; here nothing is looked up by plant: only predict does"),
    ],
)
def test_without_an_entity_a_missing_value_says_whether_it_could_be_looked_up(
    by_entity: bool,  # noqa: FBT001
    hint: str,
) -> None:
    _, age = request_schema.check_instance(BY_PLANT, {"plant": None}, by_entity=by_entity)
    assert age.detail == f"missing; allowed: a number{hint}"


def test_no_more_than_a_hundred_errors_are_reported() -> None:
    assert len(errors_of({"instances": [{}] * 500})) == MAX_ERRORS


def test_an_optional_value_may_be_null_in_the_schema_too() -> None:
    hue = json_schema.column_schema(SPEC.columns[1])
    assert hue == {"type": ["string", "null"], "enum": ["red", "blue", None]}
