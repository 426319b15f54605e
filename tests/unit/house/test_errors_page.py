"""docs/reference/errors.md lists every problem with the status, type and title that callers get."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from lambdas.http.problems import PROBLEMS
from relearn.api import problems

PAGE = (Path(__file__).parents[3] / "docs" / "reference" / "errors.md").read_text("utf-8")
ROWS = [
    tuple(cell.strip() for cell in line.strip("|").split("|"))
    for line in PAGE.splitlines()
    if line.startswith("| `urn:")
]


def test_the_page_lists_exactly_the_problems_with_status_and_title() -> None:
    told = [(f"`{kind.uri}`", str(int(kind.status)), kind.title) for kind in problems.ALL]
    assert [row[:3] for row in ROWS] == told


def test_every_problem_that_a_function_can_tell_is_on_the_page() -> None:
    listed = {row[0].strip("`") for row in ROWS}
    assert {kind.uri for kind in PROBLEMS.values()} <= listed


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row[0].rpartition(":")[2].strip("`"))
def test_every_problem_says_when_it_happens_and_what_to_do(row: tuple[str, ...]) -> None:
    _, _, _, when, advice = row
    assert when.endswith(".")
    assert advice.endswith(".")


def test_the_example_is_a_problem_as_it_is_told() -> None:
    (block,) = re.findall(r"```json\n(.*?)```", PAGE, re.DOTALL)
    example = json.loads(block)
    kind = problems.INVALID_INSTANCES
    assert (example["type"], example["title"], example["status"]) == (kind.uri, kind.title, kind.status)
    assert [sorted(error) for error in example["errors"]] == [["detail", "pointer"]] * 2
