"""The keys that callers name in headers of a prediction: ``Idempotency-Key`` and ``X-Relearn-Key``."""

from __future__ import annotations

import re
from collections.abc import Mapping

from relearn.spec.columns import shown

IDEMPOTENCY_KEY = "idempotency-key"
STICKY_KEY = "x-relearn-key"
_LONGEST_IDEMPOTENCY_KEY, _LONGEST_STICKY_KEY = 255, 256
# The draft's form is a string of RFC 9651, in quotes; the bare form is what most clients send. A comma in that
# one may also be two headers made one on the way.
_FORMS = re.compile(r'"((?:[ !#-\[\]-~]|\\["\\])+)"|([!#-+\--~]+)')
_STICKY = re.compile(rf"[!-~]{{1,{_LONGEST_STICKY_KEY}}}")


class InvalidKeyError(Exception):
    """The header ``Idempotency-Key`` holds no key."""


class InvalidCallerKeyError(Exception):
    """The header ``X-Relearn-Key`` holds no key."""


def read_idempotency_key(headers: Mapping[str, str]) -> str | None:
    """Return the key that makes a request one and the same, however often it is sent; None when it has none.

    Parameters
    ----------
    headers
        Lower-case name to value.

    Raises
    ------
    InvalidKeyError
        The header is there and holds no key: 1 to 255 visible ASCII characters, bare or in double quotes.
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
    """Return the key whose requests are all answered by the same version while the route stands; None without one.

    Parameters
    ----------
    headers
        Lower-case name to value.

    Raises
    ------
    InvalidCallerKeyError
        The header is there and holds no key: 1 to 256 visible ASCII characters.
    """
    if (given := headers.get(STICKY_KEY)) is None:
        return None
    if not _STICKY.fullmatch(key := given.strip()):
        raise InvalidCallerKeyError(
            f"got X-Relearn-Key {shown(given)}; allowed: 1 to {_LONGEST_STICKY_KEY} visible ASCII characters"
        )
    return key
