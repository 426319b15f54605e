from __future__ import annotations

import gzip
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from aws_cdk import App, CfnWaitConditionHandle, Stack

import app
from infra.base import staging
from infra.stacks import stage as stages
from tests.infra.synthesis import CONTEXT


def run(patch: pytest.MonkeyPatch, outdir: Path, **context: str) -> None:
    """Run the app in this process, with the context and the output folder that the CDK command gives in the environment."""

    def made(*, context: Any, given: Any = context) -> App:
        told = {**CONTEXT, **given, **context}
        return App(context=told, outdir=str(outdir), builtin_cloud_formation_validation=False)

    patch.setattr(app, "App", made)
    app.main()


def test_the_app_writes_the_chosen_stage_for_the_chosen_place(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run(monkeypatch, tmp_path, stage="prod", account="123456789012", region="eu-central-1")
    manifest = json.loads((tmp_path / "manifest.json").read_text())["artifacts"]
    assert manifest["Data"]["environment"] == "aws://123456789012/eu-central-1"
    assert manifest["Data"]["properties"]["stackName"] == "relearn-prod-data"
    sandbox = "relearn-prod-guard-verifyendpoint-server-errors"
    assert sandbox in (tmp_path / "Monitoring.template.json").read_text(), "cdk.json says verify"
    (documented,) = tmp_path.glob("asset.*/lambdas/data/site/openapi.json.gz")
    assert b"verifyendpoint" not in gzip.decompress(documented.read_bytes()), "users see no sandbox model"


def test_a_wrong_setting_ends_with_one_line_that_says_what_is_allowed(tmp_path: Path) -> None:
    answer = subprocess.run(
        [sys.executable, "app.py"],
        cwd=staging.ROOT,
        env={
            **os.environ,
            "CDK_CONTEXT_JSON": json.dumps({**CONTEXT, "stage": "staging"}),
            "CDK_OUTDIR": str(tmp_path),
        },
        capture_output=True,
        text=True,
        check=False,
    )
    assert answer.returncode == 1
    assert "Traceback" not in answer.stderr
    assert "setting 'stage': got 'staging'; allowed: one of dev, local, prod" in answer.stderr


def test_a_stack_that_cloudformation_would_refuse_ends_with_one_line_that_says_what_to_do(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def build(built: App, **_: Any) -> None:
        stack = Stack(built, "Crowded")
        for number in range(501):
            CfnWaitConditionHandle(stack, f"H{number}")

    monkeypatch.setattr(stages, "build", build)
    with pytest.raises(SystemExit) as ended:
        run(monkeypatch, tmp_path, stage="dev")
    (line,) = str(ended.value.code).splitlines()
    assert "the stack Crowded of a stage with " in line
    assert " has 501 resources in " in line
