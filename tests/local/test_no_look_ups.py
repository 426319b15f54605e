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


@pytest.mark.skipif(not may_be_apart(), reason="this machine allows no namespaces, or has no unshare and ip")
def test_scoring_looks_up_no_host_although_onnx_runtime_would(tmp_path: Path) -> None:
    # ONNX Runtime 1.29 and newer report to a host of Microsoft by default: Privacy.md in its wheel. The questions of a
    # process that does not import `scoring` show that the name server would hear of them.
    told = subprocess.run(
        [*APART, sys.executable, "-m", "tests.local.look_ups", str(tmp_path)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert told.returncode == 0, told.stderr
    without, ours = told.stdout.splitlines()
    assert "microsoft.com" in without
    assert ours == "looked up by ours: nothing"
