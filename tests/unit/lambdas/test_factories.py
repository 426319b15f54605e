"""What a function's process constructs once is registered, so that no test sees what another one made."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

import lambdas
from lambdas import forget_all, once_per_process

FOLDER = Path(lambdas.__file__).parent
CACHES = {"cache", "lru_cache"}


@pytest.fixture
def made(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    monkeypatch.setattr(lambdas, "_factories", [])
    return []


def test_a_factory_constructs_once_until_all_is_forgotten(made: list[int]) -> None:
    @once_per_process
    def construct() -> int:
        made.append(len(made))
        return made[-1]

    assert [construct(), construct()] == [0, 0]
    forget_all()
    assert [construct(), construct()] == [1, 1]


def test_what_could_not_be_constructed_is_tried_again(made: list[int]) -> None:
    @once_per_process
    def construct() -> int:
        made.append(len(made))
        if len(made) == 1:
            raise ValueError("no region")
        return made[-1]

    with pytest.raises(ValueError, match="no region"):
        construct()
    assert construct() == 1


def caches() -> Iterator[str]:
    """Give the functions of modules that are cached and not registered."""
    for path in sorted(FOLDER.rglob("*.py")):
        for node in ast.parse(path.read_text()).body:
            for mark in node.decorator_list if isinstance(node, ast.FunctionDef) else ():
                if {one.id for one in ast.walk(mark) if isinstance(one, ast.Name)} & CACHES:
                    yield f"{path.relative_to(FOLDER)}: {getattr(node, 'name', '')}"


def test_no_module_keeps_what_it_made_elsewhere_than_in_the_registry() -> None:
    assert list(caches()) == []
