"""What the laptop cloud prints steers no terminal: characters that would are written as escapes."""

from __future__ import annotations

import re

# C0 but line feeds, DEL and C1; directions without a shape; separators of lines; halves of surrogate pairs.
_HIDDEN = re.compile(
    "[\x00-\x09\x0b-\x1f\x7f-\x9f\u061c\u200b\u200e\u200f\u2028-\u202e\u2060-\u206f\ufeff\ud800-\udfff]"
)


def lines(text: str) -> str:
    r"""Give a text with such characters as ``\x1b`` or ``\u202e``; its line feeds stay."""
    return _HIDDEN.sub(lambda found: repr(found[0])[1:-1], text)
