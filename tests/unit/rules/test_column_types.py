"""Each room has one table of column types, with an entry for each; no code asks a column for its type elsewhere."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, get_args

import pytest

from preparation.rules import SQL_TYPES
from relearn.api.json_schema import API_TYPES
from relearn.data.profiles import DATA_TYPES
from relearn.spec.columns import COLUMN_TYPES, Column, Part
from scoring.encode import MODEL_TYPES
from scoring.reading import READ_TYPES
from training.data.column_types import LEARNT_TYPES
from training.features.column_types import FEATURE_TYPES
from training.fitting.coverage import CORNERS

ROOT = Path(__file__).parents[3]
ROOMS = ("relearn", "preparation", "scoring", "pages", "training", "lambdas")
TABLES: Mapping[str, Mapping[type[Any], object]] = {
    "relearn.api.json_schema": API_TYPES,
    "relearn.data.profiles": DATA_TYPES,
    "preparation.rules": SQL_TYPES,
    "scoring.encode": {kind: entry for kind, entry in MODEL_TYPES.items() if kind is not Part},
    "scoring.reading": READ_TYPES,
    "training.data.column_types": LEARNT_TYPES,
    "training.features.column_types": FEATURE_TYPES,
    "training.fitting.coverage": CORNERS,
}
NAMES = {kind.__name__ for kind in COLUMN_TYPES.values()}


def test_the_spec_knows_every_column_type_by_its_name() -> None:
    assert set(COLUMN_TYPES.values()) == set(get_args(Column))


@pytest.mark.parametrize("module", TABLES)
def test_a_table_has_an_entry_for_every_column_type(module: str) -> None:
    assert TABLES[module].keys() == set(COLUMN_TYPES.values())


def dispatches(tree: ast.AST) -> Iterator[int]:
    """Yield the lines of `match` statements over column types, and of functions that ask for several of them."""
    for node in ast.walk(tree):
        if isinstance(node, ast.MatchClass) and _named(node.cls) & NAMES:
            yield node.lineno
        if isinstance(node, ast.FunctionDef) and len(set().union(*map(_asked, ast.walk(node)))) > 1:
            yield node.lineno


def _asked(node: ast.AST) -> set[str]:
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "isinstance":
        return _named(node.args[1]) & NAMES
    return set()


def _named(node: ast.AST) -> set[str]:
    return {one.id for one in ast.walk(node) if isinstance(one, ast.Name)}


def test_a_dispatch_over_column_types_is_found() -> None:
    matched = "match c:\n    case Number():\n        pass\n"
    asked = "def f(c):\n    return isinstance(c, Number) or isinstance(c, Text)\n"
    single = "def f(c):\n    return isinstance(c, Id)\n"
    assert [list(dispatches(ast.parse(text))) for text in (matched, asked, single)] == [[2], [1], []]


def test_no_code_dispatches_over_column_types() -> None:
    found = [
        f"{path.relative_to(ROOT)}:{line}"
        for room in ROOMS
        for path in sorted((ROOT / room).rglob("*.py"))
        for line in dispatches(ast.parse(path.read_text("utf-8")))
    ]
    # quality.check_columns tells apart what a reference and an age may be declared of
    assert [place for place in found if not place.startswith("relearn/spec/")] == []
