"""``python -m demo`` beside a real laptop cloud; tests/unit/demo has the rest, beside a pretended one."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.local.conftest import ROOT, until
from tests.local.test_command import alive, linux

pytestmark = [pytest.mark.local, linux]


def test_its_cloud_does_not_outlive_it_when_it_is_killed(assembly: Path, short: Path) -> None:
    info, log = short / "info.json", short / "demo.log"
    command = [sys.executable, "-m", "demo", "--app", str(assembly), "--info", str(info)]
    environment = {**os.environ, "TMPDIR": str(short)}
    with log.open("wb") as output:
        process = subprocess.Popen(
            command, cwd=ROOT, env=environment, stdout=output, stderr=subprocess.STDOUT
        )
    try:
        until(lambda: info.exists() or process.poll() is not None, seconds=300)
        assert info.exists(), log.read_text()
        cloud: int = json.loads(info.read_text())["pid"]
    finally:
        process.kill()
        process.wait()
    until(lambda: not alive({cloud}), seconds=120)
    assert not info.exists()
