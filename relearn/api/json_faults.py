"""Errors of JSON documents: where the fault is, what was given there, and what is allowed.

It is needed only once a document is refused. The document is then parsed again, so that parsing a correct one
costs nothing for this.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any, NoReturn

from relearn.spec.columns import shown
from relearn.spec.fields import pointer as step

_SHOWN = 20
"""Maximum number of characters quoted from where a document breaks the grammar of JSON."""
_HALF = re.compile("[\ud800-\udfff]")
_TRAILING = "Illegal trailing comma before end of array"
_EXPECTED = {
    "Expecting property name enclosed in double quotes": "a name in double quotes",
    "Expecting ',' delimiter": "a comma or the closing bracket",
    "Expecting ':' delimiter": "a colon",
    "Expecting value": "a value of JSON",
    _TRAILING: "a comma only between two values",
    "Illegal trailing comma before end of object": "a comma only between two values",
    "Extra data": "nothing more, there is one document",
    "Unterminated string starting at": "a string with a closing double quote",
    "Invalid control character at": "control characters as escapes",
    "Invalid \\escape": "an escape of JSON",
    "Invalid \\uXXXX escape": "four hexadecimal digits",
}
"""Message of Python's parser to what JSON allows in that place."""
Hooks = Mapping[str, Any]
"""Hook arguments of `json.loads`, which convert values."""


class FaultError(ValueError):
    """Grammatical JSON that is refused nevertheless; raised by the hooks.

    Parameters
    ----------
    given
        Description of what was given.
    allowed
        Description of what is allowed.
    """

    def __init__(self, given: str, allowed: str) -> None:
        super().__init__(f"got {given}; allowed: {allowed}")
        self.given = given
        self.allowed = allowed


def grammar(error: json.JSONDecodeError) -> str:
    """Describe where a text stops being JSON."""
    error = _at_comma(error)
    given = shown(error.doc[error.pos : error.pos + _SHOWN]) if error.pos < len(error.doc) else "its end"
    expected = _EXPECTED.get(error.msg.removesuffix(": ").strip(), "JSON (RFC 8259)")
    return f"got {given} at line {error.lineno}, column {error.colno} (character {error.pos}); allowed: {expected}"


def _at_comma(error: json.JSONDecodeError) -> json.JSONDecodeError:
    """Point at a comma before a closing bracket as Python 3.13 and later do; earlier ones point at the bracket."""
    before = error.doc[: error.pos].rstrip(" \t\n\r")
    if error.doc[error.pos : error.pos + 1] in ("]", "}") and before.endswith(","):
        return json.JSONDecodeError(_TRAILING, error.doc, len(before) - 1)
    return error


def encoding(error: UnicodeDecodeError, skipped: int) -> str:
    """Describe which byte is not UTF-8; ``skipped`` is the number of bytes before the decoded ones."""
    return f"got byte 0x{error.object[error.start]:02x} at offset {error.start + skipped}; allowed: UTF-8"


def raise_placed(text: str, hooks: Hooks) -> NoReturn:
    """Raise the fault that a hook found in a document, with the JSON pointer of the value.

    Parameters
    ----------
    text
        Document for which a hook of `json.loads` raised `FaultError`.
    hooks
        Those hooks.

    Raises
    ------
    FaultError
        Always, with the JSON pointer, unless the parser finds another fault.
    json.JSONDecodeError, RecursionError
        The document breaks the grammar after that value, or is nested too deeply.
    """
    marking: Hooks = {name: _marking(hook) for name, hook in hooks.items()}
    document = json.loads(text, **marking)
    for pointer, value in _walk(document):
        if isinstance(value, FaultError):
            raise FaultError(f"{value.given} at {_at(pointer)}", value.allowed)
    raise AssertionError("nothing was refused")


def raise_half(document: Any) -> NoReturn:
    """Refuse a document that has a lone surrogate, which UTF-8 cannot encode.

    Raises
    ------
    FaultError
        With the JSON pointer of the string.
    """
    for pointer, value in _walk(document):
        texts = list(value) if isinstance(value, dict) else [value] if isinstance(value, str) else []
        for text in texts:
            if found := _HALF.search(text):
                where = "in a key of the object at" if isinstance(value, dict) else "at"
                code = ord(found[0])
                raise FaultError(
                    f"half a character, U+{code:04X}, {where} {_at(pointer)}", "whole characters"
                )
    raise AssertionError("there is no half of a character")


def _at(pointer: str) -> str:
    return shown(pointer) if pointer else "the top level"


def _marking(hook: Callable[[Any], Any]) -> Callable[[Any], Any]:
    """Return a hook that returns the fault that ``hook`` would raise."""

    def marked(given: Any) -> Any:
        try:
            return hook(given)
        except FaultError as fault:
            return fault

    return marked


def _walk(document: Any) -> Iterator[tuple[str, Any]]:
    """Yield every value with its JSON pointer (RFC 6901), in document order."""
    left = [("", document)]
    while left:
        pointer, value = left.pop()
        yield pointer, value
        if isinstance(value, dict):
            below = [(step(name), one) for name, one in value.items()]
        else:
            below = [(f"/{at}", one) for at, one in enumerate(value)] if isinstance(value, list) else []
        left += [(pointer + to, one) for to, one in reversed(below)]
