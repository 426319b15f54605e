"""docs/operations/FAULTS.md names a test for every fault, and each of them exists."""

from __future__ import annotations

import re

import pytest

from tests.support import named_tests

PAGE = (named_tests.ROOT / "docs" / "operations" / "FAULTS.md").read_text(encoding="utf-8")
TABLES = {
    title: named_tests.rows(text)
    for title, text in re.findall(r"^## (.+?)$(.+?)(?=^## |\Z)", PAGE, re.MULTILINE | re.DOTALL)
}


@pytest.mark.parametrize(
    "title", ["Events", "Data", "Training", "Registry and deploy", "Serving", "Who gets in, on the laptop"]
)
def test_every_fault_says_what_happens_what_to_do_and_which_test_proves_it(title: str) -> None:
    rows = TABLES[title]
    assert rows
    assert [row for row in rows if len(row) != 4 or not all(row) or not named_tests.named(row[3])] == []


def test_every_test_that_is_named_exists() -> None:
    assert named_tests.missing(PAGE) == []
