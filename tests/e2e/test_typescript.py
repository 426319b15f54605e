"""A TypeScript client generated from docs/openapi.json: its types catch mistakes, its calls are answered."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.e2e import generated
from tests.e2e.client import Stage

pytestmark = [pytest.mark.e2e, pytest.mark.local]

PROGRAM = Path(__file__).parent / "typescript" / "calls.mts"


@pytest.fixture(scope="module")
def said(stage: Stage, tmp_path_factory: pytest.TempPathFactory) -> Any:
    """What the program was answered, once it passed the type check."""
    stage.wait("the first iris model", lambda: stage.live_version("iris"))
    stage.wait("iris at rest", lambda: stage.at_rest("iris"))
    folder = tmp_path_factory.mktemp("typescript")
    generated.project(folder)
    command = generated.compiled(PROGRAM.read_text(), folder)
    keys = stage.session.get_credentials()
    assert keys is not None
    env = {
        "API_URL": stage.api_url,
        "AWS_REGION": stage.session.region_name,
        "AWS_ACCESS_KEY_ID": keys.access_key,
        "AWS_SECRET_ACCESS_KEY": keys.secret_key,
        **({"AWS_SESSION_TOKEN": keys.token} if keys.token else {}),
    }
    sample = json.dumps(stage.sample("iris"))
    return json.loads(generated.run([*command, sample], folder, env))


def test_the_page_says_how_the_client_is_generated() -> None:
    assert f"$ npx {generated.GENERATE}\n" in (generated.ROOT / "docs" / "API.md").read_text()


def test_a_prediction_is_what_the_api_says(said: Any, stage: Stage) -> None:
    expected = stage.predict("iris", *stage.sample("iris"))
    assert said["answer"]["version"] == expected["version"]
    assert said["labels"] == [one["label"] for one in expected["predictions"]]


def test_a_problem_is_typed_and_points_at_every_wrong_field(said: Any) -> None:
    assert sorted(said["pointers"]) == ["/instances/0/colour", "/instances/0/sepal_length"]
    assert said["type"] == "urn:relearn:problem:not-found"


def test_models_are_listed(said: Any, stage: Stage) -> None:
    assert said["names"] == [one["name"] for one in stage.http("/v1/models")[2]["models"]]


def test_a_mistake_does_not_pass_the_type_check(tmp_path: Path) -> None:
    generated.project(tmp_path)
    caught = [line for line in PROGRAM.read_text().splitlines() if "@ts-expect-error" not in line]
    with pytest.raises(AssertionError) as error:
        generated.compiled("\n".join(caught), tmp_path)
    assert str(error.value).count("error TS") >= 3
    assert not (tmp_path / "program.mjs").exists()
