"""Lists of ids of any length, in a ledger whose items hold 400 KB: a long one is kept in parts, items of their own.

A part is named after its content and never changes, so writing it again is writing it once, and two lists that begin alike,
as the snapshots of a model's runs do, share the parts that are alike.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from relearn.naming import ledger_keys

SHORT = 2000
"""Ids that are kept where they are named: two such lists, of 64 characters an id, leave an item room for the rest."""
PART = 5000
"""Ids of one part: 325 KB of an item's 390."""
_IDS = "ids"


def parts(ids: Sequence[str]) -> Iterator[tuple[str, dict[str, Any]]]:
    """Cut a long list; a short one has no parts.

    Yields
    ------
    tuple
        Sort key of a part, and its attributes: one text, an id a line.
    """
    for start in range(0, len(ids) if len(ids) > SHORT else 0, PART):
        text = "\n".join(ids[start : start + PART])
        yield f"{ledger_keys.LISTS}{hashlib.sha256(text.encode()).hexdigest()}", {_IDS: text}


def ids_of(part: Mapping[str, Any]) -> list[str]:
    """Give the ids of a part."""
    return str(part[_IDS]).split("\n")


def named(ids: Sequence[str]) -> Sequence[str] | dict[str, Any]:
    """Give what the item that names a list holds: the list, or how long it is and where its parts are."""
    keys = [key for key, _ in parts(ids)]
    return {"length": len(ids), "parts": keys} if keys else ids


def whole(held: Sequence[str] | Mapping[str, Any], part: Callable[[str], Sequence[str]]) -> tuple[str, ...]:
    """Give back the list that `named` was given.

    Parameters
    ----------
    held
        What the item holds.
    part
        Reads the ids of a part by its sort key.
    """
    if not isinstance(held, Mapping):
        return tuple(held)
    return tuple(one for key in held["parts"] for one in part(key))
