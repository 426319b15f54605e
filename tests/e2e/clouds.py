"""The stages that tests run on: laptop clouds, or one that is deployed in an account."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import boto3
import pytest

from local.deploy import Cdk
from local.settings import Settings
from relearn_client import laptop
from tests.e2e.client import Stage

ROOT = Path(__file__).parents[2]
APP = ROOT / "build" / "cdk.local"
LOCAL = ("-m", "local")
"""What runs a laptop cloud."""
LOG = "cloud.log"
SILENT_SECONDS = 240
"""A cloud that comes up says so line by line; one that says nothing for so long hangs."""


def app_of(name: str, declared_in: str, models: Sequence[str], **differing: Any) -> Path:
    """Give the folder of an app that differs from the laptop's own; it is synthesised when its sources changed.

    Parameters
    ----------
    name
        Of the folder, beside that of the laptop's own app.
    declared_in
        The file that calls this.
    models, differing
        As `tests.infra.synthesis.synthesise` takes them.
    """
    folder, own = APP.with_name(f"cdk.{name}"), APP / "manifest.json"
    manifest = folder / "manifest.json"  # written last
    # Make synthesises the laptop's own app when what an app is made of changes.
    sources = (own, Path(declared_in), ROOT / "tests" / "infra" / "synthesis.py")
    known = manifest.exists() and own.exists()
    if not known or manifest.stat().st_mtime < max(source.stat().st_mtime for source in sources):
        from tests.infra.synthesis import synthesise  # noqa: PLC0415 - it starts Node

        shutil.rmtree(folder, ignore_errors=True)
        synthesise(folder, "local", models, **differing)
    return folder


@contextmanager
def cloud_of(folder: Path, app: Path = APP, command: Sequence[str] = LOCAL) -> Iterator[Stage]:
    """Run a laptop cloud of an app; ``folder`` takes its log and what describes it."""
    cloud = start_cloud(folder, app, command)
    try:
        yield local_stage(folder / "info.json")
    finally:
        stop_cloud(cloud)


def start_cloud(folder: Path, app: Path = APP, command: Sequence[str] = LOCAL) -> subprocess.Popen[bytes]:
    """Start the laptop cloud, and wait until it is deployed."""
    info, log = folder / "info.json", folder / LOG
    options = ["--app", str(app), "--info", str(info), "--port", "0", "--api-port", "0"]
    with log.open("wb") as output:
        cloud = subprocess.Popen(
            [sys.executable, *command, *options], cwd=ROOT, stdout=output, stderr=subprocess.STDOUT
        )
    heard, seen = time.monotonic(), 0
    while not info.exists():
        if (length := log.stat().st_size) != seen:
            heard, seen = time.monotonic(), length
        if cloud.poll() is not None or time.monotonic() - heard > SILENT_SECONDS:
            cloud.kill()
            pytest.fail(f"the laptop cloud did not come up:\n{log.read_text()[-4000:]}")
        time.sleep(0.2)
    return cloud


def stop_cloud(cloud: subprocess.Popen[bytes]) -> None:
    cloud.send_signal(signal.SIGINT)
    try:
        cloud.wait(timeout=600)  # it ends every process it started, which takes its time on a busy machine
    except subprocess.TimeoutExpired:
        cloud.kill()
        raise


def local_stage(info_file: Path) -> Stage:
    info = json.loads(info_file.read_text())
    session = boto3.Session(info["access_key_id"], info["secret_access_key"], region_name=info["region"])
    outputs = info["outputs"]
    return Stage(
        name=info["stage"],
        api_url=info["api_url"],
        outputs=outputs,
        session=session,
        endpoint_url=info["endpoint_url"],
        described_by=info_file,
        token=_token(info) if outputs.get("ApiAuth") == "jwt" else None,
    )


def _token(info: Mapping[str, Any]) -> str:
    """Give a token of the laptop cloud's issuer that opens every operation."""
    scopes = [info["outputs"]["ApiScopePrefix"] + name for name in laptop.SCOPES]
    return laptop.token(info["token_client"], scopes)


def deploy_again(stage: Stage, app: Path, scratch: Path, *stacks: str) -> None:
    """Update the stacks of a laptop cloud from another app, as its administrator.

    Parameters
    ----------
    scratch
        A folder for what the command writes; it is made.
    stacks
        The only stacks that are updated; none: all are.
    """
    scratch.mkdir()
    keys = stage.session.get_credentials()
    assert keys is not None
    settings = Settings(
        assembly=app,
        scratch=scratch,
        region=str(stage.session.region_name),
        access_key=str(keys.access_key),
        secret_key=str(keys.secret_key),
    )
    Cdk(settings, str(stage.endpoint_url), lambda _line: None).deploy(*stacks)


def deployed_stage(name: str) -> Stage:
    session = boto3.Session(region_name=os.environ.get("AWS_REGION"))
    outputs: dict[str, str] = {}
    for part in ("data", "training", "serving"):
        stack = session.client("cloudformation").describe_stacks(StackName=f"relearn-{name}-{part}")[
            "Stacks"
        ][0]
        outputs |= {item["OutputKey"]: item["OutputValue"] for item in stack["Outputs"]}
    return Stage(name=name, api_url=outputs["ApiUrl"], outputs=outputs, session=session, timeout_seconds=1800)
