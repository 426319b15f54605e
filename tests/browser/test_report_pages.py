"""The report pages in a real browser, as wide as a telephone and as a desk's: every word can be read whole."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from playwright.sync_api import Browser, Page

from relearn.profiles import ColumnProfile, bin_of
from training import charts
from training.page.distributions import column_chart
from training.page.html import document, section

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


def _amounts() -> str:
    counts = {str(bin_of(float(value))): 1 for value in _TRUTH}
    return column_chart(
        "amount", ColumnProfile(type="number", low=float(_TRUTH.min()), high=9e6, counts=counts), None
    )


def _queues() -> str:
    counts = {queue: number + 1 for number, queue in enumerate(QUEUES)}
    return column_chart("queue", ColumnProfile(type="category", counts=counts), None)


DRAWN: tuple[Callable[[], str], ...] = (
    *(_prices, _billions, _errors, _matrix, _many_classes, _roc, _importance, _amounts, _queues),
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
