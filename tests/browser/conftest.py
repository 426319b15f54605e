"""The browser that looks at pages."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser

from tests.browser.pages import chromium


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """A Chromium for each module: while it runs, no test in this process can run an event loop of its own."""
    with chromium() as started:
        yield started
