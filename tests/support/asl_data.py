"""Data flow of the Amazon States Language: paths, templates and choices; unused features are errors."""

from __future__ import annotations

import copy
import json
import re
from collections.abc import Callable, Mapping
from typing import Any

_AS_TEXT = "States.JsonToString("
_FORMAT = re.compile(r"States\.Format\('([^'\\]*)'((?:, \$[\w.$]*)+)\)")


class UnknownFeatureError(Exception):
    """A definition uses a feature that the interpreter does not know; implement it or do not use it."""


def read(path: str, data: Any, context: Mapping[str, Any]) -> Any:
    """Return the value at a path: ``$.a.b`` in the state's data, ``$$.a.b`` in the execution's context.

    Raises
    ------
    LookupError
        When there is no such value.
    UnknownFeatureError
        When the path has a feature that is not known.
    """
    found, rest = (context, path[2:]) if path.startswith("$$") else (data, path[1:])
    if not path.startswith("$") or any(mark in path for mark in "[]*?@()"):
        raise UnknownFeatureError(f"the path {path}")
    for name in filter(None, rest.split(".")):
        if not isinstance(found, Mapping) or name not in found:
            raise LookupError(f"{path} leads nowhere in {json.dumps(data)[:300]}")
        found = found[name]
    return found


def fill(template: Any, data: Any, context: Mapping[str, Any]) -> Any:
    """Fill in a template, in which keys that end in ``.$`` have paths."""
    if isinstance(template, list):
        return [fill(item, data, context) for item in template]
    if not isinstance(template, Mapping):
        return template
    filled = {}
    for key, value in template.items():
        if key.endswith(".$"):
            filled[key[:-2]] = copy.deepcopy(_value(value, data, context))
        else:
            filled[key] = fill(value, data, context)
    return filled


def _value(told: str, data: Any, context: Mapping[str, Any]) -> Any:
    """Return the value of a path, or of one of the two known intrinsic functions of paths."""
    if told.startswith(_AS_TEXT) and told.endswith(")"):
        return json.dumps(read(told.removeprefix(_AS_TEXT)[:-1], data, context))
    if found := _FORMAT.fullmatch(told):
        text, paths = found.groups()
        return text.format(*(read(path, data, context) for path in paths.removeprefix(", ").split(", ")))
    return read(told, data, context)


def place(path: str | None, data: Any, result: Any) -> Any:
    """Return the data with a result at its path; None discards the result."""
    if path is None:
        return data
    if path == "$":
        return result
    whole = copy.deepcopy(data)
    *parents, last = path.removeprefix("$.").split(".")
    into = whole
    for name in parents:
        into = into.setdefault(name, {})
    into[last] = result
    return whole


_COMPARED: dict[str, Callable[[Any, Any], bool]] = {
    "StringEquals": lambda found, wanted: isinstance(found, str) and found == wanted,
    "BooleanEquals": lambda found, wanted: isinstance(found, bool) and found is wanted,
    "NumericEquals": lambda found, wanted: not isinstance(found, bool) and found == wanted,
    "NumericGreaterThan": lambda found, wanted: not isinstance(found, bool) and found > wanted,
    "NumericLessThan": lambda found, wanted: not isinstance(found, bool) and found < wanted,
}


def holds(rule: Mapping[str, Any], data: Any, context: Mapping[str, Any]) -> bool:
    """Whether a rule of a Choice state holds."""
    told = {key: value for key, value in rule.items() if key not in ("Next", "Comment")}
    match told:
        case {"And": rules, **nothing} if not nothing:
            return all(holds(one, data, context) for one in rules)
        case {"Or": rules, **nothing} if not nothing:
            return any(holds(one, data, context) for one in rules)
        case {"Not": one, **nothing} if not nothing:
            return not holds(one, data, context)
        case {"Variable": path, "IsPresent": wanted, **nothing} if not nothing:
            return _is_there(path, data, context) is wanted
        case {"Variable": path, **comparison} if len(comparison) == 1:
            ((operator, wanted),) = comparison.items()
            if operator in _COMPARED:
                return _COMPARED[operator](read(path, data, context), wanted)
    raise UnknownFeatureError(f"the rule {json.dumps(rule)}")


def _is_there(path: str, data: Any, context: Mapping[str, Any]) -> bool:
    try:
        read(path, data, context)
    except LookupError:
        return False
    return True
