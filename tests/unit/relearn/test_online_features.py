"""Features that are looked up: how they are keyed, which are needed, and what an instance gets of them."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from relearn.api import request_schema
from relearn.errors import DataError, InvalidInstancesError
from relearn.records import online_features
from relearn.spec.model import ModelSpec
from tests.support.models import LOOKED_UP as SPEC
from tests.support.strategies import instances, looked_up_specs, perhaps_instances, specs

ENTITIES = st.text(min_size=1, max_size=1500)


@given(ENTITIES, ENTITIES, st.integers(1, 99))
def test_every_entity_has_keys_of_its_own_that_dynamodb_takes(one: str, other: str, version: int) -> None:
    pk, sk = online_features.key("m", version, one)
    assert 1 <= len(sk.encode()) <= 1024
    assert pk in {online_features.partition("m", version, part) for part in range(online_features.PARTS)}
    assert ((pk, sk) == online_features.key("m", version, other)) == (one == other)
    assert online_features.key("m", version + 1, one)[0] != pk


@pytest.mark.parametrize("entity", ["x" * 1023, "x" * 1024, "é" * 512, "#x", "=x"])
def test_an_entity_that_is_too_long_for_a_key_is_hashed(entity: str) -> None:
    _, sk = online_features.key("m", 1, entity)
    assert (sk == f"={entity}") == (len(entity.encode()) < 1024)


@st.composite
def lines(draw: st.DrawFn, spec: ModelSpec) -> dict[str, Any]:
    """What the training job leaves of one entity."""
    found = {column.name: None for column in spec.columns} | draw(instances(spec))
    assume(found[spec.entity or ""] is not None)
    return found


def known(spec: ModelSpec, line: dict[str, Any]) -> dict[str, Any]:
    """Take a line through the table."""
    text = json.dumps({**line, "as_of": "2026-05-01T00:00:00Z"}).encode()
    columns: dict[str, Any] = json.loads(online_features.item(spec, 3, text)[online_features.COLUMNS])
    return columns


@given(st.data())
def test_an_entity_alone_is_scored_as_it_was_learnt(data: st.DataObject) -> None:
    spec = data.draw(looked_up_specs())
    line = data.draw(lines(spec))
    entity = line[spec.entity or ""]
    (filled,) = online_features.fill(spec, 3, [{str(spec.entity): entity}], {entity: known(spec, line)})
    assert filled == line
    assert request_schema.check_instance(spec, filled) == []


@given(st.data())
def test_what_a_request_says_stands_and_the_rest_is_filled_in(data: st.DataObject) -> None:
    spec = data.draw(looked_up_specs())
    line = data.draw(lines(spec))
    entity = line[spec.entity or ""]
    given_ = {**data.draw(perhaps_instances(spec)), str(spec.entity): entity}
    assume(not request_schema.check_instance(spec, given_, by_entity=True))
    (filled,) = online_features.fill(spec, 3, [given_], {entity: known(spec, line)})
    assert filled == {**line, **given_}
    assert request_schema.check_instance(spec, filled) == []


@given(st.data())
def test_what_is_right_is_whole_after_the_look_up_or_its_entity_is_pointed_at(data: st.DataObject) -> None:
    spec = data.draw(looked_up_specs())
    drawn = data.draw(st.lists(perhaps_instances(spec), min_size=1, max_size=5))
    rows = [row for row in drawn if not request_schema.check_instance(spec, row, by_entity=True)]
    assume(rows)
    wanted = online_features.entities(spec, rows)
    try:
        filled = online_features.fill(spec, 3, rows, {})
    except InvalidInstancesError as error:
        at = {pointer.pointer for pointer in error.errors}
        lacking = [index for index, row in enumerate(rows) if row.get(spec.entity or "") in wanted]
        assert at <= {f"/instances/{index}/{spec.entity}" for index in lacking}
    else:
        assert (filled, wanted) == (rows, [])


@given(st.data())
def test_a_model_that_looks_nothing_up_needs_nothing(data: st.DataObject) -> None:
    spec = data.draw(specs().filter(lambda spec: spec.looked_up_by is None))
    rows = data.draw(st.lists(instances(spec), min_size=1, max_size=3))
    assert online_features.entities(spec, rows) == []


@given(st.data())
def test_what_was_looked_up_is_told_without_what_is_private(data: st.DataObject) -> None:
    spec = data.draw(looked_up_specs())
    line = data.draw(lines(spec))
    given_ = {str(spec.entity): line[spec.entity or ""]}
    told = online_features.looked_up(spec, [line, given_], [line, line])
    private = {column.name for column in spec.columns if column.private}
    expected = {k: v for k, v in line.items() if k not in private and k != spec.entity}
    assert told == ({"1": expected} if expected else {})


def test_a_version_that_knows_less_than_the_spec_wants_says_what_it_lacks() -> None:
    with pytest.raises(
        InvalidInstancesError, match=r"not known with all its columns to version 3; .* give b too"
    ):
        online_features.fill(SPEC, 3, [{"who": "ann"}], {"ann": {"a": 1.0, "gone": 2.0}})


@pytest.mark.parametrize("line", [b"{", b"[]", b"7", b'{"who": "ann"}', b'{"as_of": "x"}'])
def test_a_line_that_is_not_as_agreed_is_refused(line: bytes) -> None:
    with pytest.raises(DataError, match="online features"):
        online_features.item(SPEC, 1, line)


def test_an_item_is_the_one_that_the_table_holds() -> None:
    line = json.dumps({"who": "ann", "as_of": "2026-05-04", "a": 1.5, "b": None}).encode()
    pk, sk = online_features.key("m", 3, "ann")
    assert pk.startswith("m#3#")
    assert sk == "=ann"
    expected = {"pk": pk, "sk": sk, "as_of": "2026-05-04", "columns": '{"a":1.5,"b":null}'}
    assert online_features.item(SPEC, 3, line) == expected


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"who": 7}, "has who, a, b, as_of; allowed: a, b, who, as_of, with texts in who and as_of"),
        ({"as_of": 7}, "has who, a, b, as_of; allowed: a, b, who, as_of, with"),
        ({"c": 1}, "has who, a, b, c, as_of; allowed: a, b, who, as_of, with"),
    ],
)
def test_a_line_with_other_columns_says_which_were_expected(changes: dict[str, Any], said: str) -> None:
    line = json.dumps({"who": "ann", "as_of": "2026-05-04", "a": 1.5, "b": None} | changes).encode()
    with pytest.raises(DataError) as caught:
        online_features.item(SPEC, 3, line)
    assert (caught.value.code, said in str(caught.value)) == ("features", True)
    assert "ann" not in str(caught.value)  # whose line it is may be private


def test_an_entity_whose_features_are_needed_twice_is_looked_up_once() -> None:
    whole: dict[str, Any] = {"a": 1.0, "b": 2.0, "who": "bob"}
    asked: list[dict[str, Any]] = [
        {"who": "ann"},
        whole,
        {"who": "cid", "a": 1.0},
        {"who": "ann"},
        {"who": None},
        {"a": 1.0},
    ]
    assert online_features.entities(SPEC, asked) == ["ann", "cid"]


def test_an_unknown_entity_is_pointed_at_with_what_to_give() -> None:
    with pytest.raises(InvalidInstancesError) as caught:
        online_features.fill(SPEC, 3, [{"a": 1.0, "b": 2.0, "who": "bob"}, {"who": "ann"}], {})
    (error,) = caught.value.errors
    assert error.pointer == "/instances/1/who"
    assert error.detail == "got 'ann', not known to version 3; allowed: a known one, or to give a, b too"
