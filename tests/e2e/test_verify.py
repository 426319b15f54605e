"""`relearn verify` finds that the stage does what it should, and leaves nothing behind."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import dataclass
from typing import Any

import pytest

from relearn.naming import sandbox
from tests.e2e.client import Stage
from tests.e2e.clouds import ROOT

pytestmark = [pytest.mark.e2e, pytest.mark.local]

STEPS = [
    *("empty", "stage", "upload", "request", "canary", "promoted", "worse", "broken"),
    *("rollback", "batch", "records", "feedback", "endpoint", "alarms"),
]


@dataclass(frozen=True)
class Verified:
    """What the command said: its document, what it printed, the file that it wrote."""

    document: Any
    printed: str
    file: str


@pytest.fixture(scope="module")
def verified(stage: Stage, tmp_path_factory: pytest.TempPathFactory) -> Verified:
    file = tmp_path_factory.mktemp("verify") / "report.md"
    where = ["--local-file", str(stage.described_by)] if stage.described_by else ["--stage", stage.name]
    command = [sys.executable, "-m", "cli", *where, "verify", "--json", "--report", str(file)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=3600, check=False)
    assert done.returncode == 0, done.stderr[-4000:]
    return Verified(json.loads(done.stdout), done.stdout + done.stderr, file.read_text())


def test_every_step_passes_with_what_was_answered(verified: Verified) -> None:
    steps = {one["name"]: one for one in verified.document["steps"]}
    assert [(name, one["status"]) for name, one in steps.items()] == [(name, "passed") for name in STEPS]
    first, second = (steps[name]["answer"]["version"] for name in ("upload", "canary"))
    assert second > first
    assert steps["canary"]["answer"]["route"] == ["canary 50 %", "promoted"]
    assert steps["worse"]["answer"]["state"] == "REJECTED"
    assert steps["broken"]["answer"]["reason"].startswith("schema: columns missing: width")
    assert steps["rollback"]["answer"]["serves"] == steps["batch"]["answer"]["version"] == first
    assert steps["endpoint"]["answer"]["status"] == "InService"


def test_what_aws_bills_has_its_cost(verified: Verified) -> None:
    costly = [one["name"] for one in verified.document["steps"] if one["usd"] > 0.0001]
    assert {"upload", "canary", "worse", "endpoint"} <= set(costly)
    assert 0.001 < verified.document["usd"] < 1


def test_nothing_is_left_of_the_sandbox_models(stage: Stage, verified: Verified) -> None:
    assert [one["clean"] for one in verified.document["cleaning"]] == [True, True]
    s3, sagemaker = stage.client("s3"), stage.client("sagemaker")
    for model in sandbox.MODELS:
        for output in ("UploadsBucket", "LakeBucket", "ArtifactsBucket"):
            kept = s3.list_object_versions(Bucket=stage.outputs[output])
            every = [*kept.get("Versions", []), *kept.get("DeleteMarkers", [])]
            assert [one["Key"] for one in every if f"/{model}/" in one["Key"]] == []
        group = f"relearn-{stage.name}-{model}"
        groups = sagemaker.list_model_package_groups(NameContains=group)["ModelPackageGroupSummaryList"]
        assert group not in [one["ModelPackageGroupName"] for one in groups]
        assert sagemaker.list_endpoints(NameContains=f"{group}-v")["Endpoints"] == []
        assert sagemaker.list_endpoint_configs(NameContains=f"{group}-v")["EndpointConfigs"] == []
        assert sagemaker.list_models(NameContains=f"{group}-v")["Models"] == []
    scan = stage.client("dynamodb").get_paginator("scan").paginate(TableName=stage.outputs["LedgerTable"])
    keys = [item["pk"]["S"] for page in scan for item in page["Items"]]
    assert [key for key in keys if set(key.split("#")) & set(sandbox.MODELS)] == []


def test_neither_report_has_the_account_or_a_secret(stage: Stage, verified: Verified) -> None:
    account = stage.client("sts").get_caller_identity()["Account"]
    keys = stage.session.get_credentials()
    assert keys is not None
    host = stage.api_url.split("/")[2]
    for secret in (account, keys.access_key, keys.secret_key, host):
        assert secret not in verified.printed
        assert secret not in verified.file
    assert verified.file.startswith(f"# relearn verify: stage {stage.name}, passed\n")


def test_users_see_no_sandbox_model(stage: Stage) -> None:
    listed = {one["name"] for one in stage.http("/v1/models")[2]["models"]}
    assert not listed & set(sandbox.MODELS)
