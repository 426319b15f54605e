"""One request as the calls it takes: as few as the endpoint's limit on a body allows, at the same time.

Splitting what fits into one call was measured to gain nothing: one call scores a full request in a few
milliseconds, and a second call at the same time may start a serverless endpoint's second container first.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any, TypeVar

from lambdas.http.request import MAX_BODY_BYTES, MalformedBodyError, TooLargeError

AT_ONCE = 4
"""Calls under way at a time: more would take a small endpoint's whole concurrency."""
P = TypeVar("P")
T = TypeVar("T")
Part = tuple[int, bytes]


def split(instances: list[dict[str, Any]], limit: int = MAX_BODY_BYTES) -> list[Part]:
    """Write checked instances as bodies for an endpoint.

    Parameters
    ----------
    instances
        Checked.
    limit
        Bytes that one body may have.

    Returns
    -------
    list of (int, bytes)
        How many instances, and their body; all instances in order.

    Raises
    ------
    TooLargeError
        One instance alone is over the limit: written out, a number may be longer than it came.
    MalformedBodyError
        A string is no text: it holds half of a surrogate pair.
    """
    try:
        body = json.dumps({"instances": instances}, separators=(",", ":"), ensure_ascii=False).encode()
    except UnicodeEncodeError as error:
        raise MalformedBodyError("the body is not JSON: a string holds half of a surrogate pair") from error
    if len(body) <= limit:
        return [(len(instances), body)]
    if len(instances) == 1:
        raise TooLargeError(f"one instance has {len(body)} bytes; allowed: {limit}")
    middle = len(instances) // 2
    return [*split(instances[:middle], limit), *split(instances[middle:], limit)]


def each(ask: Callable[[P], list[T]], parts: list[P]) -> list[T]:
    """Ask for every part and join the answers in order; the first failure is the failure of all.

    Parameters
    ----------
    ask
        Gives the answers of one part.
    parts
        At least one.
    """
    if len(parts) == 1:
        return ask(parts[0])
    from concurrent.futures import ThreadPoolExecutor  # noqa: PLC0415 - most processes never need it

    with ThreadPoolExecutor(min(AT_ONCE, len(parts))) as pool:
        return [answer for answers in pool.map(ask, parts) for answer in answers]
