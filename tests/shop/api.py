"""A small server that answers as Relearn does, as far as the shop asks; it can be told to fail."""

from __future__ import annotations

import json
import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from tests.support import wire

AT = "2026-05-04T10:00:00+00:00"
QUEUES = ("account", "billing", "delivery", "product", "returns")
MODELS = re.compile(r"/v1/models/(\w+)(?:/(\w+)(?:/([\w-]+))?)?")


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
    """Upload → model and content, of what has arrived."""
    begun: dict[str, tuple[str, str]] = field(default_factory=dict)
    """Upload → model and table."""
    refused: str = ""
    states: dict[str, str] = field(default_factory=dict)
    runs: dict[str, list[tuple[str, str]]] = field(default_factory=dict)

    def answer(self, path: str, body: bytes) -> tuple[int, Any]:
        """Return status and content; what comes without a body is asked with GET."""
        if path.startswith("/form/"):
            return self._file(path.removeprefix("/form/"), body)
        found = MODELS.fullmatch(path.partition("?")[0])
        assert found, path
        model, what, name = found.groups()
        topic = model if what == "predict" else str(what)
        self.asked.append(topic)
        if self.slow:
            self.slow.wait()
        if topic in self.down:
            return 503, {"type": "urn:relearn:problem:not-serving", "title": "No", "status": 503}
        if what == "predict":
            return 200, {"model": model, "version": 1, "predictions": [self._said(model, len(self.asked))]}
        if what == "feedback":
            return 200, self._told(json.loads(body)["feedback"])
        if not body:
            return 200, self._seen(model, topic, name)
        return 201, self._begin(model, json.loads(body))

    def _seen(self, model: str, what: str, name: str | None) -> Any:
        if name:
            return self._upload(model, name, "ACCEPTED" if name in self.files else "WAITING_FOR_FILE")
        if what == "uploads":
            begun = [name for name, (owner, _) in self.begun.items() if owner == model]
            return {"uploads": [self._upload(model, name, self.refused or "ACCEPTED") for name in begun]}
        if what == "runs":
            found = [{"run_id": name, "state": state} for name, state in self.runs.get(model, [])]
            empty = dict.fromkeys(("version", "champion_version", "ended_at"))
            rest: dict[str, Any] = {
                "reason": "",
                "started_at": AT,
                "metrics": {},
                "champion_metrics": {},
                **empty,
            }
            return {"runs": [{**rest, **run} for run in found], "next": None}
        about = {
            "name": model,
            "title": "",
            "kind": "classification",
            "state": self.states.get(model, "live"),
        }
        more: dict[str, Any] = {
            "metrics": {},
            "waiting_for": None,
            "request_schema": {},
            "sample": {},
            "target": {},
        }
        return {**about, **more, "version": 1}

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
        empty = (
            "upload_id",
            "size_bytes",
            "rows_accepted",
            "rows_rejected",
            "rows_waiting",
            "waits_until",
            "known_from",
            "received_at",
            "run_id",
            "replaces",
            "same_as",
        )
        about = {"model": model, "upload": name, "table": self.begun[name][1], "filename": "shop.csv"}
        return {
            **dict.fromkeys(empty),
            **about,
            "state": state,
            "reason": "a bad day" if self.refused else "",
            "states": [],
            "rejected_rows": [],
        }

    def _file(self, name: str, body: bytes) -> tuple[int, Any]:
        if "file" in self.down:
            return 503, {}
        content = body.split(b"application/octet-stream\r\n\r\n")[1].rsplit(b"\r\n--", 1)[0].decode()
        self.files[name] = (self.begun[name][0], content)
        return (500, {}) if "after the file" in self.down else (204, {})


@contextmanager
def serving() -> Iterator[Api]:
    """Run one on a free port."""
    api = Api()

    def answer(path: str, _headers: dict[str, str], body: bytes) -> wire.Answer:
        status, content = api.answer(path, body)
        return status, {"content-type": "application/json"}, json.dumps(content).encode()

    with wire.serving(answer) as api.url:
        try:
            yield api
        finally:
            if api.slow:
                api.slow.set()
