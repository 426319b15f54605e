"""What people see is never raw: characters that steer a terminal or turn text around are written as escapes.

A file's name, a header, a value or a reason is written by who sent it. Printed raw, an escape sequence of it clears the
screen or forges a line, and a bidirectional control makes it read as something else ("Trojan Source", CVE-2021-42574).
Every room shows text through this at the place where it leaves: the command's console, logs, pages, notifications.
"""

from __future__ import annotations

import re

_NAMED = {"\t": "\\t", "\n": "\\n", "\r": "\\r"}
# C0, DEL and C1; what has a direction and no shape (UAX 9), separators of lines; what has no width, byte order
# marks, tags; halves of surrogate pairs, which no encoding can write. Joiners stay: scripts and emoji need them.
_HIDDEN = (
    "\x00-\x1f\x7f-\x9f\u061c\u200b\u200e\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb"
    "\ud800-\udfff\U000e0000-\U000e007f"
)
_ANY = re.compile(f"[{_HIDDEN}]")
_WITHIN_LINES = re.compile(f"(?!\n)[{_HIDDEN}]")


def line(text: str) -> str:
    r"""Give a text as one line that shows every character that would not be seen, e.g. ``\x1b`` or ``\u202e``."""
    return _ANY.sub(_escape, text)


def lines(text: str) -> str:
    """Give a text as `line` does, but keep its line feeds: for what we laid out ourselves."""
    return _WITHIN_LINES.sub(_escape, text)


def json_text(text: str) -> str:
    r"""Give JSON with such characters as its own escapes (``\u009b``): a reader gets the same values.

    Parameters
    ----------
    text
        JSON, where they occur within strings alone; line feeds between values stay.
    """
    return _WITHIN_LINES.sub(_json_escape, text)


def _escape(found: re.Match[str]) -> str:
    character = found[0]
    if character in _NAMED:
        return _NAMED[character]
    code = ord(character)
    if code <= 0xFF:  # noqa: PLR2004
        return f"\\x{code:02x}"
    return f"\\u{code:04x}" if code <= 0xFFFF else f"\\U{code:08x}"  # noqa: PLR2004


def _json_escape(found: re.Match[str]) -> str:
    units = found[0].encode("utf-16-be", "surrogatepass")
    return "".join(f"\\u{units[at]:02x}{units[at + 1]:02x}" for at in range(0, len(units), 2))
