"""The report pages in a real browser, as wide as a telephone and as a desk's: every word can be read whole."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from playwright.sync_api import Browser, Page

from pages import data_report
from pages.distributions import column_chart
from pages.html import document, section
from relearn.data.checks import Finding
from relearn.data.profiles import ColumnProfile, Profile, bin_of
from relearn.spec.model import Category, Number
from tests.support.training_kit import MIXED
from training.fitting import charts

YEN = "円"
QUEUES = ("迷惑メール", "注文した商品が届かない場合のお問い合わせ", "返品", "other", "請求書の金額が違う")
_DRAW = np.random.default_rng(7)
_TRUTH = _DRAW.normal(151_000, 30_000, 80)
_ANSWER = _TRUTH + _DRAW.normal(0, 9_000, 80)
_LINE = np.linspace(0, 1, 20)


def _prices() -> str:
    return charts.scatter("Answer against truth", (f"true, {YEN}", f"answer, {YEN}"), _TRUTH, _ANSWER)


def _billions() -> str:
    axes = (f"true, {YEN}", f"answer, {YEN}")
    return charts.scatter("Large", axes, _TRUTH * 1e7, _ANSWER * 1e7)


def _errors() -> str:
    return charts.histogram("Errors", f"answer minus truth, {YEN}", _ANSWER - _TRUTH)


def _matrix() -> str:
    counts = _DRAW.integers(0, 2_000_000, (len(QUEUES), len(QUEUES))).tolist()
    return charts.heatmap("True class against answer", QUEUES, counts)


def _many_classes() -> str:
    return charts.heatmap("Many classes", [f"class {n}" for n in range(30)], np.eye(30, dtype=int).tolist())


def _roc() -> str:
    axes = ("false positive rate", "true positive rate")
    lines = [(f"{queue} 0.987", _LINE, _LINE ** (1 / (n + 2))) for n, queue in enumerate(QUEUES)]
    return charts.curves("ROC of each class against the rest, with its area", axes, lines)


def _importance() -> str:
    values = [("price", 151_000.0), ("a_long_name" * 5, -20_000.0), ("x", 1e-9)]
    return charts.bars("Permutation importance", values, "by how much")


def _calibrated() -> str:
    points = (np.linspace(0.05, 0.95, 10).tolist(), np.linspace(0, 1, 10).tolist())
    lines = [(f"{model}, expected error 0.0{place}", *points) for place, model in enumerate(QUEUES[:2], 1)]
    return charts.calibration(
        "Calibration", ("probability of the answered class", "share that is right"), lines
    )


def _served() -> str:
    lines = [(queue, [0.0, 0.6, 1.0], [1.0, 0.9, 0.3]) for queue in QUEUES[:3]]
    return charts.marked_curves(
        "Served", ("recall", "precision"), lines, [(0.6, 0.9), (1.0, 1.0), (0.0, None)]
    )


def _amounts() -> str:
    counts = {str(bin_of(float(value))): 1 for value in _TRUTH}
    return column_chart(
        "amount", ColumnProfile(type="number", low=float(_TRUTH.min()), high=9e6, counts=counts), None
    )


def _queues() -> str:
    counts = {queue: number + 1 for number, queue in enumerate(QUEUES)}
    return column_chart("queue", ColumnProfile(type="category", counts=counts), None)


DRAWN: tuple[Callable[[], str], ...] = (
    *(
        _prices,
        _billions,
        _errors,
        _matrix,
        _many_classes,
        _roc,
        _importance,
        _calibrated,
        _served,
        _amounts,
        _queues,
    ),
)


def _data() -> str:
    """A data report of one shard with long names, whole numbers and a rule that is broken."""
    columns = (
        Number("sales"),
        Number("amount_of_all_orders_of_the_last_ninety_days"),
        Category("queue", values=QUEUES),
    )
    profile = Profile(
        rows=1,
        columns={
            columns[0].name: ColumnProfile(type="number", low=7_466_028.0, high=7_466_028.0, total=7_466_028.0, counts={str(bin_of(7_466_028.0)): 1}),
            columns[1].name: ColumnProfile(type="number", low=-1.25, high=3.5, total=2.25, counts={str(bin_of(3.5)): 1}),
            "queue": ColumnProfile(type="category", counts=dict.fromkeys(QUEUES, 1)),
        },
    )  # fmt: skip
    one = data_report.TableReport(name="main", columns=columns, profile=profile, before=None, shards=1)
    finding = Finding(
        table="main", column="sales", rule="missing", right=False, found="1 of 1 row (100%) lacks it", allowed="10%",
    )  # fmt: skip
    report = data_report.DataReport(
        run_id="20260504t100000-8c5f1d",
        at="2026-05-04T10:00:00Z",
        compared_with="version 1",
        tables=(one,),
        findings=(finding,),
    )
    return data_report.page(
        replace(MIXED, title="あやめの種類を、花びらとがくの長さと幅から見分けるモデル"), report
    )


WORDS = """svg => {
    const canvas = svg.getBoundingClientRect();
    return [...svg.querySelectorAll('text')].map(text => {
        const box = text.getBoundingClientRect();
        return {words: text.textContent, left: box.left - canvas.left, top: box.top - canvas.top,
                right: box.right - canvas.left, bottom: box.bottom - canvas.top,
                width: canvas.width, height: canvas.height};
    });
}"""


@pytest.fixture(scope="module", params=[390, 1280], ids=["telephone", "desk"])
def page(browser: Browser, request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Page:
    """All charts on one page."""
    whole = f'<div class="charts">{"".join(draw() for draw in DRAWN)}</div>'
    file: Path = tmp_path_factory.mktemp("report") / "report.html"
    file.write_text(
        document("charts", "日本語のモデル", "All charts", [section("Charts", whole)]), encoding="utf-8"
    )
    opened = browser.new_page(viewport={"width": request.param, "height": 900})
    opened.goto(file.as_uri())
    return opened


@pytest.mark.parametrize("number", range(len(DRAWN)), ids=[draw.__name__.strip("_") for draw in DRAWN])
def test_no_word_of_a_chart_is_clipped_or_meets_another(page: Page, number: int) -> None:
    boxes = page.locator("svg").nth(number).evaluate(WORDS)
    assert boxes
    for box in boxes:
        assert min(box["left"], box["top"]) > -1, box
        assert box["right"] < box["width"] + 1, box
        assert box["bottom"] < box["height"] + 1, box
    for index, one in enumerate(boxes):
        for other in boxes[index + 1 :]:
            beside = one["right"] <= other["left"] + 1 or other["right"] <= one["left"] + 1
            over = one["bottom"] <= other["top"] + 2 or other["bottom"] <= one["top"] + 2
            assert beside or over, (one, other)


def test_no_chart_is_wider_than_the_window(page: Page) -> None:
    assert page.evaluate("document.documentElement.scrollWidth <= document.documentElement.clientWidth")


@pytest.fixture(scope="module", params=[390, 1280], ids=["telephone", "desk"])
def data_page(
    browser: Browser, request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Page:
    file: Path = tmp_path_factory.mktemp("data") / "data.html"
    file.write_text(_data(), encoding="utf-8")
    opened = browser.new_page(viewport={"width": request.param, "height": 900})
    opened.goto(file.as_uri())
    return opened


def test_what_a_table_shows_can_be_read_whole_without_scrolling(data_page: Page) -> None:
    captions = data_page.locator(".caption").all()
    assert len(captions) == 2
    for caption in captions:
        box = caption.bounding_box()
        assert box is not None
        assert box["x"] >= 0
        assert box["x"] + box["width"] <= (data_page.viewport_size or {"width": 0})["width"]
        assert caption.evaluate("one => one.scrollWidth <= one.clientWidth")
    assert data_page.evaluate("document.documentElement.scrollWidth <= document.documentElement.clientWidth")


def test_a_table_has_its_caption_for_who_cannot_see_it_and_says_it_once(data_page: Page) -> None:
    for caption, table in zip(
        data_page.locator(".caption").all(), data_page.locator("table").all(), strict=True
    ):
        assert table.get_attribute("aria-label") == caption.text_content()
        assert caption.get_attribute("aria-hidden") == "true"


def test_counts_are_whole_and_one_of_something_is_no_plural(data_page: Page) -> None:
    words = data_page.locator("main").inner_text()
    assert "1 row of 1 shard;" in words
    assert "7,466,028" in words
    assert "7,466,028.0" not in words


def test_a_median_is_not_beyond_the_least_and_the_greatest_value(data_page: Page) -> None:
    cells = data_page.locator("table").nth(1).locator("tbody tr").first.locator("td").all_text_contents()
    assert cells[2:6] == ["7,466,028"] * 4


def test_a_long_name_of_a_column_leaves_room_for_its_figures(data_page: Page) -> None:
    name = data_page.locator("table").nth(1).locator("tbody th").nth(1).bounding_box()
    assert name is not None
    assert name["width"] <= (data_page.viewport_size or {"width": 0})["width"] / 2
