"""Serves the laptop's token issuer over HTTP, on the port of the AWS APIs."""

from __future__ import annotations

import asyncio
import json
from typing import TYPE_CHECKING, Any

from local.api_gateway.issuer import PATH, Issuer

if TYPE_CHECKING:
    from local.asgi import App, Scope


def beside(app: App, issuer: Issuer) -> App:
    """Return an application that answers requests below the issuer's path and passes all others on."""

    async def answering(scope: Scope, receive: Any, send: Any) -> None:
        if scope["type"] != "http" or not scope["path"].startswith(f"{PATH}/"):
            await app(scope, receive, send)
            return
        body, path = await _body(receive), scope["path"].removeprefix(PATH)
        # The first token generates a key pair, which would block the event loop.
        status, answer = await asyncio.to_thread(issuer.answer, scope["method"], path, body)
        headers = [(b"content-type", b"application/json"), (b"cache-control", b"no-store")]
        await send({"type": "http.response.start", "status": status, "headers": headers})
        await send({"type": "http.response.body", "body": json.dumps(answer).encode()})

    return answering


async def _body(receive: Any) -> bytes:
    parts = []
    while True:
        message = await receive()
        parts.append(message.get("body", b""))
        if not message.get("more_body"):
            return b"".join(parts)
