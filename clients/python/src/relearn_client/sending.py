"""How one attempt is sent and how a pause is made, in ordinary code; `aio_sending` has the same for asyncio."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import closing

import httpx

from relearn_client import wire
from relearn_client.answers import Answer


def pause(seconds: float) -> None:
    """Wait so many seconds."""
    if seconds:
        time.sleep(seconds)


def answer(http: httpx.Client, request: httpx.Request, auth: httpx.Auth | None, within: float) -> Answer:
    """Send a request and read the whole answer.

    Parameters
    ----------
    http, request, auth
        Who sends what, and on whose behalf.
    within
        Seconds that it may take. They bound every single wait, so a server that sends its answer in drops can hold
        the request longer by one wait.

    Raises
    ------
    TimeoutError
        It took longer.
    httpx.HTTPError
        There is no whole answer.
    """
    ends = time.monotonic() + within
    with closing(http.send(request, auth=auth, stream=True)) as response:
        return wire.answer(response, b"".join(_until(ends, response.iter_bytes())))


def _until(ends: float, parts: Iterator[bytes]) -> Iterator[bytes]:
    for part in parts:
        yield part
        if time.monotonic() >= ends:
            raise TimeoutError
