"""The laptop cloud as a child process: start, wait and stop."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Self

from demo.errors import CloudEndedError

_POLL_SECONDS = 0.05


def command(options: Sequence[str]) -> list[str]:
    """Return the command line of a laptop cloud.

    Parameters
    ----------
    options
        Options of ``python -m local``.
    """
    return [sys.executable, "-m", "local", *options]


class Cloud:
    """One laptop cloud; a context manager that starts it and leaves no process running.

    It prints to this program's output. It runs in its own session, so that Ctrl-C on a terminal reaches only
    this program, which then stops the cloud once. It reads from a pipe of this program, so that it also stops
    when this program is killed.

    Parameters
    ----------
    command
        Command line, see `command`; ``--attached`` is added, so that it stops when its standard input ends.
    info
        The file in which the cloud describes itself once everything is deployed.
    """

    def __init__(self, command: Sequence[str], info: Path) -> None:
        self._command, self._info = command, info
        self._process: subprocess.Popen[bytes]

    def __enter__(self) -> Self:
        self._process = subprocess.Popen(
            [*self._command, "--attached"], stdin=subprocess.PIPE, start_new_session=True
        )
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def wait_until_up(self) -> None:
        """Wait, without a time limit, until everything is deployed.

        The cloud ends by itself when the deployment fails.

        Raises
        ------
        CloudEndedError
            When the cloud ends first.
        """
        while _pid(self._info) != self._process.pid:
            self._look(_POLL_SECONDS)

    def check(self) -> None:
        """Raise an error if the cloud has ended.

        Raises
        ------
        CloudEndedError
            When the cloud has ended.
        """
        self._look(0)

    def wait(self) -> None:
        """Wait until the cloud is stopped from outside.

        Raises
        ------
        CloudEndedError
            When the cloud failed or was killed.
        """
        try:
            while True:  # in steps: a signal just before an endless wait would go unnoticed
                self._look(1)
        except CloudEndedError as error:
            if error.exit_code:
                raise

    def stop(self) -> None:
        """Stop the cloud and wait for its end; kill it when this program is interrupted meanwhile."""
        self._process.terminate()
        try:
            self._process.wait()
        except BaseException:
            self._process.kill()
            raise
        finally:
            if self._process.stdin is not None:
                self._process.stdin.close()

    def _look(self, seconds: float) -> None:
        try:
            status = self._process.wait(seconds)
        except subprocess.TimeoutExpired:
            return
        raise CloudEndedError(status)


def _pid(info: Path) -> int | None:
    """Return the process id of the cloud that a file describes; None when it describes none.

    A killed cloud leaves its file, which the next cloud removes.
    """
    try:
        about = json.loads(info.read_bytes())
    except (OSError, ValueError):
        return None
    pid: int | None = about.get("pid") if isinstance(about, dict) else None
    return pid
