"""Paged lists: the page size, and the cursor of the next page.

Every string of a cursor's form is a valid place in the list, so a cursor never expires, whatever happened to
the items meanwhile.
"""

from __future__ import annotations

import re

DEFAULT_LIMIT, MAX_LIMIT = 20, 100
"""Number of items on one page: default and maximum."""
CURSOR_PATTERN = "^([2-7][0-9a-f]){1,64}$"
"""Pattern of a cursor, printable ASCII in hexadecimal, in JSON Schema's dialect of regular expressions."""


def cursor(item_id: str) -> str:
    """Return the cursor of the place right after an item, whose id is printable ASCII."""
    return item_id.encode("ascii").hex()


def place(cursor: str) -> str | None:
    """Return the id after which a page begins; None when ``cursor`` is not a cursor."""
    if not re.fullmatch(CURSOR_PATTERN.strip("^$"), cursor):
        return None
    return bytes.fromhex(cursor).decode("ascii")


def limit(given: str) -> int | None:
    """Parse the number of items on a page; None when it is not 1 to `MAX_LIMIT`."""
    if not re.fullmatch("[1-9][0-9]{0,2}", given) or int(given) > MAX_LIMIT:
        return None
    return int(given)
