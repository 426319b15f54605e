"""A file of instances is checked line by line."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from relearn.api.jsonlines import MAX_ERRORS, MAX_LINE_BYTES, check_lines
from relearn.api.request_schema import check_instance
from relearn.errors import InvalidLinesError
from tests.support.strategies import instances, perhaps_instances
from tests.support.training_kit import MIXED

GOOD = b'{"who": "a"}\n'


def wrong(*lines: bytes) -> list[str]:
    with pytest.raises(InvalidLinesError) as caught:
        list(check_lines(MIXED, lines))
    return [str(error) for error in caught.value.errors]


@given(st.lists(instances(MIXED), min_size=1, max_size=5))
def test_a_good_file_gives_its_instances_in_order(rows: list[dict[str, Any]]) -> None:
    assert list(check_lines(MIXED, [json.dumps(row).encode() for row in rows])) == rows


@given(st.lists(perhaps_instances(MIXED), min_size=1, max_size=4))
def test_every_wrong_value_is_named_by_its_line(rows: list[dict[str, Any]]) -> None:
    text = [json.dumps(row) for row in rows]
    assume(not any("NaN" in line or "Infinity" in line for line in text))
    expected = [
        f"line {number}: {error.pointer}: {error.detail}"
        for number, row in enumerate(rows, 1)
        for error in check_instance(MIXED, row)
    ]
    lines = [line.encode() for line in text]
    if expected:
        assert wrong(*lines) == expected[:MAX_ERRORS]
    else:
        assert len(list(check_lines(MIXED, lines))) == len(rows)


def test_a_byte_order_mark_is_no_part_of_a_file_and_stands_before_it_alone() -> None:
    marked = b"\xef\xbb\xbf" + GOOD
    assert list(check_lines(MIXED, [marked, GOOD])) == [{"who": "a"}] * 2
    (told,) = wrong(GOOD, marked)
    assert told.startswith("line 2: ")
    assert "byte order mark; allowed" in told
    assert len(wrong(b"\xef\xbb\xbf" + marked)) == 1


def test_the_good_lines_of_a_wrong_file_are_given_before_it_is_refused() -> None:
    seen: list[Any] = []
    with pytest.raises(
        InvalidLinesError, match="line 2: the line is not JSON: got its end at line 1, column 2"
    ):
        seen.extend(check_lines(MIXED, [GOOD, b"{", GOOD]))
    assert seen == [{"who": "a"}, {"who": "a"}]


@pytest.mark.parametrize(
    ("line", "said"),
    [
        (b"\n", "an empty line"),
        (b'{"who": NaN}', "got NaN at '/who'; allowed: numbers of JSON"),
        (b'{"who": "\xff"}', "is not UTF-8: got byte 0xff at offset 9"),
        (b"[" * 100_000, "nested more than 64 levels"),
        (b"[]", "allowed: an object"),
        (b'{"who": "' + b"x" * MAX_LINE_BYTES + b'"}', f"got more than {MAX_LINE_BYTES} bytes"),
    ],
)
def test_a_line_that_is_no_instance_is_refused(line: bytes, said: str) -> None:
    (error,) = wrong(GOOD, line)
    assert error.startswith("line 2: ")
    assert said in error


def test_a_file_without_lines_is_refused() -> None:
    assert wrong() == ["line 1: the file is empty; allowed: one JSON object a line"]


def test_reading_stops_at_the_limit_of_errors() -> None:
    lines = iter([b"x\n"] * (MAX_ERRORS + 5))
    with pytest.raises(InvalidLinesError) as caught:
        list(check_lines(MIXED, lines))
    assert len(caught.value.errors) == MAX_ERRORS
    assert len(list(lines)) == 5
    assert f"and {MAX_ERRORS - 1} more" in str(caught.value)
