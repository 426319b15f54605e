"""Which methods a path takes, and the cursors of lists."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from relearn.api import operations, paging


@pytest.mark.parametrize("operation", operations.OPERATIONS, ids=lambda operation: operation.id)
@pytest.mark.parametrize("value", ["iris", "a b", "ü", "%2F", "{model}", "\n"])
def test_a_path_of_an_operation_takes_its_method(operation: operations.Operation, value: str) -> None:
    assert operation.method in operations.methods(re.sub(r"\{\w+\}", lambda _: value, operation.path))


@pytest.mark.parametrize(
    "path", ["", "/", "/v1", "/v1/models/", "/v1/models//runs", "/v1/models/iris/predict/", "x/v1/models"]
)
def test_another_path_takes_none(path: str) -> None:
    assert operations.methods(path) == ()


@given(st.text(max_size=300))
def test_any_text_may_be_asked_for(path: str) -> None:
    assert set(operations.methods(path)) <= {"GET", "POST"}


def test_no_two_operations_share_a_key_or_an_id() -> None:
    assert len(operations.BY_KEY) == len(operations.OPERATIONS)
    assert len({operation.id for operation in operations.OPERATIONS}) == len(operations.OPERATIONS)


@given(st.text(st.characters(min_codepoint=0x20, max_codepoint=0x7E), min_size=1, max_size=64))
def test_a_cursor_is_the_place_it_was_made_from(item_id: str) -> None:
    cursor = paging.cursor(item_id)
    assert re.search(paging.CURSOR_PATTERN, cursor)
    assert paging.place(cursor) == item_id


@given(st.from_regex(paging.CURSOR_PATTERN.strip("^$"), fullmatch=True))
def test_everything_of_a_cursors_form_is_a_place(cursor: str) -> None:
    place = paging.place(cursor)
    assert place
    assert paging.cursor(place) == cursor


@pytest.mark.parametrize("cursor", ["", "7", "00", "zz", "4A", "41\n", "41" * 65, "80"])
def test_what_is_no_cursor_is_none(cursor: str) -> None:
    assert paging.place(cursor) is None


@given(st.integers())
def test_a_page_has_1_to_100_items(number: int) -> None:
    assert paging.limit(str(number)) == (number if 1 <= number <= 100 else None)


@pytest.mark.parametrize("given_limit", ["", " 1", "1 ", "+1", "01", "1.0", "1,2", "٣", "1\n", "null"])
def test_a_limit_is_written_in_plain_digits(given_limit: str) -> None:
    assert paging.limit(given_limit) is None


def test_an_operation_of_one_model_has_its_name_in_the_path() -> None:
    predict = operations.BY_KEY["POST /v1/models/{model}/predict"].of("iris")
    assert predict.path == "/v1/models/iris/predict"
    assert predict.function == "predict"
