"""Admission to the ports of the laptop cloud: programs of this machine, and no page of a foreign origin.

A browser sends whatever any page asks it to send to any port of this machine. Therefore both ports answer
only requests whose Host is one of their loopback names, which defeats DNS rebinding, and a page of another
origin only as far as the CORS configuration of an API or bucket allows (``local.api_gateway.pages``). S3's own
names are admitted too, since no page can point them here: S3 answers by them.
"""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

from local.api_gateway import arrivals

if TYPE_CHECKING:
    from collections.abc import Callable

    from local.api_gateway.arrivals import Arrival
    from local.asgi import App, Scope

CALLBACK = "/_ministack/cfn-response/"
"""Path below which a custom resource's function reports its result.

The rest of the path is an unguessable token.
"""
_EMULATORS = re.compile(r"/_(ministack|localstack)(/|$)")
OF_S3 = re.compile(
    r"(?:(?P<bucket>[a-z0-9][a-z0-9.-]*)\.)?s3(?:[.-](?P<region>[a-z]{2}(?:-[a-z]+)+-\d+))?\.amazonaws\.com(?::\d+)?",
    re.IGNORECASE,
)
"""A Host of S3 on AWS: of a region, or without one the global host; with the bucket in front where it is virtual-hosted."""
_NAMES, _HTTP_PORT = ("127.0.0.1", "localhost"), 80


def keep(app: App, port: int, *, below: bool, admits: Callable[[Arrival], bool]) -> App:
    """Wrap an application so that only requests of this machine's own programs reach it.

    Refused with 403: a foreign Host, and a page of another origin that `admits` does not accept. Answered
    with 404: MiniStack's own endpoints, which can reset the cloud and show its queues without a signature.
    WebSocket connections are closed, because nothing here speaks that protocol.

    Parameters
    ----------
    app : App
        The application to protect.
    port : int
        The loopback port that it listens on.
    below : bool
        Whether names below ``localhost`` are accepted too, as those of buckets and APIs. No other machine can
        have such a name. Those of S3 on AWS are accepted with them.
    admits : callable
        Returns whether a page of another origin may send this request.
    """
    hosts = {f"{name}:{port}" for name in _NAMES} | (set(_NAMES) if port == _HTTP_PORT else set())
    ending = f".localhost:{port}" if below else None

    async def kept(scope: Scope, receive: Any, send: Any) -> None:
        if scope["type"] == "websocket":
            await receive()
            await send({"type": "websocket.close", "code": 1008})
            return
        if scope["type"] == "http":
            arrival = arrivals.parse_scope(scope)
            refused = _refusal(arrival, hosts, ending, admits)
            if refused:
                await _reply(send, 403, f"the laptop cloud refuses this request: {refused}")
                return
            if _EMULATORS.match(scope["path"]) and not (below and _is_callback(scope)):
                await _reply(send, 404, "Not Found")
                return
        await app(scope, receive, send)

    return kept


def _refusal(arrival: Arrival, hosts: set[str], ending: str | None, admits: Callable[[Arrival], bool]) -> str:
    """Return why a request is refused; empty when it is admitted."""
    host, origin = arrival.headers.get("host", ""), arrival.headers.get("origin")
    below = ending is not None and (host.lower().endswith(ending) or OF_S3.fullmatch(host))
    if host.lower() not in hosts and not below:
        return f"its Host is {host!r}; allowed: {', '.join(sorted(hosts))}"
    if not arrival.path.startswith("/"):
        return "its target is no path"
    foreign = origin is not None and origin.lower() not in {f"http://{name}" for name in hosts}
    elsewhere = arrival.headers.get("sec-fetch-site", "none") not in ("same-origin", "none")
    if not (foreign or elsewhere) or admits(arrival):
        return ""
    if foreign:
        return f"its Origin is {origin!r}; allowed: what the stage's cors_origins name, and presigned links and forms"
    return "a page of another site asked for it; open the address yourself"


def _is_callback(scope: Scope) -> bool:
    return bool(scope["method"] == "PUT" and scope["path"].startswith(CALLBACK))


async def _reply(send: Any, status: int, message: str) -> None:
    headers = [(b"content-type", b"application/json")]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": json.dumps({"message": message}).encode()})
