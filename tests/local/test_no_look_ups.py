"""Nothing of ours looks up a host: a container scores, in a network of its own, beside a name server that notes questions."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
APART = ["unshare", "--net", "--mount", "--map-root-user"]
"""A command in namespaces of its own: it may mount over /etc/resolv.conf, and reaches no network."""


def may_be_apart() -> bool:
    """Tell whether this machine lets a process make such namespaces."""
    try:
        probe = subprocess.run([*APART, "ip", "link", "set", "lo", "up"], capture_output=True, check=False)
    except FileNotFoundError:
        return False
    return probe.returncode == 0


apart = pytest.mark.skipif(
    not may_be_apart(), reason="this machine allows no namespaces, or has no unshare and ip"
)


def looked_up(*arguments: Path) -> list[str]:
    """Run processes apart; give the lines that say what they looked up."""
    told = subprocess.run(
        [*APART, sys.executable, "-m", "tests.local.look_ups", *map(str, arguments)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=900,
        check=False,
    )
    assert told.returncode == 0, told.stderr
    return told.stdout.splitlines()


@apart
def test_scoring_looks_up_no_host_although_onnx_runtime_would(tmp_path: Path) -> None:
    # ONNX Runtime 1.29 and newer report to a host of Microsoft by default: Privacy.md in its wheel. The questions of a
    # process that does not import `scoring` show that the name server would hear of them.
    without, ours = looked_up(tmp_path)
    assert "microsoft.com" in without
    assert ours == "looked up by ours: nothing"


@apart
@pytest.mark.long
def test_neither_the_cloud_nor_a_function_a_job_an_endpoint_or_a_command_looks_up_a_host(
    tmp_path: Path,
) -> None:
    assert looked_up(tmp_path, ROOT / "build" / "cdk.local") == ["looked up: nothing"]
