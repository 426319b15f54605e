"""What a machine's fault is told as: words with a remedy, where the system's own would be a number and a place."""

from __future__ import annotations

import errno

_FULL = (errno.ENOSPC, errno.EDQUOT)
_FULL_TEXT = "No space left on device"  # what a library's own errors quote of the system
INGEST_DISK = "the function's temporary disk; a smaller `ingest.max_bytes` in the spec makes files fit"
TRAINING_DISK = "the training volume; a larger `training.volume_gb` in the spec gives room"
RUN_DISK = "a function's temporary disk; redrive the run, another instance has room"
ANSWER_DISK = "the function's temporary disk; send the request again, another instance has room"


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
    return of_the_machine(error, disk) or f"{type(error).__name__}: {error}"


def of_the_machine(error: BaseException, disk: str) -> str:
    """Say what the machine lacks, as `told`; empty where the error is another."""
    if is_full(error):
        return f"the disk is full: {disk}"
    if isinstance(error, MemoryError):
        return "the memory is used up: give the machine more, or it less to do at once"
    return ""


def quoted(text: str, disk: str) -> str:
    """Give what a service quotes of an error, in words where it is of a full disk."""
    return f"the disk is full: {disk}" if _FULL_TEXT in text else text
