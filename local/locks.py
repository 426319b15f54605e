"""File locks that end with the process that holds them, however it ends (``flock``)."""

from __future__ import annotations

import fcntl
import os
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path


class HeldError(OSError):
    """Another process holds the lock.

    Parameters
    ----------
    pid : int
        Id of that process; 0 when it has not written it yet.
    """

    def __init__(self, pid: int) -> None:
        super().__init__(f"held by process {pid or 'unknown'}")
        self.pid = pid


class Lock:
    """An exclusive lock on a file; child processes do not inherit it.

    Parameters
    ----------
    file : Path
        The lock file, which holds the process id of the holder; its folder must exist.
    """

    def __init__(self, file: Path) -> None:
        self._file = file
        self._held: int | None = None

    def take(self) -> None:
        """Acquire the lock without waiting.

        Raises
        ------
        HeldError
            When another process holds it.
        OSError
            When the file cannot be written.
        """
        held = os.open(self._file, os.O_RDWR | os.O_CREAT, 0o600)
        try:
            fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            said = os.read(held, 20)
            os.close(held)
            raise HeldError(int(said) if said.isdigit() else 0) from error
        os.truncate(held, 0)
        os.pwrite(held, str(os.getpid()).encode(), 0)
        self._held = held

    def release(self) -> None:
        """Release the lock; do nothing when it is not held."""
        if self._held is not None:
            os.close(self._held)
            self._held = None
