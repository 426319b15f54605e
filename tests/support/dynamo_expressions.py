"""DynamoDB expressions, as far as our code writes them; any other is refused.

Parsed expressions are cached by text, because those of our code differ only in their number of placeholders.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Context, Decimal
from functools import cache
from typing import Any

from tests.support.fake_sagemaker import RefusedError

Item = dict[str, Any]
Condition = Callable[[Item, "Placeholders"], bool]
_WORD = re.compile(r"\s*(<>|[(),=]|[#:]?\w+(?:\.#?\w+)*)")
_SMALLEST, _LARGEST = Decimal("1E-130"), Decimal("9.9999999999999999999999999999999999999E+125")
_DIGITS = 38
"""Maximum number of digits of a number (Developer Guide, "Supported data types")."""
_EXPRESSION_BYTES, _OPERANDS = 4096, 100
"""Maximum size of an expression, and number of operands of ``IN`` (Developer Guide, "Quotas")."""
_EXACT = Context(prec=300)


class UnknownRequestError(AssertionError):
    """A request has a form that the fake does not know, because our code never made one before."""


def invalid(said: str) -> RefusedError:
    """Return DynamoDB's error for a request that is not valid."""
    return RefusedError("ValidationException", said)


@dataclass(frozen=True)
class Placeholders:
    """Names and values of a request's placeholders."""

    names: Mapping[str, str]
    values: Mapping[str, Any]

    def path(self, marks: Sequence[str]) -> list[str]:
        """Return the attribute names of a path."""
        return [self.names[mark] if mark.startswith("#") else mark for mark in marks]


@dataclass
class _Parser:
    """Parser of one expression that collects its placeholders and attributes."""

    text: str
    words: list[str] = field(init=False)
    marks: set[str] = field(default_factory=set)
    attributes: set[str] = field(default_factory=set)

    def __post_init__(self) -> None:
        if len(self.text.encode()) > _EXPRESSION_BYTES:
            raise invalid(
                f"Invalid expression: Expression size has exceeded the maximum allowed size; {len(self.text)}"
            )
        self.words = _WORD.findall(self.text)
        if "".join(self.words) != "".join(self.text.split()):
            raise UnknownRequestError(f"the expression {self.text!r} is not known here")

    def take(self, expected: str = "") -> str:
        word = self.words.pop(0) if self.words else ""
        if not word or (expected and word != expected):
            raise UnknownRequestError(f"the expression {self.text!r} has {word!r} where it is not known here")
        return word

    def next_is(self, word: str) -> bool:
        if self.words[:1] == [word]:
            self.take()
            return True
        return False

    def end(self) -> None:
        if self.words:
            raise UnknownRequestError(f"the expression {self.text!r} has {self.words[0]!r} too much")

    def path(self) -> tuple[str, ...]:
        parts = tuple(self.take().split("."))
        self.attributes.add(parts[0])
        for part in parts:
            if part.startswith("#"):
                self.marks.add(part)
            elif part.startswith(":"):
                raise UnknownRequestError(f"{self.text!r} has the value {part} where it needs an attribute")
            elif part.upper() in _reserved():
                raise invalid(f"Invalid expression: Attribute name is a reserved keyword: {part}")
        return parts

    def value(self) -> str:
        mark = self.take()
        if not mark.startswith(":"):
            raise UnknownRequestError(f"{self.text!r} has {mark!r} where it needs a value")
        self.marks.add(mark)
        return mark

    def condition(self) -> Condition:
        tests = [self._all()]
        while self.next_is("OR"):
            tests.append(self._all())
        return lambda item, given: any(test(item, given) for test in tests)

    def _all(self) -> Condition:
        tests = [self._one()]
        while self.next_is("AND"):
            tests.append(self._one())
        return lambda item, given: all(test(item, given) for test in tests)

    def _one(self) -> Condition:
        if self.next_is("("):
            inner = self.condition()
            self.take(")")
            return inner
        if self.words[1:2] == ["("]:
            return self._function()
        path, operator = self.path(), self.take()
        match operator:
            case "=":
                mark = self.value()
                return lambda item, given: same(read(item, given.path(path)), given.values[mark])
            case "<>":
                mark = self.value()
                return lambda item, given: not same(read(item, given.path(path)), given.values[mark])
            case "IN":
                marks = self._values()
                return lambda item, given: any(
                    same(read(item, given.path(path)), given.values[mark]) for mark in marks
                )
        raise UnknownRequestError(f"the operator {operator!r} of {self.text!r} is not known here")

    def _values(self) -> list[str]:
        self.take("(")
        marks = [self.value()]
        while self.next_is(","):
            marks.append(self.value())
        self.take(")")
        if len(marks) > _OPERANDS:
            raise invalid(
                f"Invalid expression: The IN operator has {len(marks)} operands; allowed: {_OPERANDS}"
            )
        return marks

    def _function(self) -> Condition:
        name = self.take()
        self.take("(")
        path = self.path()
        mark = self.value() if self.next_is(",") else ""
        self.take(")")
        match name, bool(mark):
            case "attribute_exists", False:
                return lambda item, given: read(item, given.path(path)) is not None
            case "attribute_not_exists", False:
                return lambda item, given: read(item, given.path(path)) is None
            case "begins_with", True:
                return lambda item, given: _begins(read(item, given.path(path)), given.values[mark])
        raise UnknownRequestError(f"the function {name} of {self.text!r} is not known here")


@dataclass(frozen=True)
class Test:
    """A parsed condition or filter."""

    holds: Condition
    marks: frozenset[str]
    """Its placeholders."""
    attributes: frozenset[str]
    """Attributes that it reads, by name or placeholder."""

    __test__ = False


@dataclass(frozen=True)
class KeyTest:
    """A parsed key condition: placeholders of the partition key and of the sort key's prefix ("" for none)."""

    partition: str
    prefix: str
    marks: frozenset[str]


@dataclass(frozen=True)
class Change:
    """One change of a parsed update: ``SET path = mark`` or ``ADD path mark``."""

    verb: str
    path: tuple[str, ...]
    mark: str


@dataclass(frozen=True)
class Changes:
    """A parsed update."""

    changes: tuple[Change, ...]
    marks: frozenset[str]

    def make(self, item: Item, given: Placeholders) -> Item:
        """Return a copy of an item with the changes.

        Raises
        ------
        RefusedError
            When DynamoDB refuses them: a key would change, paths overlap, a map is missing, or a sum is not
            of numbers.
        """
        paths = [given.path(change.path) for change in self.changes]
        for number, path in enumerate(paths):
            if path[0] in ("pk", "sk"):
                raise invalid(f"Cannot update attribute {path[0]}. This attribute is part of the key")
            for other in paths[:number]:
                if path[: len(other)] == other[: len(path)]:
                    raise invalid("Invalid UpdateExpression: Two document paths overlap with each other")
        made = dict(item)
        for change, path in zip(self.changes, paths, strict=True):
            value = given.values[change.mark]
            made = _written(made, path, value if change.verb == "SET" else _sum(read(item, path), value))
        return made


@cache
def condition(text: str) -> Test:
    """Parse a condition or a filter."""
    parser = _Parser(text)
    holds = parser.condition()
    parser.end()
    return Test(holds, frozenset(parser.marks), frozenset(parser.attributes))


@cache
def key_condition(text: str) -> KeyTest:
    """Parse a key condition."""
    parser = _Parser(text)
    if parser.path() != ("pk",):
        raise UnknownRequestError(f"{text!r} does not begin with the partition key pk")
    parser.take("=")
    partition, prefix = parser.value(), ""
    if parser.next_is("AND"):
        for word in ("begins_with", "(", "sk", ","):
            parser.take(word)
        prefix = parser.value()
        parser.take(")")
    parser.end()
    return KeyTest(partition, prefix, frozenset(parser.marks))


@cache
def update(text: str) -> Changes:
    """Parse an update of SET and ADD sections, each at most once."""
    parser, changes, verbs = _Parser(text), [], list[str]()
    while parser.words:
        verb = parser.take()
        if verb not in ("SET", "ADD"):
            raise UnknownRequestError(f"{verb} of {text!r} is not known here")
        if verb in verbs:
            raise invalid(f'Invalid UpdateExpression: The "{verb}" section can only be used once')
        verbs.append(verb)
        more = True
        while more:
            path = parser.path()
            if verb == "SET":
                parser.take("=")
            changes.append(Change(verb, path, parser.value()))
            more = parser.next_is(",")
    if not changes:
        raise invalid("Invalid UpdateExpression: The expression can not be empty")
    return Changes(tuple(changes), frozenset(parser.marks))


@cache
def projection(text: str) -> tuple[str, ...]:
    """Parse a projection of whole attributes by name."""
    parser = _Parser(text)
    names: list[str] = []
    while not names or parser.next_is(","):
        (name,) = parser.path()
        names.append(name)
    parser.end()
    if parser.marks:
        raise UnknownRequestError(f"a projection with placeholders is not known here: {text!r}")
    return tuple(names)


def check_value(value: Mapping[str, Any]) -> None:
    """Refuse an attribute value that is not valid.

    Raises
    ------
    RefusedError
        When a number has more than 38 digits, or is out of range.
    UnknownRequestError
        When it has a type that our code does not write.
    """
    ((kind, content),) = value.items()
    match kind:
        case "S" | "BOOL":
            return
        case "N":
            _check_number(content)
        case "L":
            for one in content:
                check_value(one)
        case "M":
            for one in content.values():
                check_value(one)
        case _:
            raise UnknownRequestError(f"attribute values of type {kind} are not known here")


def _check_number(text: str) -> None:
    if len(text) <= _DIGITS and text.lstrip("-").isdecimal():
        return
    number = Decimal(text)
    if len(number.normalize(_EXACT).as_tuple().digits) > _DIGITS:
        raise invalid("Attempting to store more than 38 significant digits in a Number")
    if number and not _SMALLEST <= abs(number) <= _LARGEST:
        raise invalid("Number overflow or underflow. Attempting to store a number out of its range")


def same(found: Any, value: Any) -> bool:
    """Whether two attribute values are equal; numbers are compared as numbers, and None equals nothing."""
    if found == value:
        return True
    if found is None or found.keys() != value.keys():
        return False
    ((kind, one),), ((_, other),) = found.items(), value.items()
    match kind:
        case "N":
            return Decimal(one) == Decimal(other)
        case "L":
            return len(one) == len(other) and all(map(same, one, other))
        case "M":
            return one.keys() == other.keys() and all(same(one[name], other[name]) for name in one)
    return False


def read(item: Mapping[str, Any], path: Sequence[str]) -> Any:
    """Return the attribute value at a path; None when there is none."""
    found: Any = item.get(path[0])
    for name in path[1:]:
        found = None if found is None else found.get("M", {}).get(name)
    return found


def weight(value: Mapping[str, Any]) -> int:
    """Return the size of an attribute value in bytes (Developer Guide, "Item sizes and formats")."""
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


def _begins(found: Any, value: Mapping[str, Any]) -> bool:
    if "S" not in value:
        raise invalid(
            "Invalid ConditionExpression: Incorrect operand type for operator or function: begins_with"
        )
    return found is not None and "S" in found and bool(found["S"].startswith(value["S"]))


def _written(item: Item, path: Sequence[str], value: Any) -> Item:
    name, *deeper = path
    if not deeper:
        return {**item, name: value}
    if "M" not in item.get(name, {}):
        raise invalid("The document path provided in the update expression is invalid for update")
    return {**item, name: {"M": _written(item[name]["M"], deeper, value)}}


def _sum(before: Mapping[str, Any] | None, value: Mapping[str, Any]) -> Any:
    if "N" not in value:
        raise UnknownRequestError("ADD of anything but numbers is not known here")
    if before is not None and "N" not in before:
        raise invalid("An operand in the update expression has an incorrect data type")
    added = _EXACT.add(Decimal((before or {"N": "0"})["N"]), Decimal(value["N"]))
    return {"N": f"{added.normalize(_EXACT):f}"}


@cache
def _reserved() -> frozenset[str]:
    from moto.dynamodb.parsing.reserved_keywords import ReservedKeywords  # noqa: PLC0415 - moto is slow to import

    return frozenset(ReservedKeywords.get_reserved_keywords())
