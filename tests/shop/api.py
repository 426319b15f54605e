"""A small server that answers as Relearn does, as far as the shop asks; it can be told to fail."""

from __future__ import annotations

import json
import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

AT = "2026-05-04T10:00:00+00:00"
QUEUES = ("account", "billing", "delivery", "product", "returns")
MODELS = re.compile(r"/v1/models/(\w+)/(\w+)(?:/([\w-]+))?")


@dataclass
class Api:
    """What it answers, and what came."""

    url: str = ""
    queue: str = "returns"
    likely: float = 0.9
    items: tuple[str, ...] = ("books-01", "games-02", "unknown-01", "pets-03")
    basis: str = "similar"
    truth_state: str = "accepted"
    down: frozenset[str] = frozenset()
    """Of what there is no answer: a model's name, ``feedback``, ``uploads``, ``file``."""
    slow: threading.Event | None = None
    asked: list[str] = field(default_factory=list)
    truths: list[tuple[str, str]] = field(default_factory=list)
    files: dict[str, tuple[str, str]] = field(default_factory=dict)
    """Upload → table and content, of what has arrived."""
    begun: dict[str, tuple[str, str]] = field(default_factory=dict)

    def answer(self, method: str, path: str, body: bytes) -> tuple[int, Any]:
        if path.startswith("/form/"):
            return self._file(path.removeprefix("/form/"), body)
        found = MODELS.fullmatch(path)
        assert found, path
        model, what, name = found.groups()
        topic = model if what == "predict" else what
        self.asked.append(topic)
        if self.slow:
            self.slow.wait()
        if topic in self.down:
            return 503, {"type": "urn:relearn:problem:not-serving", "title": "No", "status": 503}
        if what == "predict":
            return 200, {"model": model, "version": 1, "predictions": [self._said(model, len(self.asked))]}
        if what == "feedback":
            return 200, self._told(json.loads(body)["feedback"])
        if method == "GET":
            return 200, self._upload(model, name, "ACCEPTED" if name in self.files else "WAITING_FOR_FILE")
        return 201, self._begin(model, json.loads(body))

    def _said(self, model: str, number: int) -> Any:
        if model == "tickets":
            rest = (1 - self.likely) / 4
            likely = {queue: self.likely if queue == self.queue else rest for queue in QUEUES}
            return {"id": f"p-{number}", "label": self.queue, "probabilities": likely}
        ranked = [{"item": item, "score": 1 / place} for place, item in enumerate(self.items, 1)]
        return {"id": f"p-{number}", "items": ranked, "basis": self.basis}

    def _told(self, rows: list[dict[str, str]]) -> Any:
        if self.truth_state == "accepted":
            self.truths += [(row["prediction"], row["truth"]) for row in rows]
        state = {"state": self.truth_state, "detail": ""}
        return {"model": "tickets", "results": [{"prediction": row["prediction"], **state} for row in rows]}

    def _begin(self, model: str, asked: dict[str, str]) -> Any:
        name = f"u-{len(self.begun)}"
        self.begun[name] = (model, asked.get("table", "main"))
        form = {
            "url": f"{self.url}/form/{name}",
            "fields": {"key": name},
            "max_bytes": 10_000_000,
            "expires_at": AT,
        }
        return {**self._upload(model, name, "WAITING_FOR_FILE"), "form": form}

    def _upload(self, model: str, name: str, state: str) -> Any:
        empty = ("upload_id", "size_bytes", "rows_accepted", "rows_rejected", "received_at", "run_id")
        about = {"model": model, "upload": name, "table": self.begun[name][1], "filename": "shop.csv"}
        return {
            **dict.fromkeys(empty),
            **about,
            "state": state,
            "reason": "",
            "states": [],
            "rejected_rows": [],
        }

    def _file(self, name: str, body: bytes) -> tuple[int, Any]:
        if "file" in self.down:
            return 503, {}
        content = body.split(b"application/octet-stream\r\n\r\n")[1].rsplit(b"\r\n--", 1)[0].decode()
        self.files[name] = (self.begun[name][0], content)
        return (500, {}) if "after the file" in self.down else (204, {})


class _Handler(BaseHTTPRequestHandler):
    server: _Server

    def do_GET(self) -> None:
        body = self.rfile.read(int(self.headers.get("content-length") or 0))
        status, answer = self.server.api.answer(self.command, self.path, body)
        content = json.dumps(answer).encode()
        self.send_response(status)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def do_POST(self) -> None:
        self.do_GET()

    def log_message(self, *_: object) -> None:
        pass


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self, api: Api) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.api = api

    def handle_error(self, *_: object) -> None:
        """Somebody who gave up is no news."""


@contextmanager
def serving() -> Iterator[Api]:
    """Run one on a free port."""
    api = Api()
    server = _Server(api)
    api.url = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
    thread.start()
    try:
        yield api
    finally:
        if api.slow:
            api.slow.set()
        server.shutdown()
        thread.join()
        server.server_close()
