"""Load generator: a few keep-alive connections, with one request in progress on each.

Reads ``{"connections", "rounds", "targets": {name: {"port", "path", "body", "requests"}}}`` from standard
input, sends requests to the targets in turn, round by round, and prints the requests per second of every
round as ``{name: [float, ...]}``. It uses loopback only, and its counts bound its run.

It never sleeps while it waits for an answer: waking a sleeping client costs a server more than a small answer
does, and would cost the slower server more often.
"""

from __future__ import annotations

import json
import re
import selectors
import socket
import sys
import time
from typing import Any

HOST = "127.0.0.1"
LENGTH = re.compile(rb"content-length: (\d+)", re.IGNORECASE)
HEAD_ENDS = b"\r\n\r\n"
PATIENCE_S = 60.0  # time limit of one round, in seconds


def rate(target: dict[str, Any], connections: int) -> float:
    """Return the requests per second that a target answers."""
    request = request_of(target)
    size = body_size(target, request)
    opened = [socket.create_connection((HOST, target["port"])) for _ in range(connections)]
    with selectors.DefaultSelector() as selector:
        for connection in opened:
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            selector.register(connection, selectors.EVENT_READ)
        took = exchange(selector, opened, request, size, target["requests"])
    for connection in opened:
        connection.close()
    return float(target["requests"] / took)


def exchange(
    selector: selectors.BaseSelector, opened: list[socket.socket], request: bytes, size: int, requests: int
) -> float:
    """Send ``requests`` in all, one at a time on each connection; return the duration in seconds.

    Every answer has a body of ``size`` bytes; its head may be of any size, as it names the time that the answer took.
    """
    got = dict.fromkeys(opened, 0)
    whole = dict.fromkeys(opened, 0)
    started = time.perf_counter()
    for each in opened:
        each.sendall(request)
    unsent, unanswered = requests - len(opened), requests
    while unanswered:
        for key, _ in selector.select(0):
            connection = key.fileobj
            assert isinstance(connection, socket.socket)  # noqa: S101 - it was registered as one
            data = connection.recv(65536)
            if not data or (not got[connection] and not data.startswith(b"HTTP/1.1 200")):
                raise SystemExit(f"answered {data[:200]!r}")
            if not got[connection]:
                whole[connection] = data.index(HEAD_ENDS) + len(HEAD_ENDS) + size
            got[connection] += len(data)
            if got[connection] == whole[connection]:
                got[connection] = 0
                unanswered -= 1
                if unsent > 0:
                    unsent -= 1
                    connection.sendall(request)
        if time.perf_counter() - started > PATIENCE_S:
            raise SystemExit(f"{unanswered} of {requests} requests not answered within {PATIENCE_S:g} s")
    return time.perf_counter() - started


def request_of(target: dict[str, Any]) -> bytes:
    """Return the HTTP request of a target."""
    body: bytes = target["body"].encode()
    head = (
        f"POST {target['path']} HTTP/1.1\r\nHost: {HOST}\r\nContent-Type: application/json\r\n"
        f"Content-Length: {len(body)}\r\n\r\n"
    )
    return head.encode() + body


def body_size(target: dict[str, Any], request: bytes) -> int:
    """Send a request once; return the size of its answer's body in bytes, which never changes."""
    with socket.create_connection((HOST, target["port"])) as connection:
        connection.sendall(request)
        data = b""
        while HEAD_ENDS not in data:
            data += connection.recv(65536)
        found = LENGTH.search(data)
        return int(found[1] if found else 0)


def main() -> None:
    """Warm up every target, then run every round and print the rates."""
    plan = json.load(sys.stdin)
    rates: dict[str, list[float]] = {name: [] for name in plan["targets"]}
    for target in plan["targets"].values():
        rate({**target, "requests": max(target["requests"] // 4, plan["connections"])}, plan["connections"])
    for _ in range(plan["rounds"]):
        for name, target in plan["targets"].items():
            rates[name].append(rate(target, plan["connections"]))
    sys.stdout.write(json.dumps(rates) + "\n")


if __name__ == "__main__":
    main()
