"""Scratch folders: one for each cloud, and none of a cloud that died."""

from __future__ import annotations

import os
import shutil
import tempfile
from pathlib import Path

from local.locks import Lock

_PREFIX = "relearn-local-"
_LOCK = "lock"
# Containers listen on sockets below it. An address of a socket has 104 characters on macOS, 108 on Linux (unix(7)).
LONGEST = 92
_SHORT = Path("/tmp")  # noqa: S108 - mkdtemp makes a folder of a random name that nobody else can enter


class Scratch:
    """A folder of this process's own; those of clouds that were killed are removed when it is made.

    It is made where the machine keeps temporary files (``TMPDIR``), or in ``/tmp`` where that name is too long for the
    address of a socket.

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
        # Under this name only once it is held: who looks for dead clouds sees no lock of a living one that is free.
        (self.path / f"{_LOCK}.new").rename(self.path / _LOCK)

    def remove(self) -> None:
        """Remove the folder."""
        shutil.rmtree(self.path, ignore_errors=True)
        self._lock.release()


def forget_dead(folder: Path) -> list[Path]:
    """Remove the scratch folders in a folder whose clouds are dead, and give them; others' are left alone."""
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
