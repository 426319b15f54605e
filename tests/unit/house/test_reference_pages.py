"""docs/reference has every command with its options, setting of a stage, target of make and code of a refusal."""

from __future__ import annotations

import ast
import re
from dataclasses import fields
from typing import Any

import pytest
from typer.main import get_command

from cli.main import app
from infra.base.settings import Settings
from relearn.lifecycle import uploads
from tests.house import reference

ROOT: Any = get_command(app)
TEXT = {name: (reference.FOLDER / name).read_text("utf-8") for name in reference.PAGES}


@pytest.mark.parametrize("name", reference.PAGES)
def test_a_page_is_what_the_code_says_today(name: str) -> None:
    assert TEXT[name] == reference.page(TEXT[name], reference.PAGES[name]()), "run `make reference`"


@pytest.mark.parametrize("name", ROOT.commands)
def test_a_command_has_a_section_with_all_of_its_options(name: str) -> None:
    (section,) = re.findall(rf"^## {name}\n(.*?)(?=^## |\Z)", TEXT["commands.md"], re.MULTILINE | re.DOTALL)
    options = [one for param in ROOT.commands[name].params for one in param.opts if one.startswith("-")]
    assert [one for one in options if f"`{one}`" not in section] == []


@pytest.mark.parametrize("name", [one.name for one in fields(Settings) if one.name != "stage"])
def test_a_setting_has_a_row_with_what_is_allowed_and_what_it_means(name: str) -> None:
    (row,) = re.findall(rf"^\| `{name}` \| (.*) \|$", TEXT["settings.md"], re.MULTILINE)
    default, allowed, meaning = re.split(r" \| ", row)
    assert default
    assert allowed
    assert meaning.endswith(".")


def test_every_target_is_listed_and_says_what_it_does() -> None:
    rows = re.findall(r"^\| `([a-z-]+)` \| (.+) \|$", TEXT["targets.md"], re.MULTILINE)
    assert dict(rows) == reference.made()
    phony = re.findall(r"^\.PHONY: (.*)$", (reference.ROOT / "Makefile").read_text(), re.MULTILINE)
    assert set(" ".join(phony).split()) == set(reference.made())


@pytest.mark.parametrize("name", reference.PAGES)
def test_a_page_that_lacks_something_is_refused(name: str) -> None:
    written = reference.PAGES[name]()
    shorter = reference.page(TEXT[name], "\n".join(written.splitlines()[:-1]))
    assert shorter != TEXT[name]
    assert reference.page(shorter, written) == TEXT[name]


CODED = ("DataError", "Refusal")
CONSTANTS = {"TOO_SLOW": uploads.TOO_SLOW}


def codes(source: str) -> set[str]:
    """List the codes that a source gives to errors and refusals; a code in a variable is a literal elsewhere."""
    calls = [node for node in ast.walk(ast.parse(source)) if isinstance(node, ast.Call) and node.args]
    coded = [node.args[0] for node in calls if isinstance(node.func, ast.Name) and node.func.id in CODED]
    return {
        *(one.value for one in coded if isinstance(one, ast.Constant) and isinstance(one.value, str)),
        *(CONSTANTS[one.id] for one in coded if isinstance(one, ast.Name) and one.id in CONSTANTS),
    }


def test_every_code_of_a_refusal_says_when_it_comes_and_what_to_do() -> None:
    page = (reference.FOLDER / "reasons.md").read_text("utf-8")
    rows = re.findall(r"^\| `(\w+)` \| (.+\.) \| (.+\.) \|$", page, re.MULTILINE)
    packages = ("relearn", "preparation", "scoring", "training", "lambdas")
    files = [file for package in packages for file in (reference.ROOT / package).rglob("*.py")]
    assert [code for code, _, _ in rows] == sorted(set().union(*(codes(file.read_text()) for file in files)))


def test_a_code_is_found_as_a_literal_and_as_a_constant() -> None:
    assert codes('raise DataError("odd", detail)\nReason("even")\nDataError(TOO_SLOW, x)') == {
        "odd",
        "too_slow",
    }
