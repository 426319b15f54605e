"""Processes forked from a server process that has imported the AWS SDK (``local.forkserver``)."""

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
from typing import TYPE_CHECKING, Any

from local.forkserver import LENGTH, ROOM

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

SERVER = str(Path(__file__).with_name("forkserver.py"))


class Fork:
    """A forked process, with the part of the interface of ``subprocess.Popen`` that MiniStack uses.

    Parameters
    ----------
    command : sequence of str
        The command line that it runs.
    streams : tuple of int
        File descriptors of this side's pipe ends for standard input, output and error.
    status : int
        File descriptor of the pipe that carries the process id and, at the end, the exit code.

    Raises
    ------
    BrokenPipeError
        When the server ends before it has forked the process.
    """

    def __init__(self, command: Sequence[str], streams: tuple[int, int, int], status: int) -> None:
        self.args = command
        self.stdin = os.fdopen(streams[0], "w", buffering=1)
        self.stdout, self.stderr = (os.fdopen(one) for one in streams[1:])
        self._status = os.fdopen(status, "rb", buffering=0)
        self._lock = threading.Lock()
        self.returncode: int | None = None
        first = self._line()
        if not first:
            raise BrokenPipeError("the server that forks functions' processes ended")
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
        with self._lock:
            if self.returncode is None:
                ended = select.poll()
                ended.register(self._status, select.POLLIN)
                if not ended.poll(None if timeout is None else timeout * 1000):
                    raise subprocess.TimeoutExpired(list(self.args), timeout or 0)
                self.returncode = int(self._line() or -signal.SIGKILL)
                self._status.close()
            return self.returncode

    def terminate(self) -> None:
        """Send SIGTERM."""
        self._signal(signal.SIGTERM)

    def kill(self) -> None:
        """Send SIGKILL."""
        self._signal(signal.SIGKILL)

    def _signal(self, number: signal.Signals) -> None:
        if self.poll() is None:
            with contextlib.suppress(ProcessLookupError):
                os.kill(self.pid, number)

    def _line(self) -> bytes:
        return self._status.readline()


class ForkServer:
    """The process that forks others; started at first use, and again when it has died."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._socket: socket.socket | None = None
        self._process: subprocess.Popen[bytes] | None = None

    def fork(self, command: Sequence[str], environment: Mapping[str, str], folder: str) -> Fork:
        """Run a Python script in a forked process.

        Parameters
        ----------
        command : sequence of str
            ``[sys.executable, script, ...]``.
        environment : mapping
            The whole environment of the process.
        folder : str
            Working directory of the process.
        """
        request = json.dumps({"command": command, "environment": environment, "folder": folder}).encode()
        theirs, ours = [], []
        for reads in (True, False, False, False):
            ends = os.pipe()
            theirs.append(ends[0 if reads else 1])
            ours.append(ends[1 if reads else 0])
        try:
            with self._lock:
                self._send(request, theirs)
        finally:
            for end in theirs:
                os.close(end)
        return Fork(command, (ours[0], ours[1], ours[2]), ours[3])

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
                [sys.executable, "-P", SERVER, " " * ROOM],
                stdin=theirs.fileno(),
                stdout=subprocess.DEVNULL,
                start_new_session=True,  # Ctrl-C reaches only the cloud, which stops its children in order
            )
