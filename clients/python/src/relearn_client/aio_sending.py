"""How one attempt is sent and how a pause is made, for asyncio; `sending` has the same for ordinary code."""

from __future__ import annotations

import asyncio

import httpx

from relearn_client import wire
from relearn_client.answers import Answer


async def pause(seconds: float) -> None:
    """Wait so many seconds; other tasks run meanwhile, even when it is none."""
    await asyncio.sleep(seconds)


async def answer(
    http: httpx.AsyncClient, request: httpx.Request, auth: httpx.Auth | None, within: float
) -> Answer:
    """Send a request and read the whole answer, as `sending.answer` does; the time bounds all of it."""
    async with asyncio.timeout(within):
        response = await http.send(request, auth=auth)
        return wire.answer(response, response.content)
