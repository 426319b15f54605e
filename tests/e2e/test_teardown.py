"""`make destroy`: what runs created goes with the stacks, what people uploaded stays."""

from __future__ import annotations

import os
import subprocess
from typing import Any

import pytest

from tests.e2e.client import Stage
from tests.e2e.clouds import APP, ROOT

pytestmark = [pytest.mark.e2e, pytest.mark.local]

SEED = ROOT / "training" / "models" / "iris" / "seed.csv"
PREFIX = "relearn-local-"
BUCKETS = ("UploadsBucket", "LakeBucket", "ArtifactsBucket")


@pytest.fixture(scope="module")
def destroyed(request: pytest.FixtureRequest, stage: Stage) -> Stage:
    """The stage on which all other tests left their traces, destroyed by the CDK command in the middle of a run."""
    if request.config.getoption("--target") != "local":
        pytest.skip("destroys the stage: on the laptop cloud only")
    stage.wait("the first iris model", lambda: stage.live_version("iris"))
    version_id = stage.put("iris", "late.csv", SEED.read_bytes())
    stage.run_of("iris", version_id, "TRAINING")
    destroy(stage)
    return stage


def destroy(stage: Stage) -> None:
    credentials = stage.session.get_credentials()
    assert credentials is not None
    account = {
        "AWS_ENDPOINT_URL": str(stage.endpoint_url),
        "AWS_ACCESS_KEY_ID": credentials.access_key,
        "AWS_SECRET_ACCESS_KEY": credentials.secret_key,
        "AWS_REGION": str(stage.session.region_name),
        "CDK_DISABLE_CLI_TELEMETRY": "true",
    }
    command = ["npx", "--no-install", "cdk", "destroy", "--all", "--force", "--app", str(APP), "--no-notices"]
    done = subprocess.run(
        command,
        cwd=ROOT,
        env={**os.environ, **account},
        capture_output=True,
        text=True,
        timeout=600,
        check=False,
    )
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-4000:]


def test_no_stack_of_the_stage_is_left(destroyed: Stage) -> None:
    pages = destroyed.client("cloudformation").get_paginator("list_stacks").paginate()
    stacks = [stack for page in pages for stack in page["StackSummaries"]]
    left = {s["StackName"]: s["StackStatus"] for s in stacks if s["StackName"].startswith(PREFIX)}
    assert set(left.values()) == {"DELETE_COMPLETE"}


@pytest.mark.parametrize(
    ("call", "key", "name"),
    [
        ("list_endpoints", "Endpoints", "EndpointName"),
        ("list_endpoint_configs", "EndpointConfigs", "EndpointConfigName"),
        ("list_models", "Models", "ModelName"),
        ("list_model_package_groups", "ModelPackageGroupSummaryList", "ModelPackageGroupName"),
    ],
)
def test_nothing_that_runs_created_is_left(destroyed: Stage, call: str, key: str, name: str) -> None:
    found: list[Any] = getattr(destroyed.client("sagemaker"), call)()[key]
    assert [item[name] for item in found if item[name].startswith(PREFIX)] == []


@pytest.mark.parametrize("output", BUCKETS)
def test_the_data_stays(destroyed: Stage, output: str) -> None:
    bucket = destroyed.outputs[output]
    assert destroyed.client("s3").list_objects_v2(Bucket=bucket)["KeyCount"] > 0
