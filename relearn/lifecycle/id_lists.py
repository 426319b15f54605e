"""Lists of ids of any length in the ledger, whose items hold at most 400 KB.

A long list is split into parts, each an item of its own. The sort key of a part is a hash of its content, so
a part never changes and writing it again has no effect. Two lists that begin with the same ids, such as the
snapshots of a model's runs, share those parts.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from relearn.naming import ledger_keys

SHORT = 2000
"""Maximum number of ids that are kept in the item itself: three lists of 32-character ids leave room for the
rest."""
PART = 5000
"""Maximum number of ids in one part: 325 KB of an item's 390."""
_IDS = "ids"


def parts(ids: Sequence[str]) -> Iterator[tuple[str, dict[str, Any]]]:
    """Split a long list into parts; a list of at most `SHORT` ids has none.

    Yields
    ------
    tuple
        Sort key of a part, and its attributes: one string with an id per line.
    """
    for start in range(0, len(ids) if len(ids) > SHORT else 0, PART):
        text = "\n".join(ids[start : start + PART])
        yield f"{ledger_keys.LISTS}{hashlib.sha256(text.encode()).hexdigest()}", {_IDS: text}


def ids_of(part: Mapping[str, Any]) -> list[str]:
    """Return the ids of a part."""
    return str(part[_IDS]).split("\n")


def named(ids: Sequence[str]) -> Sequence[str] | dict[str, Any]:
    """Return the attribute that stands for a list in an item.

    It is the list itself, or the length of a long list and the sort keys of its parts.
    """
    keys = [key for key, _ in parts(ids)]
    return {"length": len(ids), "parts": keys} if keys else ids


def whole(held: Sequence[str] | Mapping[str, Any], part: Callable[[str], Sequence[str]]) -> tuple[str, ...]:
    """Return the list that `named` was called with.

    Parameters
    ----------
    held
        Attribute that `named` returned.
    part
        Reads the ids of a part by its sort key.
    """
    if not isinstance(held, Mapping):
        return tuple(held)
    return tuple(one for key in held["parts"] for one in part(key))
