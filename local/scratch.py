"""Scratch folders: one for each cloud, and none of a cloud that died."""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path

from local.locks import Lock

_PREFIX = "relearn-local-"
_LOCK = "lock"


class Scratch:
    """A folder of this process's own; those of clouds that were killed are removed when it is made.

    Attributes
    ----------
    path : Path
        The folder.
    """

    def __init__(self) -> None:
        forget_dead(Path(tempfile.gettempdir()))
        self.path = Path(tempfile.mkdtemp(prefix=_PREFIX))
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
