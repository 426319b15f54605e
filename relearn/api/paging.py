"""Lists page by page: how long a page may be, and the cursor where the next one begins.

Every string of a cursor's form is a place in the list, so a cursor never goes stale, whatever happened to the
items meanwhile.
"""

from __future__ import annotations

import re

DEFAULT_LIMIT, MAX_LIMIT = 20, 100
"""Items on one page."""
CURSOR_PATTERN = "^([2-7][0-9a-f]){1,64}$"
"""Printable ASCII in hexadecimal; a regular expression in JSON Schema's dialect."""


def cursor(item_id: str) -> str:
    """Write the place right after an item, whose id is printable ASCII."""
    return item_id.encode("ascii").hex()


def place(cursor: str) -> str | None:
    """Read a cursor: the id after which the page begins; None when it is no cursor."""
    if not re.fullmatch(CURSOR_PATTERN.strip("^$"), cursor):
        return None
    return bytes.fromhex(cursor).decode("ascii")


def limit(given: str) -> int | None:
    """Read how many items a page shall have; None when that is not allowed."""
    if not re.fullmatch("[1-9][0-9]{0,2}", given) or int(given) > MAX_LIMIT:
        return None
    return int(given)
