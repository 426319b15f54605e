"""Strict parsing of JSON from others: only documents with one meaning, and nothing that breaks later code.

The standard library accepts numbers too long for a float, duplicate keys (the last wins), NaN, and lone
surrogates, which cannot be encoded again. Deep nesting ends in a RecursionError, during parsing or later.
"""

from __future__ import annotations

import json
import math
from typing import Any, NoReturn

from relearn.api import json_faults
from relearn.errors import ArchiveError

BOM = b"\xef\xbb\xbf"
"""Byte order mark that some programs write before UTF-8; not part of the text, and ignored once at the start
(RFC 8259, section 8.1)."""
LARGEST = 32 * 1024**2
"""Default maximum size of a document, in bytes."""
DEEPEST = 64
"""Maximum nesting of lists and objects, in levels."""
MOST_NESTED = 500_000
"""Maximum number of lists and objects: an empty one has two bytes in the document and many times more in
memory."""
LONGEST_NUMBER = 64
"""Maximum length of a number, in characters; Python writes a float with 24 at most."""
MOST_DIGITS = 19
"""Maximum number of digits of an integer, enough for 64 bits."""


def loads(
    content: bytes, name: str, limit: int = LARGEST, *, finite: bool = True, rounded: bool = False
) -> Any:
    """Parse a JSON document.

    Parameters
    ----------
    content
        UTF-8, with or without a byte order mark.
    name
        Name of the document in messages.
    limit
        Maximum size, in bytes.
    finite
        Whether ``NaN`` and ``Infinity`` are refused, which Python writes but JSON does not have. Without it
        the caller has to check each number.
    rounded
        Whether a longer number becomes the nearest float, possibly infinite, instead of being refused; for
        callers that check each number anyway.

    Raises
    ------
    ArchiveError
        The document is not JSON, is larger or more deeply nested than allowed, or is ambiguous.
    """
    if len(content) > limit:
        raise ArchiveError(f"{name} has {len(content)} bytes; allowed: {limit}")
    if (nested := content.count(b"[") + content.count(b"{")) > MOST_NESTED:
        raise ArchiveError(f"{name} has {nested} lists and objects; allowed: {MOST_NESTED}")
    hooks: json_faults.Hooks = {
        "object_pairs_hook": _object,
        "parse_int": _rounded if rounded else _whole,
        "parse_float": float if rounded else _decimal,
        "parse_constant": _constant if finite else float,
    }
    body = content.removeprefix(BOM)
    try:
        text = body.decode("utf-8")
        try:
            found = json.loads(text, **hooks)
        except json_faults.FaultError:
            json_faults.raise_placed(text, hooks)
        # Otherwise it cannot be nested more deeply, and decoded UTF-8 has lone surrogates only by escapes.
        if "\\u" in text or text.count("[") + text.count("{") > DEEPEST:
            _refuse_unsafe(found)
    except RecursionError as error:
        raise ArchiveError(f"{name} is nested more than {DEEPEST} levels deep; allowed: {DEEPEST}") from error
    except UnicodeDecodeError as error:
        told = json_faults.encoding(error, len(content) - len(body))
        raise ArchiveError(f"{name} is not UTF-8: {told}") from error
    except json.JSONDecodeError as error:
        raise ArchiveError(f"{name} is not JSON: {json_faults.grammar(error)}") from error
    except json_faults.FaultError as error:
        raise ArchiveError(f"{name} is not JSON as allowed: {error}") from error
    return found


def _refuse_unsafe(document: Any) -> None:
    """Refuse a parsed document that is nested too deeply, or that has a lone surrogate."""
    try:
        _refuse_deep(document)
    except UnicodeEncodeError:
        json_faults.raise_half(document)


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for name, value in pairs:
        if name in found:
            raise json_faults.FaultError(
                f"the key {name[:LONGEST_NUMBER]!r} twice in one object", "each key once"
            )
        found[name] = value
    return found


def _whole(text: str) -> int:
    if len(text.removeprefix("-")) > MOST_DIGITS:
        raise json_faults.FaultError(f"a whole number of {len(text)} digits", f"{MOST_DIGITS} digits")
    return int(text)


def _rounded(text: str) -> int | float:
    return int(text) if len(text) <= LONGEST_NUMBER else float(text)


def _decimal(text: str) -> float:
    if len(text) > LONGEST_NUMBER or not math.isfinite(value := float(text)):
        raise json_faults.FaultError(
            f"the number {text[:LONGEST_NUMBER]}", f"what a float holds, in {LONGEST_NUMBER} characters"
        )
    return value


def _constant(text: str) -> NoReturn:
    raise json_faults.FaultError(text, "numbers of JSON, which are finite")


def _refuse_deep(document: Any) -> None:
    level, depth = [document], 0
    while level:
        depth += 1
        if depth > DEEPEST:
            raise RecursionError
        level = [part for one in level for part in _parts(one)]


def _parts(value: Any) -> list[Any]:
    """Return the lists and objects in a value; refuse lone surrogates in its strings."""
    if isinstance(value, dict):
        _refuse_halves("".join(value))
        inside = list(value.values())
    elif isinstance(value, list):
        inside = value
    else:
        inside = [value]
    _refuse_halves("".join(one for one in inside if isinstance(one, str)))
    return [one for one in inside if isinstance(one, dict | list)]


def _refuse_halves(text: str) -> None:
    text.encode("utf-8")  # a lone surrogate raises UnicodeEncodeError, a ValueError
