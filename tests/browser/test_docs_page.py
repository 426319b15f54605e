"""The page at /docs, in a real browser through ``relearn proxy``: it shows every operation, calls the API, and asks
nobody else.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from tests.browser.chromium import Page, page
from tests.e2e.client import Stage
from tests.e2e.proxied import proxy_of
from tests.proxied import Proxy

CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)

pytestmark = [
    pytest.mark.e2e,
    pytest.mark.local,
    pytest.mark.skipif(CHROMIUM is None, reason="no Chromium here: apt-get install chromium"),
]


@pytest.fixture(scope="module")
def proxy(stage: Stage, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Proxy]:
    """The stage as a browser reaches it, which can not sign."""
    with proxy_of(stage, tmp_path_factory.mktemp("proxy")) as running:
        yield running


@pytest.fixture(scope="module")
def docs(stage: Stage, proxy: Proxy, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Page]:
    """The page, once everything is on it."""
    stage.wait("the first iris model", lambda: stage.live_version("iris"))
    assert CHROMIUM
    with page(CHROMIUM, tmp_path_factory.mktemp("chromium")) as opened:
        opened.open(proxy.url + "/docs")
        opened.wait("document.querySelectorAll('.opblock').length")
        yield opened


def test_every_described_operation_is_on_the_page(docs: Page, stage: Stage) -> None:
    _, _, document = stage.http("/openapi.json")
    expected = {
        f"{method.upper()} {path}" for path, methods in document["paths"].items() for method in methods
    }
    script = """[...document.querySelectorAll('.opblock')].map(block =>
        block.querySelector('.opblock-summary-method').innerText + ' ' +
        block.querySelector('.opblock-summary-path').dataset.path)"""
    assert set(docs.run(script)) == expected


def test_a_prediction_can_be_tried_out_with_the_example_as_it_stands(docs: Page, stage: Stage) -> None:
    docs.run("document.querySelector('#operations-predictions-predictIris .opblock-summary-control').click()")
    docs.wait("document.querySelector('#operations-predictions-predictIris textarea')?.value.includes('5.1')")
    docs.run("document.querySelector('#operations-predictions-predictIris .btn.execute').click()")
    answer = docs.wait(
        "document.querySelector('#operations-predictions-predictIris .live-responses-table .response')?.innerText"
    )
    assert answer.split()[0] == "200"
    assert f'"version": {stage.live_version("iris")}' in answer
    assert "setosa" in answer


def test_the_page_looks_as_it_should(docs: Page) -> None:
    wide = docs.run("document.querySelector('.swagger-ui .opblock-summary').getBoundingClientRect().width")
    assert wide > 600
    color = docs.run(
        "getComputedStyle(document.querySelector('.opblock-post .opblock-summary-method')).backgroundColor"
    )
    assert color != "rgba(0, 0, 0, 0)", "the style sheet did not load"
    if picture := os.environ.get("RELEARN_SCREENSHOT"):
        docs.screenshot(Path(picture))


def test_nobody_else_was_asked_and_the_browser_had_nothing_to_complain_of(docs: Page, proxy: Proxy) -> None:
    docs.run("1")  # takes in what is still unread
    own = urlsplit(proxy.url).netloc
    elsewhere = [
        url
        for url in docs.requests
        if urlsplit(url).scheme not in ("data", "blob") and urlsplit(url).netloc != own
    ]
    assert elsewhere == []
    assert docs.complaints == []
