"""docs/reference/laptop-rules.md says of each rule whether the laptop enforces it, and names a test where it does."""

from __future__ import annotations

import ast

import pytest

from tests.support import named_tests

ROOT = named_tests.ROOT
PAGE = (ROOT / "docs" / "reference" / "laptop-rules.md").read_text(encoding="utf-8")
ROWS = named_tests.rows(PAGE)
INSTALLING = (ROOT / "local" / "hooks" / "__init__.py").read_text(encoding="utf-8")


def hooks() -> list[str]:
    """Every hook that the laptop cloud installs, as ``module.function``."""
    made = [node for node in ast.parse(INSTALLING).body if isinstance(node, ast.FunctionDef)]
    assert "install" in {node.name for node in made}
    called = [line.value for node in made for line in node.body if isinstance(line, ast.Expr)]
    return [
        ast.unparse(call.func)
        for call in called
        if isinstance(call, ast.Call) and isinstance(call.func, ast.Attribute)
    ]


def test_every_rule_says_of_which_service_it_is_and_whether_it_is_enforced() -> None:
    words = {"enforced", "lenient", "not there"}
    assert [row for row in ROWS if len(row) != 4 or not all(row) or row[2] not in words] == []


def test_every_rule_that_is_enforced_names_a_test() -> None:
    assert [row for row in ROWS if row[2] == "enforced" and not named_tests.named(row[3])] == []


def test_every_test_that_is_named_exists() -> None:
    assert named_tests.missing(PAGE) == []


def test_no_rule_is_there_twice() -> None:
    rules = [tuple(row[:2]) for row in ROWS]
    assert sorted(rules) == sorted(set(rules))


def test_the_rules_of_a_service_are_together() -> None:
    services = [row[0] for row in ROWS]
    changes = [one for one, before in zip(services, ["", *services], strict=False) if one != before]
    assert len(changes) == len(set(services))


@pytest.mark.parametrize("hook", hooks())
def test_every_hook_is_named_in_a_rule(hook: str) -> None:
    assert any(f"`{hook}`" in row[3] for row in ROWS)
