"""Child processes that never outlive the cloud."""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
import threading
import weakref
from pathlib import Path
from typing import IO, TYPE_CHECKING, Self

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from local.forks import Fork, ForkServer

GUARD = str(Path(__file__).with_name("guard.py"))
_alive: weakref.WeakSet[Child] = weakref.WeakSet()


class Child:
    """A command that runs under the guard (``local.guard``), with standard output and error in one stream.

    A fork server that starts it (``local.forkserver``) is its guard.

    Parameters
    ----------
    command : sequence of str
        The command line.
    env : mapping
        The whole environment of the command.
    cwd : Path
        Its working directory.
    log : IO[bytes] | None
        File for its output; None creates a pipe, read through ``output``.
    server : ForkServer | None
        Server that forks the command; None starts it anew.
    """

    def __init__(
        self,
        command: Sequence[str],
        *,
        env: Mapping[str, str],
        cwd: Path,
        log: IO[bytes] | None = None,
        server: ForkServer | None = None,
    ) -> None:
        self._process = (
            _guarded(command, env, cwd, log) if server is None else _forked(command, env, cwd, log, server)
        )
        self._lock = threading.Lock()
        _alive.add(self)

    @property
    def output(self) -> IO[bytes]:
        """The pipe with the command's output.

        Raises
        ------
        ValueError
            When the child writes to a log.
        """
        if self._process.stdout is None:
            raise ValueError("this child writes to its log; it has no output to read")
        return self._process.stdout

    def poll(self) -> int | None:
        """Return the exit code, 128 + n when signal n ended the command; None while it runs."""
        code = self._process.poll()
        return None if code is None else _of_shell(code)

    def wait(self, timeout: float | None = None) -> int:
        """Wait for the command and return its exit code.

        Raises
        ------
        subprocess.TimeoutExpired
            When it still runs after `timeout` seconds; None waits without limit.
        """
        return _of_shell(self._process.wait(timeout))

    def terminate(self) -> None:
        """Send SIGTERM to the command."""
        self._process.terminate()

    def kill(self) -> None:
        """Kill the command and every process of its group; wait at most 5 seconds."""
        with self._lock, contextlib.suppress(OSError):
            if self._process.stdin is None:
                self._process.kill()
            else:
                self._process.stdin.close()
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._process.wait(5)

    def stop(self, grace: float) -> None:
        """Send SIGTERM, and kill the command after `grace` seconds."""
        self.terminate()
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._process.wait(grace)
        self.kill()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.kill()


def _of_shell(code: int) -> int:
    """Return the exit code that a shell reports: 128 + n for signal n."""
    return code if code >= 0 else 128 - code


def _guarded(
    command: Sequence[str], env: Mapping[str, str], cwd: Path, log: IO[bytes] | None
) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        [sys.executable, "-I", "-S", GUARD, *command],
        env=dict(env),
        cwd=cwd,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE if log is None else log,
        stderr=subprocess.STDOUT,
        start_new_session=True,  # Ctrl-C reaches only the cloud, which stops its children in order
    )


def _forked(
    command: Sequence[str], env: Mapping[str, str], cwd: Path, log: IO[bytes] | None, server: ForkServer
) -> Fork:
    read, write = os.pipe()
    output = write if log is None else log.fileno()
    with open(os.devnull, "rb") as nothing, os.fdopen(write, "wb"):  # noqa: PTH123 - a device
        fork = server.fork(command, env, str(cwd), (nothing.fileno(), output, output))
    if log is None:
        fork.stdout = os.fdopen(read, "rb")
    else:
        os.close(read)
    return fork


def kill_all() -> None:
    """Kill every child that still runs."""
    for child in list(_alive):
        if child.poll() is None:
            child.kill()
