"""Truncation of text and lists from others to what may be stored or sent, with a mark that says so.

What a reason quotes (names of columns, values, keys, messages of services) has any length, and every place
that stores it has a limit: 400 KB for an item in DynamoDB, 256 KB for a message in SNS, SQS and Step
Functions.
"""

from __future__ import annotations

from collections.abc import Iterable

REASON_BYTES = 4096
"""Maximum size of one reason, in bytes of UTF-8; about a hundred reasons fit into one answer or one item."""
LISTED_BYTES = 1000
"""Maximum size of the names in a reason, in bytes of UTF-8."""
NAME_BYTES = 200
"""Maximum size of one name or value in a list, in bytes of UTF-8."""


def cut(text: str, most: int = REASON_BYTES, where: str = "") -> str:
    """Return a text of at most ``most`` bytes; a truncated one ends with its original size.

    Parameters
    ----------
    text
        Any text; a lone surrogate, which UTF-8 cannot encode, becomes a question mark.
    most
        Maximum size, in bytes of UTF-8, at least 100.
    where
        Place of the whole text, named in the mark; empty when there is none.
    """
    whole = text.encode("utf-8", "replace")
    if len(whole) <= most:
        return whole.decode()
    mark = f"… [cut; it has {len(whole)} bytes" + (f", all in {where}]" if where else "]")
    room = most - len(mark.encode())
    if room < 0:
        return cut(text, most)
    return whole[:room].decode("utf-8", "ignore") + mark


def listed(names: Iterable[str], most: int = LISTED_BYTES) -> str:
    """Join names with commas, at least one and as many as fit into ``most`` bytes; the others are counted.

    Parameters
    ----------
    names
        Any names; each is truncated to `NAME_BYTES`.
    most
        Maximum size, in bytes of UTF-8, without the count of the others.
    """
    every = list(names)
    shown: list[str] = []
    size = 0
    for name in every:
        one = cut(name, NAME_BYTES)
        size += len(one.encode()) + 2
        if shown and size > most:
            break
        shown.append(one)
    left = len(every) - len(shown)
    return ", ".join(shown) + (f" and {left} more" if left else "")
