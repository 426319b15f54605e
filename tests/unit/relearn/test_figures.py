"""Figures that are read together: different numbers are never written the same."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from relearn.figures import apart, counted, exact, percents

NUMBERS = st.floats(allow_nan=False)


@given(st.lists(NUMBERS, min_size=1, max_size=5), st.integers(0, 6))
def test_two_numbers_are_written_the_same_only_when_they_are_the_same(
    values: list[float], decimals: int
) -> None:
    written = apart(*values, decimals=decimals)
    pairs = zip(values, written, strict=True)
    assert len(set(written)) == len({repr(value) for value in values})
    assert all(math.isclose(float(text), value, rel_tol=0.05, abs_tol=0) for value, text in pairs)


@pytest.mark.parametrize(
    ("values", "written"),
    [
        ((0.9484, 0.9479), ["0.9484", "0.9479"]),
        ((0.94841, 0.94838), ["0.94841", "0.94838"]),
        ((0.95, 0.95), ["0.9500", "0.9500"]),
        ((0.1 + 0.2, 0.3), ["0.30000000000000004", "0.3"]),
        ((0.000123, 0.5), ["0.00012", "0.50000"]),
        ((51234.5, 3.0), ["51234.5000", "3.0000"]),
        ((1e20,), ["1e+20"]),
        ((math.nan, math.inf), ["nan", "inf"]),
        ((), []),
    ],
)
def test_there_are_four_decimals_and_more_where_they_tell_more(
    values: tuple[float, ...], written: list[str]
) -> None:
    assert apart(*values) == written


@pytest.mark.parametrize(
    ("shares", "written"), [((0.0104, 0.01), ["1.04%", "1.00%"]), ((0.25,), ["25.0%"]), ((0.0,), ["0.0%"])]
)
def test_a_share_that_breaks_its_limit_does_not_look_like_the_limit(
    shares: tuple[float, ...], written: list[str]
) -> None:
    assert percents(*shares) == written


@given(NUMBERS)
def test_a_bound_is_written_as_it_was_declared(bound: float) -> None:
    assert float(exact(bound)) == bound


@pytest.mark.parametrize(
    ("bound", "written"), [(0.9, "0.9"), (5, "5"), (1_234_567, "1234567"), (1e-7, "1e-07")]
)
def test_a_bound_is_short_where_that_says_all(bound: float, written: str) -> None:
    assert exact(bound) == written


@pytest.mark.parametrize(
    ("values", "written"),
    [
        ((1e15,), ["1000000000000000.0"]),
        ((9e14,), ["900000000000000.0000"]),
        ((1e-13, 1.0), ["1e-13", "1.0"]),
        ((1.2e-11, 1.0), ["0.000000000012", "1.000000000000"]),
        ((0.0, 0.5), ["0.0000", "0.5000"]),
        ((-0.00012, 0.5), ["-0.00012", "0.50000"]),
        ((-2e15, 1.0), ["-2000000000000000.0", "1.0"]),
        ((0.01,), ["0.0100"]),
        ((1, 2), ["1.0000", "2.0000"]),
        ((10**15, 1), ["1000000000000000.0", "1.0"]),
        ((math.nan, 0.00012), ["nan", "0.00012"]),
    ],
)
def test_numbers_get_as_few_decimals_as_tell_them(values: tuple[float, ...], written: list[str]) -> None:
    assert apart(*values) == written


@pytest.mark.parametrize(
    ("bound", "written"),
    [
        (1e15, "1e+15"),
        (-1e15, "-1e+15"),
        (999_999_999_999_999.0, "999999999999999"),
        (0.1 + 0.2, "0.30000000000000004"),
    ],
)
def test_only_a_very_large_bound_has_an_exponent(bound: float, written: str) -> None:
    assert exact(bound) == written


def test_a_count_names_what_it_counts() -> None:
    assert [counted(count, "row") for count in (0, 1, 2, 2000)] == ["0 rows", "1 row", "2 rows", "2,000 rows"]
