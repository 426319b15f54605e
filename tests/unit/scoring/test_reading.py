from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from relearn.api.request_schema import MAX_INSTANCES, check_request
from relearn.errors import FieldError, InvalidInstancesError
from relearn.spec.model import Category, Id, Metric, ModelSpec, Number
from scoring.reading import Reader, Row
from tests.support.examples import examples
from tests.support.training_kit import MIXED

STRICT = ModelSpec(
    name="strict",
    title="Nothing is optional",
    columns=(
        Id("class", max_length=3),
        Number("size", minimum=0.5),
        Number("any"),
        Category("on", values=("a", "b")),
    ),
    target=Category("outcome", values=("no", "yes")),
    metric=Metric("accuracy", minimum=0.5),
)
VALUES = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(allow_nan=False, allow_infinity=False),
    st.floats(-1000, 1000),
    st.sampled_from(("red", "green", "a", "b", "", "2026-05-04T10:00:00Z", "2026-05-04", "1.5", "abcd")),
    st.text(max_size=45),
    st.just([]),
)
READERS = {spec.name: (spec, Reader(spec)) for spec in (MIXED, STRICT)}


@st.composite
def bodies(draw: st.DrawFn) -> tuple[str, Any]:
    spec, _ = READERS[draw(st.sampled_from(sorted(READERS)))]
    names = st.sampled_from([*(column.name for column in spec.columns), "unknown"])
    some = st.dictionaries(names, VALUES)
    whole = st.fixed_dictionaries({column.name: VALUES for column in spec.columns})
    body = draw(st.fixed_dictionaries({"instances": st.lists(some | whole, max_size=3)}) | VALUES)
    return spec.name, body


@examples(600)
@given(given_body=bodies())
def test_the_compiled_check_accepts_exactly_what_the_schema_accepts(given_body: tuple[str, Any]) -> None:
    spec, reader = READERS[given_body[0]]
    text = json.dumps(given_body[1]).encode("utf-8", "surrogatepass")
    assert outcome(lambda: reader.parse(text)) == outcome(
        lambda: [
            tuple(row.get(column.name) for column in spec.columns)
            for row in check_request(spec, json.loads(text))
        ]
    )


def outcome(read: Callable[[], list[Row]]) -> list[Row] | tuple[FieldError, ...]:
    """Give the rows, or what is wrong with them."""
    try:
        return read()
    except InvalidInstancesError as error:
        return error.errors


def test_every_wrong_value_is_named_by_its_pointer() -> None:
    body = b'{"instances": [{"class": "x", "size": 0.1, "any": 1, "on": "c", "more": 1}]}'
    with pytest.raises(InvalidInstancesError) as raised:
        READERS["strict"][1].parse(body)
    assert [error.pointer for error in raised.value.errors] == [
        "/instances/0/size",
        "/instances/0/on",
        "/instances/0/more",
    ]


@pytest.mark.parametrize("body", [b"", b"{", b"\xff", b'{"instances": [NaN]}', b"[" * 100_000])
def test_what_is_not_json_is_refused(body: bytes) -> None:
    with pytest.raises(InvalidInstancesError):
        READERS["mixed"][1].parse(body)


def test_a_moment_that_is_none_is_refused_with_words() -> None:
    with pytest.raises(InvalidInstancesError, match="ISO 8601"):
        READERS["mixed"][1].parse(b'{"instances": [{"who": "x", "at": "soon"}]}')


@pytest.mark.parametrize(
    ("count", "right"), [(0, False), (1, True), (MAX_INSTANCES, True), (MAX_INSTANCES + 1, False)]
)
def test_the_number_of_rows_is_bounded(count: int, right: bool) -> None:  # noqa: FBT001
    body = json.dumps({"instances": [{"who": "x"}] * count}).encode()
    if right:
        assert len(READERS["mixed"][1].parse(body)) == count
    else:
        with pytest.raises(InvalidInstancesError):
            READERS["mixed"][1].parse(body)
