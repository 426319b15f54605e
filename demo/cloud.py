"""The laptop cloud as a child process: started, waited for and stopped."""

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
        Of ``python -m local``.
    """
    return [sys.executable, "-m", "local", *options]


class Cloud:
    """One laptop cloud; a context manager that starts it and leaves nothing running.

    It prints to this program's output. It has a session of its own, so that Ctrl-C on a terminal reaches this program alone,
    which then stops the cloud once; and it holds the end of a pipe, so that it also stops when this program is killed.

    Parameters
    ----------
    command
        What to run, see `command`; with ``--attached``, it stops when its standard input ends.
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
        """Wait until everything is deployed and described; it has no time limit, for the cloud ends when a deployment fails.

        Raises
        ------
        CloudEndedError
            It ended before.
        """
        while _pid(self._info) != self._process.pid:
            self._look(_POLL_SECONDS)

    def check(self) -> None:
        """Do nothing while it runs.

        Raises
        ------
        CloudEndedError
            It ended.
        """
        self._look(0)

    def wait(self) -> None:
        """Wait until someone else stops it.

        Raises
        ------
        CloudEndedError
            It was not stopped; it failed, or was killed.
        """
        try:
            while True:  # not one endless wait: a signal that comes just before it blocks would go unnoticed
                self._look(1)
        except CloudEndedError as error:
            if error.exit_code:
                raise

    def stop(self) -> None:
        """Ask it to stop and wait until it has; kill it when this program is interrupted again meanwhile."""
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

    A cloud that was killed leaves its description, which the next one removes.
    """
    try:
        about = json.loads(info.read_bytes())
    except (OSError, ValueError):
        return None
    pid: int | None = about.get("pid") if isinstance(about, dict) else None
    return pid
