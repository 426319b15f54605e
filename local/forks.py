"""Processes forked from a server process that has imported what they need (``local.forkserver``)."""

from __future__ import annotations

import contextlib
import json
import os
import select
import signal
import socket
import subprocess
import sys
import threading
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

from local.forkserver import LENGTH, ROOM

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence

SERVER = str(Path(__file__).with_name("forkserver.py"))


class Fork:
    """A forked process, with the part of the interface of ``subprocess.Popen`` that the cloud uses.

    Parameters
    ----------
    command : sequence of str
        The command line that it runs.
    status : int
        File descriptor of the pipe that carries the process id and, at the end, the exit code.

    Attributes
    ----------
    stdin, stdout, stderr : IO or None
        This side of its standard streams; None until the caller of ``ForkServer.fork`` sets them.

    Raises
    ------
    BrokenPipeError
        When the server ends before it has forked the process.
    """

    def __init__(self, command: Sequence[str], status: int) -> None:
        self.args = list(command)
        self.stdin: IO[Any] | None = None
        self.stdout: IO[Any] | None = None
        self.stderr: IO[Any] | None = None
        self.returncode: int | None = None
        self._status = os.fdopen(status, "rb", buffering=0)
        self._lock = threading.Lock()
        first = self._status.readline()
        if not first:
            raise BrokenPipeError("the server that forks processes ended")
        self.pid = int(first)

    def poll(self) -> int | None:
        """Return the exit code; None while the process runs."""
        with contextlib.suppress(subprocess.TimeoutExpired):
            self.wait(0)
        return self.returncode

    def wait(self, timeout: float | None = None) -> int:
        """Wait for the process and return its exit code, which is negative when a signal ended it.

        Raises
        ------
        subprocess.TimeoutExpired
            When it still runs after `timeout` seconds; None waits without limit.
        """
        end = select.poll()
        if self.returncode is None:
            end.register(self._status, select.POLLIN)
            if not end.poll(None if timeout is None else timeout * 1000):
                raise subprocess.TimeoutExpired(self.args, timeout or 0)
        with self._lock:
            if self.returncode is None:
                self.returncode = int(self._status.readline() or -signal.SIGKILL)
        return self.returncode

    def terminate(self) -> None:
        """Send SIGTERM to the process and to what it started."""
        self._signal(signal.SIGTERM)

    def kill(self) -> None:
        """Send SIGKILL to the process and to what it started."""
        self._signal(signal.SIGKILL)

    def _signal(self, number: signal.Signals) -> None:
        if self.poll() is None:
            with contextlib.suppress(ProcessLookupError, PermissionError):  # it has ended meanwhile
                os.killpg(self.pid, number)


class ForkServer:
    """A process that forks others; started at first use, and again when it has died.

    Parameters
    ----------
    imports : sequence of str
        Modules that it imports before it forks.
    allowed : collection of str or None
        Installed top-level modules that these may import; None allows all.
    options : sequence of str
        Options of Python that every command has before its script or ``-m``.
    environment : mapping or None
        The whole environment of the server; None passes on that of this process.
    """

    def __init__(
        self,
        imports: Sequence[str],
        *,
        allowed: Collection[str] | None = None,
        options: Sequence[str] = (),
        environment: Mapping[str, str] | None = None,
    ) -> None:
        self._imports = {"modules": list(imports), "allowed": allowed and sorted(allowed)}
        self._options, self._environment = list(options), environment
        self._lock = threading.Lock()
        self._socket: socket.socket | None = None
        self._process: subprocess.Popen[bytes] | None = None

    def fork(
        self,
        command: Sequence[str],
        environment: Mapping[str, str],
        folder: str,
        streams: tuple[int, int, int],
    ) -> Fork:
        """Run a Python program in a forked process.

        Parameters
        ----------
        command : sequence of str
            ``[sys.executable, *options, script, ...]``, or ``"-m", module`` in place of the script.
        environment : mapping
            The whole environment of the process.
        folder : str
            Working directory of the process.
        streams : tuple of int
            File descriptors of its standard input, output and error; they stay open in this process.
        """
        command = list(command)
        program = command[1 + len(self._options) :]
        request = {"command": command, "program": program, "environment": dict(environment), "folder": folder}
        status, theirs = os.pipe()
        try:
            with self._lock:
                self._send(json.dumps(request).encode(), [*streams, theirs])
        finally:
            os.close(theirs)
        return Fork(command, status)

    def close(self) -> None:
        """Terminate the server, which kills every process that it forked."""
        with self._lock:
            if self._socket and self._process:
                self._socket.close()
                self._process.wait()
                self._socket = None

    def _send(self, request: bytes, descriptors: list[int]) -> None:
        if self._socket is None or self._process is None or self._process.poll() is not None:
            self._start()
        connection: Any = self._socket
        socket.send_fds(connection, [LENGTH.pack(len(request))], descriptors)
        connection.sendall(request)

    def _start(self) -> None:
        self._socket, theirs = socket.socketpair()
        with theirs:
            self._process = subprocess.Popen(
                [sys.executable, *self._options, "-P", SERVER, json.dumps(self._imports), " " * ROOM],
                env=self._environment,
                stdin=theirs.fileno(),
                stdout=subprocess.DEVNULL,
                start_new_session=True,  # Ctrl-C reaches only the cloud, which stops its children in order
            )
