"""Writes the client for ordinary code, ``client.py``, from the one for asyncio, ``aio.py``: ``python clients/python/synchronous.py``.

What awaiting cannot be left out of is in `relearn_client.aio_sending` and `relearn_client.sending`.
"""

from __future__ import annotations

import re
from pathlib import Path

PACKAGE = Path(__file__).resolve().parent / "src" / "relearn_client"
SOURCE, MADE = PACKAGE / "aio.py", PACKAGE / "client.py"
NAMES = (
    (
        "The client for asyncio.",
        "The client for ordinary code, written by ``clients/python/synchronous.py`` from `aio`.",
    ),
    ("AsyncIterator, Awaitable, Callable, Iterable, Sequence", "Callable, Iterable, Iterator, Sequence"),
    ("Tasks of one event loop may share one.", "Threads may share one."),
    ("; it is read in the event loop", ""),
    (r"from relearn_client import aio_sending as sending\n", ""),
    (r"calls, file_calls, storage", "calls, file_calls, sending, storage"),
    (r"Awaitable\[(\w+)\]", r"\1"),
    (r"\basync (def|with|for)\b", r"\1"),
    (r"\bawait ", ""),
    (r"\bAsync(Client|Iterator)\b", r"\1"),
    (r"\b__a(enter|exit)__\b", r"__\1__"),
    (r"\ba(close|closing|read|iter_bytes)\b", r"\1"),
)
"""Regular expressions and their replacements, applied in this order."""


def written(source: str) -> str:
    """Return the source of the module without asyncio."""
    for pattern, instead in NAMES:
        source = re.sub(pattern, instead, source)
    return source


if __name__ == "__main__":
    MADE.write_text(written(SOURCE.read_text(encoding="utf-8")), encoding="utf-8")
