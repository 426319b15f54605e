"""Escapes of characters that would control the terminal or hide text."""

from __future__ import annotations

import re

# C0 except line feeds, DEL and C1; invisible direction marks; line separators; lone surrogates.
_HIDDEN = re.compile(
    "[\x00-\x09\x0b-\x1f\x7f-\x9f\u061c\u200b\u200e\u200f\u2028-\u202e\u2060-\u206f\ufeff\ud800-\udfff]"
)


def lines(text: str) -> str:
    r"""Return a text with such characters escaped, as ``\x1b`` or ``\u202e``; line feeds stay."""
    return _HIDDEN.sub(lambda found: repr(found[0])[1:-1], text)
