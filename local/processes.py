"""Child processes that never outlive the cloud."""

from __future__ import annotations

import contextlib
import subprocess
import sys
import threading
import weakref
from pathlib import Path
from typing import IO, TYPE_CHECKING, Self

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

GUARD = str(Path(__file__).with_name("guard.py"))
_alive: weakref.WeakSet[Child] = weakref.WeakSet()


class Child:
    """A command running under the guard (see ``local.guard``), its output in one stream.

    Parameters
    ----------
    command : sequence of str
        What to run.
    env : mapping
        Its whole environment.
    cwd : Path
        Where it runs.
    log : IO[bytes] | None
        Where its output goes; None gives a pipe, read through ``output``.
    """

    def __init__(
        self, command: Sequence[str], *, env: Mapping[str, str], cwd: Path, log: IO[bytes] | None = None
    ) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-I", "-S", GUARD, *command],
            env=dict(env),
            cwd=cwd,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE if log is None else log,
            stderr=subprocess.STDOUT,
            start_new_session=True,  # Ctrl-C reaches the cloud alone; it stops its children in order
        )
        self._lock = threading.Lock()
        _alive.add(self)

    @property
    def output(self) -> IO[bytes]:
        """What the command prints; only without a log."""
        if self._process.stdout is None:
            raise ValueError("this child writes to its log; it has no output to read")
        return self._process.stdout

    def poll(self) -> int | None:
        """Return the exit code, None while it runs."""
        return self._process.poll()

    def wait(self, timeout: float | None = None) -> int:
        """Wait for the end; the exit code. Raises subprocess.TimeoutExpired after `timeout` seconds."""
        return self._process.wait(timeout)

    def terminate(self) -> None:
        """Ask the command to end (SIGTERM)."""
        self._process.terminate()

    def kill(self) -> None:
        """End the command and everything it started, now."""
        with self._lock, contextlib.suppress(OSError):
            if self._process.stdin is not None:
                self._process.stdin.close()
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._process.wait(5)

    def stop(self, grace: float) -> None:
        """Ask the command to end, and kill it after `grace` seconds."""
        self.terminate()
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._process.wait(grace)
        self.kill()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.kill()


def kill_all() -> None:
    """End every child that still runs."""
    for child in list(_alive):
        if child.poll() is None:
            child.kill()
