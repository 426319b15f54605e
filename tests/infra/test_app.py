from __future__ import annotations

import gzip
import json
import os
import subprocess
import sys
from pathlib import Path

from infra.base import staging
from tests.infra.synthesis import CONTEXT

CROWDED = """
import app
from aws_cdk import CfnWaitConditionHandle, Stack

def build(built, **_):
    stack = Stack(built, "Crowded")
    for number in range(501):
        CfnWaitConditionHandle(stack, f"H{number}")

app.stage.build = build
app.main()
"""


def run(outdir: Path, *program: str, **context: str) -> subprocess.CompletedProcess[str]:
    """What the CDK command does: the app in a process, its context and output folder in the environment."""
    return subprocess.run(
        [sys.executable, *(program or ["app.py"])],
        cwd=staging.ROOT,
        env={
            **os.environ,
            "CDK_CONTEXT_JSON": json.dumps({**CONTEXT, **context}),
            "CDK_OUTDIR": str(outdir),
        },
        capture_output=True,
        text=True,
        check=False,
    )


def test_the_app_writes_the_chosen_stage_for_the_chosen_place(tmp_path: Path) -> None:
    answer = run(tmp_path, stage="prod", account="123456789012", region="eu-central-1")
    assert answer.returncode == 0, answer.stderr
    manifest = json.loads((tmp_path / "manifest.json").read_text())["artifacts"]
    assert manifest["Data"]["environment"] == "aws://123456789012/eu-central-1"
    assert manifest["Data"]["properties"]["stackName"] == "relearn-prod-data"
    sandbox = "relearn-prod-host-verifyendpoint"
    assert sandbox in (tmp_path / "Serving.template.json").read_text(), "cdk.json says verify"
    (documented,) = tmp_path.glob("asset.*/lambdas/data/site/openapi.json.gz")
    assert b"verifyendpoint" not in gzip.decompress(documented.read_bytes()), "users see no sandbox model"


def test_a_wrong_setting_ends_with_one_line_that_says_what_is_allowed(tmp_path: Path) -> None:
    answer = run(tmp_path, stage="staging")
    assert answer.returncode == 1
    assert "Traceback" not in answer.stderr
    assert "setting 'stage': got 'staging'; allowed: one of dev, local, prod" in answer.stderr


def test_a_stack_that_cloudformation_would_refuse_ends_with_one_line_that_says_what_to_do(
    tmp_path: Path,
) -> None:
    answer = run(tmp_path, "-c", CROWDED, stage="dev")
    assert answer.returncode == 1
    assert "Traceback" not in answer.stderr
    assert "the stack Crowded of a stage with " in answer.stderr
    assert " has 501 resources in " in answer.stderr
