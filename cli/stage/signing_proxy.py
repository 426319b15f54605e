"""An ASGI application that forwards requests to one API with credentials that its callers do not see.

Every caller acts with those credentials. Therefore it answers only requests whose Host is one of its loopback
names, which defeats DNS rebinding, and no page of another origin.
"""

from __future__ import annotations

import json
import string
import time
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any, TypeAlias
from urllib.parse import quote_from_bytes

import httpx

from relearn_client import CredentialsError

Message: TypeAlias = MutableMapping[str, Any]
Receive: TypeAlias = Callable[[], Awaitable[Message]]
Send: TypeAlias = Callable[[Message], Awaitable[None]]
Pairs: TypeAlias = list[tuple[bytes, bytes]]

TIMEOUT_SECONDS = 60.0
"""Longer than API Gateway's own limit."""
_NAMES, _HTTP_PORT = {"127.0.0.1", "localhost"}, 80
_GONE = 499
"""Status logged for a request whose client disconnected; it is not sent."""
_HOP = {b"connection", b"keep-alive", b"proxy-authenticate", b"proxy-authorization", b"proxy-connection"}
_HOP |= {b"te", b"trailer", b"transfer-encoding", b"upgrade"}
_OURS = {b"host", b"content-length", b"expect", b"authorization", b"x-amz-date", b"x-amz-security-token"}
_BROWSERS = {b"cookie", b"origin", b"referer"}
"""Headers of pages of this machine; all programs on a loopback address share its cookies."""
_READABLE = string.ascii_letters + string.digits + string.punctuation


class Forward:
    """The forwarding application.

    Parameters
    ----------
    url
        URL of the API.
    auth
        Adds the credentials to a request; None adds none.
    port
        The loopback port that it listens on.
    tell
        Receives a line for each request: method, path, status, milliseconds; never a secret.
    """

    def __init__(self, url: str, auth: httpx.Auth | None, port: int, tell: Callable[[str], None]) -> None:
        self._url = url.rstrip("/")
        self._auth = auth
        self._hosts = {f"{name}:{port}" for name in _NAMES} | (_NAMES if port == _HTTP_PORT else set())
        self._tell = tell
        self._http = httpx.AsyncClient()

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        """Answer one request (ASGI)."""
        began = time.perf_counter()
        refused = self._refusal(scope)
        status = (
            await _problem(send, 403, f"the proxy refuses this request: {refused}")
            if refused
            else await self._pass_on(scope, receive, send)
        )
        path = quote_from_bytes(scope["raw_path"], safe=_READABLE)
        self._tell(f"{scope['method']} {path} {status} {(time.perf_counter() - began) * 1000:.0f} ms")

    def _refusal(self, scope: Message) -> str:
        """Return why a request is refused; empty when it is accepted."""
        headers = {name: value.decode("latin-1") for name, value in scope["headers"]}
        host, origin = headers.get(b"host", ""), headers.get(b"origin")
        if host.lower() not in self._hosts:
            return f"its Host is {host!r}; allowed: {', '.join(sorted(self._hosts))}"
        if origin is not None and origin.lower() not in {f"http://{name}" for name in self._hosts}:
            return f"its Origin is {origin!r}; allowed: a page that came from here"
        if headers.get(b"sec-fetch-site", "none") not in ("same-origin", "none"):
            return "another site asked for it; open the address yourself"
        return "" if scope["raw_path"].startswith(b"/") else "its target is no path"

    async def _pass_on(self, scope: Message, receive: Receive, send: Send) -> int:
        body = await _body(receive)
        if body is None:
            return _GONE
        try:
            answer = await self._http.send(self._request(scope, body), auth=self._auth, stream=True)
            content = b"".join([part async for part in answer.aiter_raw()])
        except CredentialsError as error:
            return await _problem(send, 502, str(error))
        except httpx.HTTPError as error:
            return await _problem(send, 502, f"{self._url} does not answer: {error or type(error).__name__}")
        headers = [(name.lower(), value) for name, value in answer.headers.raw if name.lower() not in _HOP]
        return await _reply(send, answer.status_code, headers, content)

    def _request(self, scope: Message, body: bytes) -> httpx.Request:
        dropped = _HOP | _OURS | _BROWSERS
        headers: Pairs = [(name, value) for name, value in scope["headers"] if name not in dropped]
        target = scope["raw_path"] + (b"?" + scope["query_string"] if scope["query_string"] else b"")
        url = self._url + quote_from_bytes(target, safe=_READABLE)
        return httpx.Request(
            scope["method"],
            url,
            headers=headers,
            content=body or None,
            extensions={"timeout": httpx.Timeout(TIMEOUT_SECONDS).as_dict()},
        )


async def _body(receive: Receive) -> bytes | None:
    """Return the whole body, whose hash is part of a signature; None when the client disconnected."""
    parts: list[bytes] = []
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            return None
        parts.append(message.get("body", b""))
        if not message.get("more_body", False):
            return b"".join(parts)


async def _problem(send: Send, status: int, detail: str) -> int:
    title = {403: "Not from here", 502: "The API could not be asked"}[status]
    body = json.dumps({"type": "about:blank", "title": title, "status": status, "detail": detail}).encode()
    return await _reply(send, status, [(b"content-type", b"application/problem+json")], body)


async def _reply(send: Send, status: int, headers: Pairs, body: bytes) -> int:
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})
    return status
