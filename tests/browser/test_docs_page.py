"""The page at /docs, in a real browser through ``relearn proxy``: it shows every operation, calls the API, and asks
nobody else.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Browser, expect

from tests.browser.pages import Watched
from tests.e2e.client import Stage
from tests.e2e.proxied import proxy_of
from tests.support.proxied import Proxy

pytestmark = [pytest.mark.e2e, pytest.mark.local]


@pytest.fixture(scope="module")
def proxy(stage: Stage, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Proxy]:
    """The stage as a browser reaches it, which cannot sign."""
    with proxy_of(stage, tmp_path_factory.mktemp("proxy")) as running:
        yield running


@pytest.fixture(scope="module")
def docs(browser: Browser, stage: Stage, proxy: Proxy) -> Watched:
    """The page, once everything is on it."""
    stage.wait("the first iris model", lambda: stage.live_version("iris"))
    watched = Watched(browser.new_page(viewport={"width": 1280, "height": 1600}))
    watched.page.goto(proxy.url + "/docs")
    watched.page.wait_for_selector(".opblock")
    return watched


def test_every_described_operation_is_on_the_page(docs: Watched, stage: Stage) -> None:
    _, _, document = stage.http("/openapi.json")
    expected = {
        f"{method.upper()} {path}" for path, methods in document["paths"].items() for method in methods
    }
    script = """blocks => blocks.map(block =>
        block.querySelector('.opblock-summary-method').innerText + ' ' +
        block.querySelector('.opblock-summary-path').dataset.path)"""
    assert set(docs.page.eval_on_selector_all(".opblock", script)) == expected


def test_a_prediction_can_be_tried_out_with_the_example_as_it_stands(docs: Watched, stage: Stage) -> None:
    operation = docs.page.locator("#operations-predictions-predictIris")
    operation.locator(".opblock-summary-control").click()
    expect(operation.locator("textarea")).to_have_value(re.compile(r"5\.1"))
    operation.locator(".btn.execute").click()
    answer = operation.locator(".live-responses-table .response").inner_text()
    assert answer.split()[0] == "200"
    assert f'"version": {stage.live_version("iris")}' in answer
    assert "setosa" in answer


def test_the_page_looks_as_it_should(docs: Watched) -> None:
    box = docs.page.locator(".swagger-ui .opblock-summary").first.bounding_box()
    assert box
    assert box["width"] > 600
    method = docs.page.locator(".opblock-post .opblock-summary-method").first
    color = method.evaluate("element => getComputedStyle(element).backgroundColor")
    assert color != "rgba(0, 0, 0, 0)", "the style sheet did not load"
    if picture := os.environ.get("RELEARN_SCREENSHOT"):
        docs.page.screenshot(path=picture)


def test_nobody_else_was_asked_and_the_browser_had_nothing_to_complain_of(
    docs: Watched, proxy: Proxy
) -> None:
    docs.page.evaluate("1")  # takes in what is still unread
    own = urlsplit(proxy.url).netloc
    elsewhere = [
        url
        for url in docs.requests
        if urlsplit(url).scheme not in ("data", "blob") and urlsplit(url).netloc != own
    ]
    assert elsewhere == []
    assert docs.complaints == []
