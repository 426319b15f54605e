"""The benches, found by what they say of themselves, and a small run of one."""

from __future__ import annotations

import ast
import json
import re
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]
FILES = {path.stem: path for path in sorted((ROOT / "bench").glob("*.py")) if path.stem != "__init__"}
PROMISE = "last line is one JSON object"
"""What makes a file a bench; Make finds them by the same words."""
_SECONDS = 1200


def about(path: Path) -> str:
    """Give the docstring of a file, its line ends as spaces."""
    return " ".join((ast.get_docstring(ast.parse(path.read_text())) or "").split())


def figures(name: str) -> set[str]:
    """Give the names that a bench says its last line has."""
    return set(re.findall(r"``(\w+)``", about(FILES[name]).partition(PROMISE)[2]))


def needs_stage(name: str) -> bool:
    """Tell whether a bench asks a laptop cloud."""
    return "stage=True" in FILES[name].read_text()


BENCHES = [name for name, path in FILES.items() if PROMISE in about(path)]
PARTS = sorted(FILES.keys() - set(BENCHES))


def small(name: str, arguments: Sequence[str] = ()) -> dict[str, Any]:
    """Run a bench small, as a person would; give its figures."""
    command = [sys.executable, f"bench/{name}.py", "--small", *arguments]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=_SECONDS, check=False)
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-4000:]
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return found
