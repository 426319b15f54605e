"""What a machine's fault is told as: words with a remedy, where the system's own would be a number and a place."""

from __future__ import annotations

import errno

_FULL = (errno.ENOSPC, errno.EDQUOT)
_FULL_TEXT = "No space left on device"  # what a library's own errors quote of the system
INGEST_DISK = "the function's temporary disk; a smaller `ingest.max_bytes` in the spec makes files fit"
TRAINING_DISK = "the training volume; a larger `training.volume_gb` in the spec gives room"


def is_full(error: BaseException) -> bool:
    """Whether there was no room left on a disk."""
    return (isinstance(error, OSError) and error.errno in _FULL) or _FULL_TEXT in str(error)


def told(error: BaseException, disk: str) -> str:
    """Say what went wrong.

    Parameters
    ----------
    error
        Any; one that is no fault of the machine is told by its class and what it says.
    disk
        Which disk is written to, and how there can be more room.
    """
    if is_full(error):
        return f"the disk is full: {disk}"
    if isinstance(error, MemoryError):
        return "the memory is used up: give the machine more, or it less to do at once"
    return f"{type(error).__name__}: {error}"
