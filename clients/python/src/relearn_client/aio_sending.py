"""Sending of one attempt, and pauses, for asyncio; `sending` has the same for ordinary code."""

from __future__ import annotations

import asyncio

import httpx

from relearn_client import wire
from relearn_client.answers import Answer


async def pause(seconds: float) -> None:
    """Wait for a number of seconds; other tasks run meanwhile, even when it is 0."""
    await asyncio.sleep(seconds)


async def answer(
    http: httpx.AsyncClient, request: httpx.Request, auth: httpx.Auth | None, within: float
) -> Answer:
    """Send a request and read the whole answer within `within` seconds, as `sending.answer` does.

    Raises
    ------
    TimeoutError
        When it takes longer.
    httpx.HTTPError
        When there is no complete answer.
    """
    async with asyncio.timeout(within):
        response = await http.send(request, auth=auth)
        return wire.answer(response, response.content)
