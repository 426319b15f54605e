from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from relearn.records import predictions
from relearn.spec.hosting import has_host
from tests.infra.synthesis import Synthesised, text
from training import catalog

FUNCTIONS = sorted(
    [
        "ingest",
        "open_run",
        "check_data",
        "judge",
        "register",
        "ask_approval",
        "decided",
        "approval_event",
        "deploy",
        "smoke",
        "publish",
        "advance",
        "watch",
        "promote",
        "retire",
        "close_run",
        "fail_run",
        "sweep",
        "scheduled_run",
        "lifecycle",
        "predict",
        "feedback",
        "models",
        "batches",
        "batch_event",
        "uploads",
        "docs",
        "record",
        "trial",
        "operate",
        "restore",
    ]
)


def test_these_are_the_functions(dev: Synthesised) -> None:
    handlers = [f["Handler"] for f in dev.properties("AWS::Lambda::Function")]
    hosts = ["host" for spec in catalog.load().values() if has_host(spec.hosting)]
    expected = [*FUNCTIONS, *hosts]
    assert sorted(handlers) == sorted(f"lambdas.handlers.{name}.handler" for name in expected)


def test_a_function_is_named_after_its_stage_and_its_file(dev: Synthesised) -> None:
    for name in FUNCTIONS:
        assert dev.function(name)["FunctionName"] == f"relearn-dev-{name.replace('_', '-')}"


def test_every_function_runs_traced_on_the_same_python_on_arm(dev: Synthesised) -> None:
    for function in dev.properties("AWS::Lambda::Function"):
        assert (function["Runtime"], function["Architectures"]) == ("python3.14", ["arm64"])
        assert function["TracingConfig"] == {"Mode": "Active"}


def test_every_function_has_a_role_and_a_log_group_of_its_own(dev: Synthesised) -> None:
    functions = dev.properties("AWS::Lambda::Function")
    assert len({text(f["Role"]) for f in functions}) == len(functions)
    groups = dev.resources("AWS::Logs::LogGroup")
    used = [f["LoggingConfig"]["LogGroup"]["Ref"] for f in functions]
    assert len(set(used)) == len(functions)
    assert set(used) <= set(groups)


def test_every_log_forgets_after_the_stages_retention(prod: Synthesised) -> None:
    for group in prod.resources("AWS::Logs::LogGroup").values():
        assert group["Properties"]["RetentionInDays"] == 365
        assert group["DeletionPolicy"] == "Delete"


def test_no_function_is_one_that_cdk_brought_along(dev: Synthesised) -> None:
    for function in dev.properties("AWS::Lambda::Function"):
        assert function["Handler"].startswith("lambdas.handlers.")


def test_the_prediction_gives_up_before_the_api_does(dev: Synthesised) -> None:
    assert dev.function("predict")["Timeout"] < 30


def test_what_writes_lines_is_over_before_its_claims_are(dev: Synthesised) -> None:
    assert dev.function("feedback")["Timeout"] < 30  # it gives up before the API does
    assert dev.function("feedback")["Timeout"] <= predictions.WRITER_SECONDS < predictions.CLAIM_SECONDS


def test_the_stage_may_shorten_the_wait_for_more_uploads(dev: Synthesised, laptop: Synthesised) -> None:
    for name in ("ingest", "close_run", "fail_run", "sweep", "lifecycle"):
        assert laptop.function(name)["Environment"]["Variables"]["DEBOUNCE_SECONDS"] == "2"
        assert "DEBOUNCE_SECONDS" not in dev.function(name)["Environment"]["Variables"]


def test_the_stage_may_shorten_the_steps_of_a_rollout(dev: Synthesised, laptop: Synthesised) -> None:
    assert laptop.function("advance")["Environment"]["Variables"]["ROLLOUT_SECONDS"] == "2"
    assert "ROLLOUT_SECONDS" not in dev.function("advance")["Environment"]["Variables"]


@pytest.fixture(scope="module")
def probed(laptop: Synthesised) -> dict[str, Any]:
    """What the staged handlers read of the environments that the template gives them."""
    functions = {name: laptop.function(name) for name in FUNCTIONS} | {"host": laptop.host("diabetes")}
    variables = {
        name: {key: text(value) for key, value in function["Environment"]["Variables"].items()}
        for name, function in functions.items()
    }
    answer = subprocess.run(
        [sys.executable, str(Path(__file__).with_name("probe_handlers.py"))],
        input=json.dumps(variables),
        env={
            "PATH": os.environ["PATH"],
            # What Lambda itself sets; the keys are nobody's.
            "AWS_REGION": "eu-central-1",
            "AWS_DEFAULT_REGION": "eu-central-1",
            "AWS_ACCESS_KEY_ID": "test",
            "AWS_SECRET_ACCESS_KEY": "test",
            "PYTHONPATH": str(laptop.asset("lambdas/data/catalog.json")),
        },
        capture_output=True,
        text=True,
        check=True,
    )
    found: dict[str, Any] = json.loads(answer.stdout)
    return found


@pytest.mark.parametrize("name", [*FUNCTIONS, "host"])
def test_a_function_starts_with_exactly_the_variables_it_is_given(probed: dict[str, Any], name: str) -> None:
    assert probed[name]["factories"]
    assert probed[name]["error"] is None
    assert set(probed[name]["unread"]) <= {"STAGE"}  # which all are told, for their logs and metrics
