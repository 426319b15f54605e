"""Conversion between plain Python values and DynamoDB's typed JSON."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

Item = dict[str, Any]
_SMALLEST = 1e-130  # the smallest magnitude a DynamoDB number has


def encode(value: Any) -> Any:
    """Encode a Python value as DynamoDB's typed JSON; a number too small for DynamoDB becomes 0.

    Raises
    ------
    TypeError
        The value is not a str, bool, finite number, list, tuple or dict.
    """
    match value:
        case str():
            return {"S": str(value)}
        case bool():
            return {"BOOL": value}
        case int():
            return {"N": str(value)}
        case float() if abs(value) < float("inf"):
            return {"N": repr(value) if abs(value) >= _SMALLEST else "0"}
        case list() | tuple():
            return {"L": [encode(item) for item in value]}
        case dict():
            return {"M": {name: encode(item) for name, item in value.items()}}
        case _:
            raise TypeError(
                f"the ledger cannot hold {value!r}; allowed: text, finite numbers, booleans, lists, maps"
            )


def decode(value: Mapping[str, Any]) -> Any:
    """Decode a value of DynamoDB's typed JSON."""
    ((kind, content),) = value.items()
    match kind:
        case "N":
            return int(content) if content.lstrip("-").isdecimal() else float(content)
        case "L":
            return [decode(item) for item in content]
        case "M":
            return decode_item(content)
        case _:
            return content


def decode_item(item: Mapping[str, Any]) -> Item:
    """Decode a whole item."""
    return {name: decode(value) for name, value in item.items()}
