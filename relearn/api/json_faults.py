"""Says what is wrong with a JSON document: where it is, what was given there, and what is allowed.

Only who refuses a document needs it: the document is read once more, so that reading a good one costs nothing for this.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any, NoReturn

from relearn.spec.columns import shown
from relearn.spec.fields import pointer as step

_SHOWN = 20
"""Characters shown of what stands where a document breaks the grammar of JSON."""
_HALF = re.compile("[\ud800-\udfff]")
_EXPECTED = {
    "Expecting property name enclosed in double quotes": "a name in double quotes",
    "Expecting ',' delimiter": "a comma or the closing bracket",
    "Expecting ':' delimiter": "a colon",
    "Expecting value": "a value of JSON",
    "Extra data": "nothing more, there is one document",
    "Unterminated string starting at": "a string with a closing double quote",
    "Invalid control character at": "control characters as escapes",
    "Invalid \\escape": "an escape of JSON",
    "Invalid \\uXXXX escape": "four hexadecimal digits",
}
"""What Python's reader complains of, to what JSON has in that place."""
Hooks = Mapping[str, Any]
"""Arguments of `json.loads` that give values of their own."""


class FaultError(ValueError):
    """Something that is grammatical JSON and yet refused; what reads it as JSON raises it.

    Parameters
    ----------
    given
        What was given, in words.
    allowed
        What would be right.
    """

    def __init__(self, given: str, allowed: str) -> None:
        super().__init__(f"got {given}; allowed: {allowed}")
        self.given = given
        self.allowed = allowed


def grammar(error: json.JSONDecodeError) -> str:
    """Say where a text stops being JSON."""
    given = shown(error.doc[error.pos : error.pos + _SHOWN]) if error.pos < len(error.doc) else "its end"
    expected = _EXPECTED.get(error.msg.removesuffix(": ").strip(), "JSON (RFC 8259)")
    return f"got {given} at line {error.lineno}, column {error.colno} (character {error.pos}); allowed: {expected}"


def encoding(error: UnicodeDecodeError, skipped: int) -> str:
    """Say which byte is not UTF-8; ``skipped`` are those before what was decoded."""
    return f"got byte 0x{error.object[error.start]:02x} at offset {error.start + skipped}; allowed: UTF-8"


def raise_placed(text: str, hooks: Hooks) -> NoReturn:
    """Refuse a document of which hooks of `json.loads` raise `FaultError`; say which value it is.

    Raises
    ------
    FaultError
        With the value's JSON pointer.
    json.JSONDecodeError, RecursionError
        The document breaks the grammar behind that value, or is too deep: this is what is wrong with it.
    """
    marking: Hooks = {name: _marking(hook) for name, hook in hooks.items()}
    document = json.loads(text, **marking)
    for pointer, value in _walk(document):
        if isinstance(value, FaultError):
            raise FaultError(f"{value.given} at {_at(pointer)}", value.allowed)
    raise AssertionError("nothing was refused")


def raise_half(document: Any) -> NoReturn:
    """Refuse a document that holds half a character (a lone surrogate), of which there is no UTF-8.

    Raises
    ------
    FaultError
        With the JSON pointer of the text.
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
    """Let a hook give the fault that it would raise, as the value."""

    def marked(given: Any) -> Any:
        try:
            return hook(given)
        except FaultError as fault:
            return fault

    return marked


def _walk(document: Any) -> Iterator[tuple[str, Any]]:
    """Give every value with its JSON pointer (RFC 6901), as they come in the document."""
    left = [("", document)]
    while left:
        pointer, value = left.pop()
        yield pointer, value
        if isinstance(value, dict):
            below = [(step(name), one) for name, one in value.items()]
        else:
            below = [(f"/{at}", one) for at, one in enumerate(value)] if isinstance(value, list) else []
        left += [(pointer + to, one) for to, one in reversed(below)]
