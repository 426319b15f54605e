"""A TypeScript client generated from docs/openapi.json: its types catch mistakes, its calls are answered."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.e2e import generated
from tests.e2e.client import Stage
from tests.e2e.generated import Programs

pytestmark = [pytest.mark.e2e, pytest.mark.local]


@pytest.fixture(scope="module")
def said(stage: Stage, typescript: Programs) -> Any:
    """What the program was answered."""
    stage.wait_until_served("iris")
    return typescript.ask(stage)


def test_the_page_says_how_the_client_is_generated() -> None:
    assert f"$ npx {generated.GENERATE}\n" in (generated.ROOT / "docs" / "reference" / "API.md").read_text()


def test_a_prediction_is_what_the_api_says(said: Any, stage: Stage) -> None:
    expected = stage.predict("iris", *stage.sample("iris"))
    assert said["answer"]["version"] == expected["version"]
    assert said["labels"] == [one["label"] for one in expected["predictions"]]


def test_a_problem_is_typed_and_points_at_every_wrong_field(said: Any) -> None:
    assert sorted(said["pointers"]) == ["/instances/0/colour", "/instances/0/sepal_length"]
    assert said["type"] == "urn:relearn:problem:not-found"


def test_models_are_listed(said: Any, stage: Stage) -> None:
    assert said["names"] == [one["name"] for one in stage.http("/v1/models")[2]["models"]]


@pytest.mark.long
def test_a_mistake_does_not_pass_the_type_check(tmp_path: Path) -> None:
    generated.project(tmp_path)
    caught = [line for line in generated.CALLS.read_text().splitlines() if "@ts-expect-error" not in line]
    with pytest.raises(AssertionError) as error:
        generated.compiled({"program": "\n".join(caught)}, tmp_path)
    assert str(error.value).count("error TS") >= 3
    assert not (tmp_path / "program.mjs").exists()
