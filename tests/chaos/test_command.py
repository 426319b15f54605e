"""The command: what it leaves when it is killed."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

SECONDS = 90


def test_a_command_that_is_killed_takes_its_processes_with_it() -> None:
    command = subprocess.Popen(
        [sys.executable, "-m", "tests.chaos", "--runs", "1"],
        cwd=Path(__file__).parents[2],
        stdout=subprocess.DEVNULL,
    )
    try:
        assert _within(SECONDS, lambda: len(_workers(command.pid)) > 1)
        workers = _workers(command.pid)
    finally:
        command.kill()
        command.wait()
    assert _within(SECONDS, lambda: not workers & _workers(None))


def _workers(parent: int | None) -> set[int]:
    """Processes of a pool: those that one process started, or all."""
    listed = subprocess.run(
        ["ps", "-A", "-ww", "-o", "pid=,ppid=,args="], capture_output=True, text=True, check=True
    )
    lines = (line.split(None, 2) for line in listed.stdout.splitlines())
    return {int(pid) for pid, ppid, words in lines if "spawn_main" in words and parent in (None, int(ppid))}


def _within(seconds: float, holds: Callable[[], bool]) -> bool:
    end = time.monotonic() + seconds
    while not holds():
        if time.monotonic() > end:
            return False
        time.sleep(0.2)
    return True
