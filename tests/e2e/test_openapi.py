"""The API keeps its own description: every operation, with data that fits and data that does not."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import tomllib
from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest
from openapi_spec_validator import OpenAPIV31SpecValidator

from relearn.api import operations as routes
from relearn.api import problems
from relearn.api.openapi.document import PER_MODEL
from tests.e2e.client import Stage
from tests.e2e.clouds import ROOT

pytestmark = [pytest.mark.e2e, pytest.mark.local]

FEW, ALL = "few", "all"
CASES = {
    FEW: ("--phases", "examples,fuzzing,stateful", "--max-examples", "3"),
    ALL: ("--max-examples", "10"),
}
"""Options of schemathesis: a few random cases of each operation, or many and the boundaries of every schema besides."""
LEAST = {FEW: 3, ALL: 20}
"""Generated cases an operation, on average, at least."""
CONFIG = Path(__file__).with_name("schemathesis.toml")
MODELS = ("churn", "diabetes", "iris", "tickets")


LEFT_OUT = [
    one["include-operation-id"]
    for one in tomllib.loads(CONFIG.read_text())["operations"]
    if one.get("enabled") is False
]
"""What would change the stage for the tests that come after."""


@pytest.fixture(scope="module")
def live(stage: Stage) -> Stage:
    """The stage once every model serves."""
    for model in MODELS:
        stage.wait(f"the first model of {model}", partial(stage.live_version, model))
    return stage


def test_the_description_that_is_served_is_valid_and_is_asked_for_with_the_stages_auth(live: Stage) -> None:
    status, headers, document = live.http("/openapi.json")
    assert (status, headers["content-type"]) == (200, "application/json")
    assert list(OpenAPIV31SpecValidator(document).iter_errors()) == []
    assert live.outputs["ApiAuth"] == "iam"
    assert list(document["components"]["securitySchemes"]) == ["sigv4"]
    operations = {part["operationId"] for methods in document["paths"].values() for part in methods.values()}
    assert operations >= {item.id for item in routes.OPERATIONS if item.described} - {
        item.id for item in PER_MODEL
    }


@pytest.mark.parametrize("cases", [FEW, pytest.param(ALL, marks=pytest.mark.long)])
def test_what_is_sent_and_answered_is_what_the_description_says(
    live: Stage, cases: str, tmp_path: Path, tell: Callable[[str], None]
) -> None:
    if live.endpoint_url is None:
        pytest.skip("thousands of odd requests are for the laptop cloud, not for an account")
    document = tmp_path / "openapi.json"
    document.write_text(json.dumps(live.http("/openapi.json")[2]))
    command = [sys.executable, "-m", "schemathesis.cli", "--config-file", str(CONFIG), "run"]
    command += [str(document), "--url", live.api_url]
    # It wants 401 where the Authorization header is missing; AWS says 403 to who does not sign. That unsigned and
    # wrongly signed requests are refused, its check of ignored authentication still finds out.
    command += ["--checks", "all", "--exclude-checks", "missing_required_header", "--mode", "all"]
    command += [*CASES[cases], "--seed", "1", "--generation-database", "none", "--no-color"]
    done = subprocess.run(
        command, cwd=tmp_path, env=signing(live), capture_output=True, text=True, timeout=900, check=False
    )
    assert done.returncode == 0, done.stdout[-20_000:] + done.stderr[-2_000:]
    count = re.search(r"(\d+) generated, (\d+) passed", done.stdout)
    operations = re.search(r"Selected: (\d+)/(\d+)\s+Tested: (\d+)", done.stdout)
    assert count, done.stdout[-4_000:]
    assert operations, done.stdout[-4_000:]
    tell(f"schemathesis: {count[0]} on {operations[3]} operations")
    assert count[1] == count[2]
    assert int(count[1]) >= LEAST[cases] * int(operations[2])
    assert operations[1] == operations[3]
    assert int(operations[1]) == int(operations[2]) - len(LEFT_OUT)


def signing(stage: Stage) -> dict[str, str]:
    """The environment in which schemathesis signs its requests."""
    keys = stage.session.get_credentials()
    assert keys is not None
    return os.environ | {
        "PYTHONPATH": str(ROOT),
        "SCHEMATHESIS_HOOKS": "tests.e2e.schemathesis_auth",
        "AWS_ACCESS_KEY_ID": keys.access_key,
        "AWS_SECRET_ACCESS_KEY": keys.secret_key,
        "AWS_REGION": stage.session.region_name,
    }


@pytest.mark.parametrize(
    ("path", "body", "kind"),
    [
        ("/v1/nothing", None, problems.NOT_FOUND),
        ("/v1/models/trees/runs", None, problems.NOT_FOUND),
        ("/v1/models/iris/runs/none", None, problems.NOT_FOUND),
        ("/docs/nothing.js", None, problems.NOT_FOUND),
        ("/v1/models/iris/runs?limit=0", None, problems.INVALID_PARAMETERS),
        ("/v1/models/iris", {}, problems.METHOD_NOT_ALLOWED),
        ("/v1/models/iris/predict", None, problems.METHOD_NOT_ALLOWED),
        ("/v1/models/iris/predict", {"instances": []}, problems.INVALID_INSTANCES),
        ("/v1/models/iris/feedback", {"feedback": []}, problems.INVALID_FEEDBACK),
    ],
)
def test_what_can_not_be_answered_is_told_as_a_problem(
    live: Stage, path: str, body: object, kind: problems.Kind
) -> None:
    status, headers, problem = live.http(path, body)
    assert (status, headers["content-type"]) == (kind.status, problems.MEDIA_TYPE)
    assert (problem["type"], problem["title"], problem["status"]) == (kind.uri, kind.title, kind.status)
    assert problem["request_id"] == headers["x-request-id"]
    if kind is problems.METHOD_NOT_ALLOWED:
        assert headers["allow"] == ("GET" if body is not None else "POST")
