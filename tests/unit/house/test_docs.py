"""The documents tell the truth: commands exist, paths exist, both languages show the same commands."""

from __future__ import annotations

import re
from pathlib import Path
from typing import get_args

import pytest
from typer.main import get_command

from cli.main import app
from relearn.api import operations

ROOT = Path(__file__).parents[3]
INDEX = ROOT / "docs" / "README.md"
PAGES = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")])
NAMES = [str(page.relative_to(ROOT)) for page in PAGES]
TARGETS = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
ROOMS = (
    *("relearn", "preparation", "scoring", "pages", "training", "lambdas", "infra", "local", "demo", "cli"),
    *("clients", "tests", "docs", "bench", "examples"),
)
COMMANDS = set(getattr(get_command(app), "commands", {}))


def code_of(page: Path) -> list[str]:
    """Everything a page sets as code: fenced blocks line by line, and inline spans."""
    text = page.read_text()
    blocks = re.findall(r"```\w*\n(.*?)```", text, re.DOTALL)
    return [line for block in blocks for line in block.splitlines()] + re.findall(
        r"`([^`\n]+)`", re.sub(r"```.*?```", "", text, flags=re.DOTALL)
    )


def anchors(page: Path) -> set[str]:
    """Names of the headings of a page, as links write them: GitHub's rule for text without accents."""
    headings = re.findall(
        r"^#+ (.+)$", re.sub(r"```.*?```", "", page.read_text(), flags=re.DOTALL), re.MULTILINE
    )
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("page", PAGES, ids=NAMES)
def test_every_make_target_a_page_names_exists(page: Path) -> None:
    named = {match for code in code_of(page) for match in re.findall(r"\bmake ([a-z][a-z-]*)", code)}
    assert named <= TARGETS


@pytest.mark.parametrize("page", PAGES, ids=NAMES)
def test_every_relearn_command_a_page_names_exists(page: Path) -> None:
    pattern = r"(?:^|bin/)relearn (?:--local |--stage \w+ )?([a-z][a-z-]*)"
    named = {match for code in code_of(page) for match in re.findall(pattern, code)}
    assert named <= COMMANDS


@pytest.mark.parametrize("page", PAGES, ids=NAMES)
def test_every_path_a_page_names_exists(page: Path) -> None:
    pattern = rf"(?<![\w/<.])((?:{'|'.join(ROOMS)})/[\w/.-]*)"
    named = {match.rstrip(".") for code in code_of(page) for match in re.findall(pattern, code)}
    new = {"training/models/flowers", "training/models/x/"}  # the reader's own
    scopes = {f"relearn/{scope}" for scope in get_args(operations.Scope)}
    assert [name for name in sorted(named - new - scopes) if not (ROOT / name).exists()] == []


@pytest.mark.parametrize("page", PAGES, ids=NAMES)
def test_every_link_within_the_repository_leads_somewhere(page: Path) -> None:
    links = re.findall(r"\]\((?!https?://|#)([^)#]+)", page.read_text())
    assert [link for link in links if not (page.parent / link).exists()] == []


@pytest.mark.parametrize("page", PAGES, ids=NAMES)
def test_every_link_to_a_heading_names_one_that_is_there(page: Path) -> None:
    links = re.findall(r"\]\((?!https?://)([^)#]*\.md)?#([^)]+)\)", page.read_text())
    assert [one for one in links if one[1] not in anchors((page.parent / one[0]) if one[0] else page)] == []


def test_the_index_links_every_page() -> None:
    links = {(INDEX.parent / link).resolve() for link in re.findall(r"\]\(([^)#:]+\.md)", INDEX.read_text())}
    assert {page for page in PAGES if page.is_relative_to(INDEX.parent)} - links == {INDEX}


@pytest.mark.parametrize("name", ["README.md", "README.ja.md"])
def test_a_readme_is_a_page_that_links_on(name: str) -> None:
    assert len((ROOT / name).read_text().splitlines()) <= 100


def test_both_readmes_show_the_same_commands() -> None:
    english, japanese = (
        re.findall(r"```\w*\n.*?```", (ROOT / name).read_text(), re.DOTALL)
        for name in ("README.md", "README.ja.md")
    )
    assert english == japanese


def test_both_readmes_name_the_same_code_and_the_same_pages_in_their_text() -> None:
    english, japanese = (
        re.sub(r"```.*?```", "", (ROOT / name).read_text(), flags=re.DOTALL)
        for name in ("README.md", "README.ja.md")
    )
    for pattern in (r"`([^`\n]+)`", r"\]\((?!README)([^)]*)\)"):
        assert set(re.findall(pattern, english)) == set(re.findall(pattern, japanese))
