"""Texts and lists of other people's making, cut to what may be stored or sent, with a mark that says so.

What a reason quotes (names of columns, values, keys, what a service said) has any length, and every place that keeps it
has a limit: DynamoDB takes 400 KB in one item, SNS, SQS and Step Functions 256 KB in one message.
"""

from __future__ import annotations

from collections.abc import Iterable

REASON_BYTES = 4096
"""What one reason takes at most, in bytes of UTF-8: some hundred reasons fit into one answer or one item."""
LISTED_BYTES = 1000
"""What the names within a reason take at most."""
NAME_BYTES = 200
"""What one name or value within a list takes at most."""


def cut(text: str, most: int = REASON_BYTES, where: str = "") -> str:
    """Give a text of at most ``most`` bytes; one that was cut says so, how long it was, and where it is whole.

    Parameters
    ----------
    text
        Any; half of a surrogate pair, which UTF-8 does not have, becomes a question mark.
    most
        Bytes of UTF-8, at least 100.
    where
        Where the whole text is; empty when it is nowhere.
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
    """Join names with commas, as many as fit into ``most`` bytes, at least one; the others are counted.

    Parameters
    ----------
    names
        Any; each is cut to `NAME_BYTES`.
    most
        Bytes of UTF-8, without the words about the others.
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
