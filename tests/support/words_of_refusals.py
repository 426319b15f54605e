"""Finds in the code with which words it refuses, so that a table of refusals can be held against it."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import NamedTuple

_SQL_LITERAL = re.compile(r"(?:^|THEN |ELSE |\|\| )'((?:[^']|'')*)'")


class Words(NamedTuple):
    """What one place says.

    Parameters
    ----------
    place
        File and line.
    codes
        Those that it may give; none where they come from elsewhere.
    pattern
        Regular expression of the words: what is formatted into them may be anything.
    """

    place: str
    codes: frozenset[str]
    pattern: str


def calls(path: Path, *names: str) -> Iterator[Words]:
    """Find the calls of functions, or methods, whose first argument is a code or a line and whose second has the words.

    Words that are only passed on, of another error, are left out.
    """
    tree = ast.parse(path.read_text(encoding="utf-8"))
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and _name(node.func) in names:
            codes = frozenset(map(_plain, _all(node.args[0], tree)))
            for said in _all(node.args[1], tree):
                if isinstance(said, ast.Constant | ast.JoinedStr):
                    yield Words(f"{path.name}:{node.lineno}", codes - {""}, _pattern(said))


def said(path: Path, at: Mapping[str, int]) -> Iterator[str]:
    """Find what is said in the argument at a place of the calls of functions, as words with "…" for what is formatted.

    Parameters
    ----------
    path
        A file of ours.
    at
        Name of a function, or method, to the number of that argument, from 0. Words that are only passed on are left out.
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
    """Find what the functions of a file give, alone or in a tuple, that is words with a blank; as `said` does."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    for node in ast.walk(tree):
        if isinstance(node, ast.Return) and node.value is not None:
            parts = node.value.elts if isinstance(node.value, ast.Tuple) else [node.value]
            for one in (found for part in parts for found in _all(part, tree)):
                if isinstance(one, ast.Constant | ast.JoinedStr) and " " in _words(one):
                    yield _words(one)


def in_sql(sql: str) -> list[str]:
    """List the texts that an SQL expression may give."""
    return [found.replace("''", "'") for found in _SQL_LITERAL.findall(sql)]


def _name(function: ast.expr) -> str:
    return function.attr if isinstance(function, ast.Attribute) else getattr(function, "id", "")


def _all(node: ast.expr, tree: ast.Module) -> list[ast.expr]:
    """Give every expression that a node may be: both of a condition, and of a name whatever it is set to in the file."""
    if isinstance(node, ast.IfExp):
        return [*_all(node.body, tree), *_all(node.orelse, tree)]
    if isinstance(node, ast.BinOp):
        return _all(node.left, tree)  # what is added at the end may be missing
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
    """Give words, with "…" for what is formatted into them."""
    if isinstance(node, ast.JoinedStr):
        return "".join(_words(one) for one in node.values)
    return str(node.value) if isinstance(node, ast.Constant) else "…"


def _pattern(node: ast.expr) -> str:
    if isinstance(node, ast.JoinedStr):
        return "".join(_pattern(one) for one in node.values)
    return re.escape(_plain(node)) if isinstance(node, ast.Constant) else ".*"
