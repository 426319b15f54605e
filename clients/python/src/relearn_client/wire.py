"""Mapping between the core and httpx: calls to requests, responses to answers, httpx's errors to this package's."""

from __future__ import annotations

import httpx

from relearn_client.answers import Answer
from relearn_client.calls import Call, T
from relearn_client.errors import AnswerTimeoutError, NoAnswerError
from relearn_client.exchange import Send

VERSION = "0.1.0"


def base_url(url: str) -> str:
    """Check the URL of an API and return it without a trailing slash.

    Raises
    ------
    ValueError
        When it is not an HTTP URL.
    """
    try:
        parsed = httpx.URL(url)
    except httpx.InvalidURL as error:
        raise ValueError(f"url: got {url!r} ({error}); allowed: http:// or https:// and a host") from error
    if parsed.scheme not in ("http", "https") or not parsed.host:
        raise ValueError(f"url: got {url!r}; allowed: http:// or https:// and a host")
    return url.rstrip("/")


def request(url: str, call: Call[T], send: Send) -> httpx.Request:
    """Return the request for a call's next attempt."""
    headers = {"accept": "application/json", "user-agent": f"relearn-client/{VERSION}", **call.headers}
    timeout = httpx.Timeout(send.within).as_dict()
    return httpx.Request(
        call.method, url + call.path, headers=headers, content=call.body, extensions={"timeout": timeout}
    )


def answer(response: httpx.Response, body: bytes) -> Answer:
    """Return a response as an `Answer` of the core."""
    return Answer(
        response.status_code, {name.lower(): value for name, value in response.headers.items()}, body
    )


def no_answer(url: str, within: float, error: Exception) -> NoAnswerError:
    """Return the error of this package for an error of httpx."""
    if isinstance(error, httpx.TimeoutException | TimeoutError):
        return AnswerTimeoutError(f"{url} does not answer: not within {within:.3g} s")
    return NoAnswerError(f"{url} does not answer: {error or type(error).__name__}")
