"""Escaping of characters in displayed text that control a terminal or change the direction of text.

Names of files, headers, values and reasons come from others. Printed raw, an escape sequence in them can
clear the screen or forge a line, and a bidirectional control can make text read as something else ("Trojan
Source", CVE-2021-42574). All text is escaped where it is output: on the command's console, in logs, pages and
notifications.
"""

from __future__ import annotations

import re

_NAMED = {"\t": "\\t", "\n": "\\n", "\r": "\\r"}
# C0, DEL and C1; bidirectional controls (UAX 9) and line separators; characters without width, byte order
# marks and tags; lone surrogates, which no encoding can write. Joiners stay: scripts and emoji need them.
_HIDDEN = (
    "\x00-\x1f\x7f-\x9f\u061c\u200b\u200e\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb"
    "\ud800-\udfff\U000e0000-\U000e007f"
)
_ANY = re.compile(f"[{_HIDDEN}]")
_WITHIN_LINES = re.compile(f"(?!\n)[{_HIDDEN}]")


def line(text: str) -> str:
    r"""Return a text as one line in which hidden characters are escaped, e.g. ``\x1b`` or ``\u202e``."""
    return _ANY.sub(_escape, text)


def lines(text: str) -> str:
    """Return a text with hidden characters escaped except line feeds, for text that was laid out here."""
    return _WITHIN_LINES.sub(_escape, text)


def json_text(text: str) -> str:
    r"""Return JSON with hidden characters as JSON escapes (``\u009b``), so that it parses to the same values.

    Parameters
    ----------
    text
        JSON in which they occur in strings only; line feeds between values stay.
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
