"""The client for ordinary code is the one for asyncio without awaiting."""

from __future__ import annotations

import runpy
from pathlib import Path

SCRIPT = runpy.run_path(str(Path(__file__).resolve().parent.parent / "synchronous.py"))


def test_the_client_for_ordinary_code_is_what_the_one_for_asyncio_gives() -> None:
    assert SCRIPT["MADE"].read_text() == SCRIPT["written"](SCRIPT["SOURCE"].read_text()), (
        "run python clients/python/synchronous.py, and commit what it writes"
    )


def test_nothing_of_asyncio_is_left_in_it() -> None:
    made = SCRIPT["MADE"].read_text()
    assert not [word for word in ("async ", "await ", "Async", "__aenter__", "aclose") if word in made]
