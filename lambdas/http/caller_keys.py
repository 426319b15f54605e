"""Keys in the headers of a prediction request: ``Idempotency-Key`` and ``X-Relearn-Key``."""

from __future__ import annotations

import re
from collections.abc import Mapping

from relearn.spec.columns import shown

IDEMPOTENCY_KEY = "idempotency-key"
STICKY_KEY = "x-relearn-key"
_LONGEST_IDEMPOTENCY_KEY, _LONGEST_STICKY_KEY = 255, 256
# The draft's form is a quoted string of RFC 9651; most clients send the bare form. That one excludes the
# comma, which may be two headers joined by a proxy.
_FORMS = re.compile(r'"((?:[ !#-\[\]-~]|\\["\\])+)"|([!#-+\--~]+)')
_STICKY = re.compile(rf"[!-~]{{1,{_LONGEST_STICKY_KEY}}}")


class InvalidKeyError(Exception):
    """The value of the header ``Idempotency-Key`` is not a valid key."""


class InvalidCallerKeyError(Exception):
    """The value of the header ``X-Relearn-Key`` is not a valid key."""


def read_idempotency_key(headers: Mapping[str, str]) -> str | None:
    """Return the idempotency key of a request; None when it has none.

    Parameters
    ----------
    headers
        Lower-case name to value.

    Raises
    ------
    InvalidKeyError
        The value is not 1 to 255 visible ASCII characters, bare or in double quotes.
    """
    if (given := headers.get(IDEMPOTENCY_KEY)) is None:
        return None
    found = _FORMS.fullmatch(given.strip())
    key = (re.sub(r"\\(.)", r"\1", found[1]) if found[1] else found[2]) if found else ""
    if not 1 <= len(key) <= _LONGEST_IDEMPOTENCY_KEY:
        allowed = f"1 to {_LONGEST_IDEMPOTENCY_KEY} visible ASCII characters, bare or in double quotes"
        raise InvalidKeyError(f"got Idempotency-Key {shown(given)}; allowed: {allowed}")
    return key


def read_sticky_key(headers: Mapping[str, str]) -> str | None:
    """Return the sticky key of a request; None when it has none. One version answers all requests with the same key.

    Parameters
    ----------
    headers
        Lower-case name to value.

    Raises
    ------
    InvalidCallerKeyError
        The value is not 1 to 256 visible ASCII characters.
    """
    if (given := headers.get(STICKY_KEY)) is None:
        return None
    if not _STICKY.fullmatch(key := given.strip()):
        raise InvalidCallerKeyError(
            f"got X-Relearn-Key {shown(given)}; allowed: 1 to {_LONGEST_STICKY_KEY} visible ASCII characters"
        )
    return key
