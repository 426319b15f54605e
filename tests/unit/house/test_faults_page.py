"""docs/operations/FAULTS.md names a test for every fault, and each of them exists."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
PAGE = (ROOT / "docs" / "operations" / "FAULTS.md").read_text(encoding="utf-8")
TABLES = {
    title: [line for line in text.splitlines() if line.startswith("| ")][1:]
    for title, text in re.findall(r"^## (.+?)$(.+?)(?=^## |\Z)", PAGE, re.MULTILINE | re.DOTALL)
}
NAMED = re.compile(r"`(tests/[\w/]+\.py)::(test_\w+)`")


@pytest.mark.parametrize(
    "title", ["Events", "Data", "Training", "Registry and deploy", "Serving", "Who gets in, on the laptop"]
)
def test_every_fault_says_what_happens_what_to_do_and_which_test_proves_it(title: str) -> None:
    rows = [[cell.strip() for cell in row.strip("|").split("|")] for row in TABLES[title]]
    assert rows
    assert [row for row in rows if len(row) != 4 or not all(row) or not NAMED.findall(row[3])] == []


def test_every_test_that_is_named_exists() -> None:
    missing = [
        f"{file}::{test}"
        for file, test in NAMED.findall(PAGE)
        if not re.search(rf"^def {test}\(", _source(file), re.MULTILINE)
    ]
    assert missing == []


def _source(file: str) -> str:
    path = ROOT / file
    return path.read_text(encoding="utf-8") if path.exists() else ""
