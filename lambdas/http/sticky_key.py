"""The ``X-Relearn-Key`` header: callers that send the same one are answered by the same version, while the route stands."""

from __future__ import annotations

import re
from collections.abc import Mapping

from relearn.spec.columns import shown

HEADER = "x-relearn-key"
LONGEST = 256
_ALLOWED = re.compile(rf"[!-~]{{1,{LONGEST}}}")


class InvalidCallerKeyError(Exception):
    """The header is no key."""


def parse_key(headers: Mapping[str, str]) -> str | None:
    """Read the key of a request; None when it has none.

    Parameters
    ----------
    headers
        Lower-case name to value.

    Raises
    ------
    InvalidCallerKeyError
        The header is there and holds no key.
    """
    if (given := headers.get(HEADER)) is None:
        return None
    if not _ALLOWED.fullmatch(key := given.strip()):
        raise InvalidCallerKeyError(
            f"got X-Relearn-Key {shown(given)}; allowed: 1 to {LONGEST} visible ASCII characters"
        )
    return key
