"""Charts of the report pages: ticks at round numbers, labels that fit, titles said once."""

from __future__ import annotations

import math
import re
from collections import Counter
from itertools import pairwise
from typing import Any
from xml.etree import ElementTree as ET

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pages import axis, interval
from pages.axis import Axis, cut, number, top_of, width
from pages.distributions import column_chart
from pages.html import LONG, table
from relearn.data.profiles import ColumnProfile, bin_of
from training.fitting import charts

REAL = st.floats(-1e30, 1e30, allow_nan=False).map(lambda value: 0.0 if abs(value) < 1e-30 else value)
SPREAD = st.lists(REAL, min_size=2, max_size=30).map(np.array)
NAMES = st.text(st.characters(exclude_categories=["C", "Z"]), min_size=1, max_size=60)
EPSILON = 0.11  # places are written to a tenth


def texts(chart: str) -> list[tuple[str, float, float, float, float]]:
    """The words of a chart, each with the box it may take: left, top, right, bottom."""
    found = []
    for one in ET.fromstring(chart).iter("text"):  # noqa: S314 - written here
        words, kind = one.text or "", one.get("class", "")
        x, y = float(one.get("x", 0)), float(one.get("y", 0))
        wide = width(words, charts.COUNT_SIZE if "count" in kind else axis.SIZE)
        before = wide if "end" in kind else 0 if "start" in kind else wide / 2
        if one.get("transform"):
            found.append((words, x - 10, y - wide + before, x + 4, y + before))
        else:
            found.append((words, x - before, y - 10, x - before + wide, y + 4))
    return found


def canvas(chart: str) -> tuple[float, float]:
    found = re.search(r'viewBox="0 0 ([\d.]+) ([\d.]+)"', chart)
    assert found
    return float(found[1]), float(found[2])


def assert_all_is_on_the_canvas(chart: str) -> None:
    wide, high = canvas(chart)
    for words, left, top, right, bottom in texts(chart):
        assert left >= -EPSILON, words
        assert top >= -EPSILON, words
        assert right <= wide + EPSILON, words
        assert bottom <= high + EPSILON, words


@given(st.lists(REAL, min_size=3, max_size=3).map(sorted), st.floats(0, 1e20))
def test_an_interval_lies_on_its_canvas(bounds: list[float], tolerance: float) -> None:
    low, difference, high = bounds
    drawn = interval.chart("Lead in accuracy over version 1", low, difference, high, tolerance)
    assert_all_is_on_the_canvas(drawn)
    wide, _ = canvas(drawn)
    (place,) = re.findall(r'<circle cx="([\d.]+)"', drawn)
    assert 0 <= float(place) <= wide


@given(low=REAL, high=REAL)
def test_ticks_are_round_and_lie_on_the_axis(low: float, high: float) -> None:
    one = Axis(name="x", low=min(low, high), high=max(low, high))
    values = [tick.value for tick in one.ticks().places]
    tolerance = (one.high - one.low) * 1e-6
    assert 1 <= len(values) <= 8
    assert all(one.low - tolerance <= value <= one.high + tolerance for value in values)
    for here, there in pairwise(values):
        digits = (there - here) / 10 ** math.floor(math.log10(there - here) + 1e-4)
        assert min(abs(digits - nice) for nice in (1, 2, 5)) < 1e-3


@given(low=REAL, high=REAL)
def test_no_two_ticks_say_the_same_and_none_has_an_exponent(low: float, high: float) -> None:
    one = Axis(name="x", low=min(low, high), high=max(low, high))
    labels = [tick.label for tick in one.ticks().places]
    assert len(set(labels)) == len(labels)
    assert not any("e" in label for label in labels)


@given(high=st.integers(0, 10**12))
def test_ticks_of_counts_are_whole_numbers(high: int) -> None:
    found = Axis(name="rows", low=0, high=top_of(high), whole=True).ticks()
    assert all(tick.value == int(tick.value) for tick in found.places)
    assert found.places[0].value == 0
    assert found.places[-1].value >= high * (1 - 1e-9)


@pytest.mark.parametrize(
    ("value", "written"),
    [
        (151_000.0, "151,000"),
        (-20_000.0, "-20,000"),
        (0.0, "0"),
        (0.1234567, "0.1235"),
        (12.5, "12.5"),
        (2e15, "2\N{MULTIPLICATION SIGN}10¹⁵"),
        (1.5e-7, "1.5\N{MULTIPLICATION SIGN}10⁻⁷"),
    ],
)
def test_a_figure_is_written_as_people_write_it(value: float, written: str) -> None:
    assert number(value) == written


def test_an_axis_of_large_numbers_says_once_what_all_are_multiplied_by() -> None:
    one = Axis(name="true, 円", low=0, high=4_000_000)
    found = one.ticks(4)
    assert [tick.label for tick in found.places] == ["0", "1", "2", "3", "4"]
    assert one.title(found) == "true, 円 (\N{MULTIPLICATION SIGN}10⁶)"


def test_what_is_cut_is_said_to_be() -> None:
    assert cut("請求書の金額が違う", 50) == "請求書…"
    assert cut("short", 50) == "short"


def test_a_text_of_a_megabyte_is_cut_letter_by_letter_once() -> None:
    assert cut("a" * 1_000_000, 60) == "aaaaaa…"


@given(values=SPREAD, unit=NAMES)
def test_a_regression_s_charts_keep_their_words_on_the_canvas(values: Any, unit: str) -> None:
    axes = (f"true, {unit}", f"answer, {unit}")
    assert_all_is_on_the_canvas(charts.scatter("Answer against truth", axes, values, values[::-1]))
    assert_all_is_on_the_canvas(charts.histogram("Errors", axes[1], values - values[::-1]))


@given(names=st.lists(NAMES, min_size=2, max_size=30, unique=True), seed=st.integers(0, 9))
def test_a_classifier_s_charts_keep_their_words_on_the_canvas(names: list[str], seed: int) -> None:
    counts = np.random.default_rng(seed).integers(0, 10**9, (len(names), len(names))).tolist()
    assert_all_is_on_the_canvas(charts.heatmap("Confusion", names, counts))
    line = np.linspace(0, 1, 5)
    lines = [(name, line, line) for name in names]
    assert_all_is_on_the_canvas(charts.curves("ROC", ("false positive rate", "true positive rate"), lines))


@given(values=st.lists(st.tuples(NAMES, REAL), min_size=1, max_size=9))
def test_bars_keep_their_words_on_the_canvas(values: list[tuple[str, float]]) -> None:
    assert_all_is_on_the_canvas(charts.bars("Permutation importance", values, "by how much"))


@given(values=st.lists(REAL, min_size=1, max_size=20))
def test_a_column_s_chart_keeps_its_words_on_the_canvas(values: list[float]) -> None:
    assert_all_is_on_the_canvas(column_chart("amount", number_column(values), None))


@given(counts=st.dictionaries(NAMES, st.integers(1, 10**9), min_size=1, max_size=20))
def test_a_category_s_chart_keeps_its_words_on_the_canvas(counts: dict[str, int]) -> None:
    assert_all_is_on_the_canvas(column_chart("queue", ColumnProfile(type="category", counts=counts), None))


def test_a_column_of_whole_numbers_has_ticks_at_whole_numbers() -> None:
    written = [words for words, *_ in texts(column_chart("visits", number_column([0, 1, 2, 3]), None))]
    assert written == ["25%", "0", "1", "2", "3"]


def test_a_chart_says_its_title_once() -> None:
    chart = charts.scatter("Answer against truth", ("true", "answer"), np.arange(3.0), np.arange(3.0))
    assert chart.count("Answer against truth") == 1


def number_column(values: list[float]) -> ColumnProfile:
    counts = Counter(str(bin_of(value)) for value in values)
    return ColumnProfile(type="number", low=float(min(values)), high=float(max(values)), counts=counts)


def test_a_cell_with_much_text_has_several_lines_instead_of_a_table_too_wide_to_read() -> None:
    page = table("Columns", ["Column", "Values"], [("a", "x" * LONG), ("b", "y" * (LONG + 1))])
    assert f"<td>{'x' * LONG}</td>" in page
    assert f'<td class="words">{"y" * (LONG + 1)}</td>' in page
