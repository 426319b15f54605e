"""Expressions of DynamoDB, as far as our code writes them; any other is an error."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from decimal import Decimal
from typing import Any

Item = dict[str, Any]
_WORD = re.compile(r"\s*(<>|<=|>=|[(),=<>]|[#:\w.]+)")


class Words:
    """One expression, word by word.

    Parameters
    ----------
    text
        The expression.
    request
        Has the names and values of its placeholders.
    """

    def __init__(self, text: str, request: Mapping[str, Any]) -> None:
        self.words = _WORD.findall(text)
        if "".join(self.words) != "".join(text.split()):
            raise ValueError(f"the expression {text!r} is not known here")
        self._names = request.get("ExpressionAttributeNames", {})
        self._values = request.get("ExpressionAttributeValues", {})

    def take(self, expected: str = "") -> str:
        word = self.words.pop(0) if self.words else ""
        if expected and word != expected:
            raise ValueError(f"got {word!r}; expected {expected!r}")
        return word

    def next_is(self, word: str) -> bool:
        if self.words[:1] == [word]:
            self.take()
            return True
        return False

    def path(self) -> list[str]:
        return [self._names[part] if part.startswith("#") else part for part in self.take().split(".")]

    def value(self) -> Any:
        return self._values[self.take()]

    def holds(self, item: Item | None) -> bool:
        """Whether an item meets a condition; None: there is no item."""
        result = self._and(item)
        while self.next_is("OR"):
            result = self._and(item) or result
        return result

    def _and(self, item: Item | None) -> bool:
        result = self._one(item)
        while self.next_is("AND"):
            result = self._one(item) and result
        return result

    def _one(self, item: Item | None) -> bool:
        if self.next_is("("):
            result = self.holds(item)
            self.take(")")
            return result
        if self.words[1:2] == ["("]:
            return self._function(item)
        found, operator = read(item, self.path()), self.take()
        if operator == "IN":
            self.take("(")
            values = [self.value()]
            while self.next_is(","):
                values.append(self.value())
            self.take(")")
            return any(same(found, value) for value in values)
        return _COMPARED[operator](found, self.value())

    def _function(self, item: Item | None) -> bool:
        name = self.take()
        self.take("(")
        found = read(item, self.path())
        value: Any = self.value() if self.next_is(",") else None
        self.take(")")
        match name:
            case "attribute_exists":
                return found is not None
            case "attribute_not_exists":
                return found is None
            case "begins_with":
                return bool(found is not None and found["S"].startswith(value["S"]))
        raise ValueError(f"the function {name} is not known here")


def same(found: Any, value: Any) -> bool:
    """Whether two attribute values are equal: numbers as numbers."""
    if found is not None and set(found) == set(value) == {"N"}:
        return Decimal(found["N"]) == Decimal(value["N"])
    return bool(found == value)


_COMPARED: dict[str, Callable[[Any, Any], bool]] = {
    "=": lambda found, value: found is not None and same(found, value),
    "<>": lambda found, value: found is None or not same(found, value),
}


def read(item: Item | None, path: list[str]) -> Any:
    """Give the attribute value at a path; None when there is none."""
    found: Any = item
    for depth, name in enumerate(path):
        found = None if found is None else (found if depth == 0 else found.get("M", {})).get(name)
    return found


def weight(value: Mapping[str, Any]) -> int:
    """How many bytes an attribute value takes, as DynamoDB counts (Developer Guide, "Item sizes and formats")."""
    ((kind, content),) = value.items()
    match kind:
        case "S":
            return len(content.encode())
        case "N":
            return len(content.strip("-").replace(".", "")) // 2 + 1
        case "L":
            return 3 + sum(1 + weight(one) for one in content)
        case "M":
            return 3 + sum(1 + len(name.encode()) + weight(one) for name, one in content.items())
    return 1


def write(item: Item, path: list[str], value: Any) -> None:
    """Put an attribute value at a path."""
    into = item
    for name in path[:-1]:
        into = into[name]["M"]
    into[path[-1]] = value


def update(item: Item, request: Mapping[str, Any]) -> None:
    """Do what an UpdateExpression of SET and ADD says."""
    words = Words(request["UpdateExpression"], request)
    verb = ""
    while words.words:
        if words.words[0] in ("SET", "ADD"):
            verb = words.take()
        path = words.path()
        if verb == "SET":
            words.take("=")
            write(item, path, words.value())
        else:
            before = Decimal((read(item, path) or {"N": "0"})["N"])
            write(item, path, {"N": str(before + Decimal(words.value()["N"]))})
        words.next_is(",")
