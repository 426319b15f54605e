"""docs/reference has every command with its options, every setting of a stage, every target of make."""

from __future__ import annotations

import re
from dataclasses import fields
from typing import Any

import pytest
from typer.main import get_command

from cli.main import app
from infra.base.settings import Settings
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
