"""Finds the messages with which code refuses input, so that a documented table of refusals can be checked."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import NamedTuple

_SQL_LITERAL = re.compile(r"(?:^|THEN |ELSE |\|\| )'((?:[^']|'')*)'")


class Words(NamedTuple):
    """A message at one place of the code.

    Parameters
    ----------
    place
        File and line.
    codes
        Codes that the message can have; empty where they come from elsewhere.
    pattern
        Regular expression of the message; formatted parts match anything.
    """

    place: str
    codes: frozenset[str]
    pattern: str


def calls(path: Path, *names: str) -> Iterator[Words]:
    """Find calls of functions or methods whose first argument is a code or line and whose second is a message.

    Messages that are only passed on from another error are omitted.
    """
    tree = ast.parse(path.read_text(encoding="utf-8"))
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and _name(node.func) in names:
            codes = frozenset(map(_plain, _all(node.args[0], tree)))
            for said in _all(node.args[1], tree):
                if isinstance(said, ast.Constant | ast.JoinedStr):
                    yield Words(f"{path.name}:{node.lineno}", codes - {""}, _pattern(said))


def said(path: Path, at: Mapping[str, int]) -> Iterator[str]:
    """Find messages in one argument of calls, with "…" in place of formatted parts.

    Parameters
    ----------
    path
        A source file.
    at
        Name of a function or method to the index of the argument, from 0. Messages that are only passed on
        are omitted.
    """
    tree = ast.parse(path.read_text(encoding="utf-8"))
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and len(node.args) > (
            place := at.get(_name(node.func), len(node.args))
        ):
            for one in _all(node.args[place], tree):
                if isinstance(one, ast.Constant | ast.JoinedStr) and _words(one).strip("…"):
                    yield _words(one)


def given(path: Path) -> Iterator[str]:
    """Find messages that the functions of a file return, alone or in a tuple.

    A message has at least one space.
    """
    tree = ast.parse(path.read_text(encoding="utf-8"))
    for node in ast.walk(tree):
        if isinstance(node, ast.Return) and node.value is not None:
            parts = node.value.elts if isinstance(node.value, ast.Tuple) else [node.value]
            for one in (found for part in parts for found in _all(part, tree)):
                if isinstance(one, ast.Constant | ast.JoinedStr) and " " in _words(one):
                    yield _words(one)


def in_sql(sql: str) -> list[str]:
    """Return the text literals that an SQL expression can return."""
    return [found.replace("''", "'") for found in _SQL_LITERAL.findall(sql)]


def _name(function: ast.expr) -> str:
    return function.attr if isinstance(function, ast.Attribute) else getattr(function, "id", "")


def _all(node: ast.expr, tree: ast.Module) -> list[ast.expr]:
    """Return every expression that a node can stand for: branches of a condition, values assigned to a name."""
    if isinstance(node, ast.IfExp):
        return [*_all(node.body, tree), *_all(node.orelse, tree)]
    if isinstance(node, ast.BinOp):
        return _all(node.left, tree)  # an appended text is ignored
    if isinstance(node, ast.Name):
        values = [
            one.value
            for one in ast.walk(tree)
            if isinstance(one, ast.Assign)
            and any(isinstance(name, ast.Name) and name.id == node.id for name in one.targets)
        ]
        return [found for value in values for found in _all(value, tree)]
    return [node]


def _plain(node: ast.expr) -> str:
    return node.value if isinstance(node, ast.Constant) and isinstance(node.value, str) else ""


def _words(node: ast.expr) -> str:
    """Return a message with "…" in place of formatted parts."""
    if isinstance(node, ast.JoinedStr):
        return "".join(_words(one) for one in node.values)
    return str(node.value) if isinstance(node, ast.Constant) else "…"


def _pattern(node: ast.expr) -> str:
    if isinstance(node, ast.JoinedStr):
        return "".join(_pattern(one) for one in node.values)
    return re.escape(_plain(node)) if isinstance(node, ast.Constant) else ".*"
