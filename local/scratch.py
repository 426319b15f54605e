"""Scratch folders: one for each running cloud; those of dead clouds are removed."""

from __future__ import annotations

import os
import shutil
import tempfile
from pathlib import Path

from local.locks import Lock

_PREFIX = "relearn-local-"
_LOCK = "lock"
# Bytes. Containers listen on Unix sockets below the folder. A socket's path has at most 104 bytes on macOS,
# 108 on Linux (unix(7)).
LONGEST = 92
_SHORT = Path("/tmp")  # noqa: S108 - mkdtemp makes a folder of a random name that nobody else can enter


class Scratch:
    """A new scratch folder of this process; creating one removes the folders of clouds that were killed.

    It lies in the machine's temporary folder (``TMPDIR``), or in ``/tmp`` where that path is too long for a
    socket.

    Attributes
    ----------
    path : Path
        The folder.
    """

    def __init__(self) -> None:
        folder = Path(tempfile.gettempdir())
        if len(os.fsencode(folder / f"{_PREFIX}12345678")) > LONGEST:
            folder = _SHORT
        forget_dead(folder)
        self.path = Path(tempfile.mkdtemp(prefix=_PREFIX, dir=folder))
        self._lock = Lock(self.path / f"{_LOCK}.new")
        self._lock.take()
        # Renamed only once it is held, so that no other process finds the lock of a living cloud free.
        (self.path / f"{_LOCK}.new").rename(self.path / _LOCK)

    def remove(self) -> None:
        """Remove the folder and release its lock."""
        shutil.rmtree(self.path, ignore_errors=True)
        self._lock.release()


def forget_dead(folder: Path) -> list[Path]:
    """Remove scratch folders whose clouds are dead and return them; folders of other users stay."""
    dead = []
    for found in folder.glob(f"{_PREFIX}*"):
        if not (found / _LOCK).is_file():
            continue
        lock = Lock(found / _LOCK)
        try:
            lock.take()
        except OSError:
            continue  # its cloud lives, or it is another user's
        shutil.rmtree(found, ignore_errors=True)
        lock.release()
        dead.append(found)
    return dead
