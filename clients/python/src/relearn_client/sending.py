"""Sending of one attempt, and pauses, for ordinary code; `aio_sending` has the same for asyncio."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import closing

import httpx

from relearn_client import wire
from relearn_client.answers import Answer


def pause(seconds: float) -> None:
    """Wait for a number of seconds."""
    if seconds:
        time.sleep(seconds)


def answer(http: httpx.Client, request: httpx.Request, auth: httpx.Auth | None, within: float) -> Answer:
    """Send a request and read the whole answer.

    Parameters
    ----------
    http, request, auth
        Client to send with, request, and its authentication.
    within
        Maximum duration in seconds. It bounds each single wait, so a server that sends its answer in small
        parts can exceed it by one wait.

    Raises
    ------
    TimeoutError
        When it takes longer.
    httpx.HTTPError
        When there is no complete answer.
    """
    ends = time.monotonic() + within
    with closing(http.send(request, auth=auth, stream=True)) as response:
        return wire.answer(response, b"".join(_until(ends, response.iter_bytes())))


def _until(ends: float, parts: Iterator[bytes]) -> Iterator[bytes]:
    for part in parts:
        yield part
        if time.monotonic() >= ends:
            raise TimeoutError
