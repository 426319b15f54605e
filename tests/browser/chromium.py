"""One headless Chromium, driven over its DevTools protocol: opens a page, runs scripts in it, tells what it did."""

from __future__ import annotations

import base64
import json
import subprocess
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from websockets.sync.client import ClientConnection, connect

FLAGS = (
    "--headless=new",
    "--no-sandbox",
    "--disable-gpu",
    "--no-first-run",
    "--disable-background-networking",
)
_DOMAINS = ("Page", "Runtime", "Network", "Log")
_SECONDS = 30.0


@dataclass
class Page:
    """A tab.

    ``requests`` holds the URL of everything it asked for, ``complaints`` everything the browser complained of.
    """

    socket: ClientConnection
    requests: list[str] = field(default_factory=list)
    complaints: list[str] = field(default_factory=list)
    _sent: int = 0

    def call(self, method: str, **parameters: Any) -> Any:
        """Call a DevTools method; give its result."""
        self._sent += 1
        self.socket.send(json.dumps({"id": self._sent, "method": method, "params": parameters}))
        while True:
            message = json.loads(self.socket.recv(timeout=_SECONDS))
            if message.get("id") == self._sent:
                assert "error" not in message, message
                return message["result"]
            self._note(message)

    def open(self, url: str) -> None:
        for domain in _DOMAINS:
            self.call(f"{domain}.enable")
        self.call("Page.navigate", url=url)

    def run(self, script: str) -> Any:
        """Run JavaScript; give its value."""
        answer = self.call("Runtime.evaluate", expression=script, returnByValue=True, awaitPromise=True)
        assert "exceptionDetails" not in answer, answer
        return answer["result"].get("value")

    def wait(self, script: str) -> Any:
        """Run JavaScript until its value is true in JavaScript's sense; give the value."""
        end = time.monotonic() + _SECONDS
        while not (value := self.run(script)):
            assert time.monotonic() < end, f"never true: {script}; the browser complained: {self.complaints}"
            time.sleep(0.1)
        return value

    def screenshot(self, path: Path) -> None:
        path.write_bytes(base64.b64decode(self.call("Page.captureScreenshot")["data"]))

    def _note(self, message: dict[str, Any]) -> None:
        parameters = message.get("params", {})
        match message["method"]:
            case "Network.requestWillBeSent":
                self.requests.append(parameters["request"]["url"])
            case "Log.entryAdded":
                self.complaints.append(json.dumps(parameters["entry"]))
            case "Runtime.exceptionThrown":
                self.complaints.append(json.dumps(parameters["exceptionDetails"]))
            case "Runtime.consoleAPICalled" if parameters["type"] in ("error", "warning"):
                self.complaints.append(json.dumps(parameters["args"]))


@contextmanager
def page(chromium: str, folder: Path) -> Iterator[Page]:
    """Start Chromium with a profile of its own; give its one page."""
    command = [chromium, *FLAGS, "--window-size=1280,1600", "--remote-debugging-port=0"]
    command += [f"--user-data-dir={folder}", "about:blank"]
    browser = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        with connect(_address(browser, folder), max_size=None) as socket:
            yield Page(socket)
    finally:
        browser.terminate()
        browser.wait(timeout=_SECONDS)


def _address(browser: subprocess.Popen[bytes], folder: Path) -> str:
    file, end = folder / "DevToolsActivePort", time.monotonic() + _SECONDS
    while not (file.exists() and file.read_text().count("\n")):
        assert browser.poll() is None, "Chromium ended before it listened"
        assert time.monotonic() < end, "Chromium did not listen"
        time.sleep(0.05)
    port = file.read_text().splitlines()[0]
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/json/list", timeout=_SECONDS) as answer:
        return str(next(tab for tab in json.load(answer) if tab["type"] == "page")["webSocketDebuggerUrl"])
