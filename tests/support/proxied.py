"""``relearn proxy`` in its own process, as a user starts it."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]


@dataclass
class Proxy:
    """A running proxy."""

    url: str
    process: subprocess.Popen[str]

    def end(self) -> str:
        """Send SIGINT, as Ctrl-C does, and return standard error."""
        self.process.send_signal(signal.SIGINT)
        return self.process.communicate(timeout=600)[1]


@contextmanager
def proxy(*target: str, env: Mapping[str, str] | None = None) -> Iterator[Proxy]:
    """Run a proxy on a free port; ``target`` are the options that choose the stage."""
    command = [sys.executable, "-m", "cli", *target, "proxy", "--port", "0"]
    path = os.pathsep.join(map(str, (ROOT, ROOT / "clients" / "python" / "src")))
    process = subprocess.Popen(
        command, env={**os.environ, "PYTHONPATH": path, **(env or {})}, stderr=subprocess.PIPE, text=True
    )
    try:
        assert process.stderr is not None
        first = process.stderr.readline()
        found = re.match(r"(http://127\.0\.0\.1:\d+) is ", first)
        assert found, first + process.stderr.read()
        yield Proxy(found.group(1), process)
    finally:
        process.kill()
        process.communicate()
