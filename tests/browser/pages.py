"""Pages in Debian's Chromium, driven by Playwright, that keep what they asked for and what the browser said of it."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

import pytest
from playwright.sync_api import Browser, ConsoleMessage, Page, sync_playwright

CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
FLAGS = ("--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking")
LOCAL_ALLOWED = "--disable-features=LocalNetworkAccessChecks"
"""Newer Chromiums ask the person before a page of the internet reaches this machine; others do not."""
SECONDS = 30.0


@dataclass
class Watched:
    """A tab.

    ``requests`` holds the URL of everything it asked for, ``complaints`` everything the browser complained of.
    """

    page: Page
    requests: list[str] = field(default_factory=list)
    complaints: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.page.set_default_timeout(SECONDS * 1000)
        self.page.on("request", lambda request: self.requests.append(request.url))
        self.page.on("pageerror", lambda error: self.complaints.append(str(error)))
        self.page.on("console", self._note)

    def _note(self, message: ConsoleMessage) -> None:
        if message.type in ("error", "warning"):
            self.complaints.append(f"{message.text} ({message.location})")


@contextmanager
def chromium(*more: str) -> Iterator[Browser]:
    """Start the Chromium that is installed here, with ``more`` flags: none is ever downloaded. Skips the test where there is none."""
    if CHROMIUM is None:
        pytest.skip("no Chromium here: apt-get install chromium")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=[*FLAGS, *more])
        try:
            yield browser
        finally:
            browser.close()
