"""A server that speaks the API's contract on a real socket, and can be told to misbehave."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

Ask = Callable[..., Any]
"""Carries out calls with either client; see conftest."""
INSTANCE = {"sepal_length": 5.1, "sepal_width": 3.5, "petal_length": 1.4, "petal_width": 0.2}
PREDICTION = {
    "id": "20260504t100000-0123456789ab-0",
    "label": "setosa",
    "probabilities": {"setosa": 0.98, "virginica": 0.02},
}
SCORED = {name: value for name, value in PREDICTION.items() if name != "id"}
METRIC = {"name": "f1_macro", "better": "higher"}
BRIEF = {
    "name": "iris",
    "title": "Iris species",
    "kind": "classification",
    "state": "live",
    "version": 3,
    "metric": METRIC,
}
WHOLE = {
    **BRIEF,
    "metrics": {"f1_macro": 0.95},
    "waiting_for": None,
    "request_schema": {"type": "object"},
    "sample": {"instances": [INSTANCE]},
    "target": {"name": "species"},
}


AT = "2026-05-04T10:00:00+00:00"
VERSION = {
    "version": 3,
    "state": "LIVE",
    "reason": "",
    "run_id": "r-1",
    "metrics": {"f1_macro": 0.95},
    "approval": None,
    "created_at": AT,
}
RUN = {
    "run_id": "r-1",
    "state": "PROMOTED",
    "reason": "better",
    "started_at": AT,
    "ended_at": AT,
    "version": 3,
    "metrics": {"f1_macro": 0.95},
    "champion_version": 2,
    "champion_metrics": {"f1_macro": 0.94},
}


EXPIRES = "2026-05-04T11:00:00+00:00"
BATCH = {
    "model": "iris",
    "batch": "20260504t100000-abcdef",
    "state": "SUCCEEDED",
    "reason": "",
    "version": 3,
    "rows": 2,
    "created_at": AT,
    "ended_at": AT,
    "states": [{"state": "WAITING_FOR_FILE", "at": AT}, {"state": "SUCCEEDED", "at": AT}],
    "errors": [],
    "result": None,
}
WAITING = {**BATCH, "state": "WAITING_FOR_FILE", "version": None, "rows": None, "ended_at": None}

UPLOAD = {
    "model": "iris",
    "upload": "20260504t100000-abcdef",
    "upload_id": "0123456789abcdef0123456789abcdef",
    "table": "main",
    "filename": "new.csv",
    "state": "QUARANTINED",
    "reason": "too many bad rows",
    "size_bytes": 100,
    "rows_accepted": 1,
    "rows_rejected": 1,
    "rows_waiting": 0,
    "waits_until": None,
    "known_from": None,
    "received_at": AT,
    "run_id": None,
    "replaces": None,
    "same_as": None,
    "left_out": None,
    "states": [{"state": "WAITING_FOR_FILE", "at": AT}, {"state": "QUARANTINED", "at": AT}],
    "rejected_rows": [{"line": 3, "errors": [{"column": None, "value": None, "reason": "too short"}]}],
}
_NOT_YET = ("upload_id", "size_bytes", "rows_accepted", "rows_rejected", "rows_waiting", "received_at")
EMPTY = {**UPLOAD, **dict.fromkeys(_NOT_YET), "state": "WAITING_FOR_FILE", "reason": "", "rejected_rows": []}


@dataclass(frozen=True)
class Reply:
    """An answer."""

    status: int = 200
    body: Any = None
    headers: dict[str, str] = field(default_factory=dict)


HANG_UP = "hang up"
STALL = "stall"
TRICKLE = "trickle"


@dataclass(frozen=True)
class Asked:
    """What arrived."""

    method: str
    path: str
    headers: dict[str, str]
    body: bytes
    connection: tuple[str, int]

    @property
    def json(self) -> Any:
        return json.loads(self.body)


Turn = Reply | str | Callable[[Asked], Reply]
"""An answer, a way to misbehave, or what answers by what arrived."""


@dataclass
class StubApi:
    """Answers well, except for the turns it was told."""

    url: str = ""
    turns: list[Turn] = field(default_factory=list)
    asked: list[Asked] = field(default_factory=list)
    over: threading.Event = field(default_factory=threading.Event)
    _arrival: threading.Condition = field(default_factory=threading.Condition)

    def has_been_asked(self, times: int) -> bool:
        """Wait until so many requests have arrived, which a client may have given up before; return whether these are all."""
        with self._arrival:
            self._arrival.wait_for(lambda: len(self.asked) >= times, 60)
        return len(self.asked) == times

    def turn(self, asked: Asked) -> Reply | str:
        with self._arrival:
            self.asked.append(asked)
            self._arrival.notify_all()
        turn = self.turns.pop(0) if self.turns else _good
        return turn(asked) if callable(turn) else turn


def _good(asked: Asked) -> Reply:
    if asked.method == "POST":
        count = len(asked.json["instances"])
        return Reply(body={"model": "iris", "version": 3, "predictions": [PREDICTION] * count})
    return Reply(body={"models": [BRIEF]} if asked.path.endswith("/v1/models") else WHOLE)


def problem(status: int, slug: str, **more: Any) -> Reply:
    """An answer that is a problem, as the API writes it."""
    body = {"type": f"urn:relearn:problem:{slug}", "title": "A title", "status": status, "detail": "A detail"}
    return Reply(status, {**body, "instance": "/v1", "request_id": "r-1", **more})


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: _Server

    def do_GET(self) -> None:
        body = self.rfile.read(int(self.headers.get("content-length") or 0))
        headers = {name.lower(): value for name, value in self.headers.items()}
        turn = self.server.api.turn(Asked(self.command, self.path, headers, body, self.client_address))
        if isinstance(turn, Reply):
            self._reply(turn)
        else:
            self.close_connection = True
            self._misbehave(turn)

    def do_POST(self) -> None:
        self.do_GET()

    def _misbehave(self, turn: str) -> None:
        if turn == STALL:
            self.server.api.over.wait()
        elif turn == TRICKLE:
            self.send_response(200)
            self.send_header("content-length", "1000000")
            self.end_headers()
            while not self.server.api.over.wait(0.01):
                self.wfile.write(b" ")
                self.wfile.flush()

    def _reply(self, reply: Reply) -> None:
        body = reply.body if isinstance(reply.body, bytes) else json.dumps(reply.body).encode()
        self.send_response(reply.status)
        for name, value in {**reply.headers, "content-length": str(len(body))}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        pass


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self, api: StubApi) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.api = api

    def handle_error(self, *_: object) -> None:
        """A client that gave up is no news."""


@contextmanager
def serving() -> Iterator[StubApi]:
    """Run a stub on a free port."""
    api = StubApi()
    server = _Server(api)
    api.url = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
    thread.start()
    try:
        yield api
    finally:
        api.over.set()
        server.shutdown()
        thread.join()
        server.server_close()
