"""Profiles add up: what is known of shards one by one is what would be known of all their rows."""

from __future__ import annotations

import json
import math
from typing import Any

import duckdb
import pytest
from hypothesis import given
from hypothesis import strategies as st

from preparation.profile import describe
from preparation.rules import sql_type
from relearn.data import drift, profiles
from relearn.data.profiles import ColumnProfile, Profile
from relearn.spec.columns import Boolean, Category, Column, DateTime, Id, Number, Text
from tests.support.examples import examples

COLUMNS: tuple[Column, ...] = (
    Number("amount", optional=True),
    Text("note", optional=True),
    Category("kind", values=("a", "b"), optional=True),
    Boolean("paid", optional=True),
    DateTime("at", optional=True),
    Id("person", optional=True),
)
MOMENTS = ("2026-01-31T23:59:59Z", "2026-02-01T00:00:00Z", "1999-12-31T12:00:00Z")
ROWS = st.lists(
    st.tuples(
        st.none() | st.floats(-(2.0**100), 2.0**100, width=32),
        st.none() | st.text("abcß日", max_size=9),
        st.none() | st.sampled_from(["a", "b"]),
        st.none() | st.booleans(),
        st.none() | st.sampled_from(MOMENTS),
        st.none() | st.text("xyz", min_size=1, max_size=3),
    ),
    max_size=20,
)

NUMBERS = st.floats(allow_nan=False, allow_infinity=False, width=32)


def profile(rows: list[tuple[Any, ...]]) -> Profile:
    with duckdb.connect() as connection:
        connection.execute("SET TimeZone = 'UTC'")
        typed = ", ".join(f'"{column.name}" {sql_type(column)}' for column in COLUMNS)
        connection.execute(f"CREATE TABLE given ({typed})")
        if rows:
            connection.executemany("INSERT INTO given VALUES (?, ?, ?, ?, ?, ?)", rows)
        return describe(connection, dict.fromkeys((one.name for one in COLUMNS), "given"), COLUMNS, len(rows))


def same(one: Profile, other: Profile) -> bool:
    """Equal, but for the order that numbers were summed up in."""
    for name, column in one.columns.items():
        size = (
            max(abs(float(column.low or 0)), abs(float(column.high or 0))) if column.type == "number" else 1
        )
        assert math.isclose(column.total, other.columns[name].total, rel_tol=1e-9, abs_tol=1e-9 * (size + 1))
    equal: bool = _without_totals(one) == _without_totals(other)
    return equal


def _without_totals(one: Profile) -> Any:
    data = profiles.to_dict(one)
    for column in data["columns"].values():
        del column["total"]
    return data


@examples(15)
@given(ROWS, ROWS)
def test_the_sum_of_two_shards_profiles_is_the_profile_of_all_their_rows(
    first: list[tuple[Any, ...]], second: list[tuple[Any, ...]]
) -> None:
    assert same(profiles.merge([profile(first), profile(second)]), profile(first + second))


@examples(10)
@given(ROWS)
def test_a_profile_read_back_is_equal(rows: list[tuple[Any, ...]]) -> None:
    found = profile(rows)
    assert profiles.from_dict(json.loads(json.dumps(profiles.to_dict(found)))) == found


def test_a_profile_of_another_format_is_none_of_ours() -> None:
    assert profiles.from_dict({"format": 0, "rows": 1, "columns": {}}) is None


@given(NUMBERS)
def test_a_number_is_within_the_accuracy_of_what_its_bin_stands_for(number: float) -> None:
    if abs(number) < profiles.SMALLEST:
        assert profiles.value_of(profiles.bin_of(number)) == 0
    else:
        meant = profiles.value_of(profiles.bin_of(number))
        assert abs(meant - number) <= abs(number) * profiles.ACCURACY * (1 + 1e-9)


@given(NUMBERS, NUMBERS)
def test_greater_numbers_are_in_no_lesser_bins(one: float, other: float) -> None:
    low, high = sorted((one, other))
    assert profiles.bin_of(low) <= profiles.bin_of(high)


@examples(15)
@given(st.lists(NUMBERS, min_size=1, max_size=30), st.sampled_from([0.0, 0.25, 0.5, 0.9, 1.0]))
def test_a_quantile_is_within_the_accuracy_of_the_one_of_the_rows(numbers: list[float], share: float) -> None:
    counts: dict[str, int] = {}
    for number in numbers:
        code = str(profiles.bin_of(number))
        counts[code] = counts.get(code, 0) + 1
    found = ColumnProfile(type="number", counts=counts).quantile(share)
    exact = sorted(numbers)[math.floor(share * (len(numbers) - 1))]
    assert found == pytest.approx(exact, rel=profiles.ACCURACY * 1.001, abs=profiles.SMALLEST)


def test_a_column_that_only_some_shards_have_is_missing_in_the_rows_of_the_others() -> None:
    old, new = Profile(rows=3), Profile(rows=2, columns={"x": ColumnProfile(type="number", missing=1)})
    assert profiles.merge([old, new]).columns["x"].missing == 4


def test_a_column_of_several_types_is_not_compared() -> None:
    one, other = ColumnProfile(type="number", counts={"1000": 5}), ColumnProfile(type="text")
    assert one.plus(other).type == profiles.MIXED
    assert drift.index(one.plus(other), one) is None


class TestShift:
    def numbers(self, *values: float) -> ColumnProfile:
        counts: dict[str, int] = {}
        for value in values:
            code = str(profiles.bin_of(value))
            counts[code] = counts.get(code, 0) + 1
        return ColumnProfile(type="number", counts=counts)

    def test_the_same_population_has_none(self) -> None:
        before, now = self.numbers(*range(1, 500)), self.numbers(*range(1, 500), *range(1, 500))
        found = drift.index(before, now)
        assert found is not None
        assert found < 0.01

    def test_another_population_has_a_large_one(self) -> None:
        found = drift.index(self.numbers(*range(1, 500)), self.numbers(*range(400, 900)))
        assert found is not None
        assert found > 0.25

    def test_shares_of_values_are_compared_as_the_formula_says(self) -> None:
        before = ColumnProfile(type="category", counts={"a": 5000, "b": 5000})
        now = ColumnProfile(type="category", counts={"a": 7000, "b": 3000})
        expected = 0.2 * math.log(0.7 / 0.5) - 0.2 * math.log(0.3 / 0.5)
        assert drift.index(before, now) == pytest.approx(expected, rel=0.01)

    def test_values_that_come_to_be_missing_are_a_shift(self) -> None:
        before = ColumnProfile(type="boolean", counts={"true": 100})
        found = drift.index(before, ColumnProfile(type="boolean", missing=50, counts={"true": 50}))
        assert found is not None
        assert found > 0.25

    def test_values_beyond_all_there_were_are_a_shift(self) -> None:
        found = drift.index(self.numbers(*[5.0] * 100), self.numbers(*[5.0] * 50, *[6.0] * 50))
        assert found is not None
        assert found > 0.25

    def test_ids_times_and_empty_columns_are_not_compared(self) -> None:
        empty = ColumnProfile(type="number")
        assert drift.index(empty, empty) is None
        assert drift.index(ColumnProfile(type="id", missing=1), ColumnProfile(type="id")) is None

    @given(st.lists(NUMBERS, min_size=1, max_size=30), st.lists(NUMBERS, min_size=1, max_size=30))
    def test_every_row_is_in_one_bin(self, before: list[float], now: list[float]) -> None:
        old, new = drift.shares(self.numbers(*before), self.numbers(*now))
        assert (sum(old), sum(new)) == (len(before), len(now))
