"""Tests that a page of the documentation names, as ``tests/FOLDER/FILE.py::NAME`` in backquotes."""

from __future__ import annotations

import re
from pathlib import Path

ROOT = Path(__file__).parents[2]
_NAMED = re.compile(r"`(tests/[\w/]+\.py)::(test_\w+)`")


def named(text: str) -> list[tuple[str, str]]:
    """Return file and name of each test that a text names."""
    return _NAMED.findall(text)


def missing(text: str) -> list[str]:
    """Return the tests that a text names and that do not exist."""
    return [
        f"{file}::{test}"
        for file, test in named(text)
        if not re.search(rf"^def {test}\(", _source(file), re.MULTILINE)
    ]


def rows(text: str) -> list[list[str]]:
    """Return the cells of each row of the text's only table, without its head."""
    lines = [line for line in text.splitlines() if line.startswith("| ")]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines[1:]]


def _source(file: str) -> str:
    path = ROOT / file
    return path.read_text(encoding="utf-8") if path.exists() else ""
