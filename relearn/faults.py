"""Messages about faults of the machine, with a remedy where the system's own message has none."""

from __future__ import annotations

import errno

_FULL = (errno.ENOSPC, errno.EDQUOT)
_FULL_TEXT = "No space left on device"  # system message that libraries quote in their own errors
INGEST_DISK = "the function's temporary disk; a smaller `ingest.max_bytes` in the spec makes files fit"
TRAINING_DISK = "the training volume; a larger `training.volume_gb` in the spec gives room"
RUN_DISK = "a function's temporary disk; redrive the run, another instance has room"
ANSWER_DISK = "the function's temporary disk; send the request again, another instance has room"


def is_full(error: BaseException) -> bool:
    """Return whether an error means that a disk is full."""
    return (isinstance(error, OSError) and error.errno in _FULL) or _FULL_TEXT in str(error)


def told(error: BaseException, disk: str) -> str:
    """Describe an error; a full disk and used-up memory with their remedy.

    Parameters
    ----------
    error
        Any error; others than faults of the machine are described by their class and message.
    disk
        Description of the disk, and of how to get more room.
    """
    return of_the_machine(error, disk) or f"{type(error).__name__}: {error}"


def of_the_machine(error: BaseException, disk: str) -> str:
    """Describe a fault of the machine as `told` does; empty for any other error."""
    if is_full(error):
        return f"the disk is full: {disk}"
    if isinstance(error, MemoryError):
        return "the memory is used up: give the machine more, or it less to do at once"
    return ""


def quoted(text: str, disk: str) -> str:
    """Return an error message of a service, replaced by plain words when it is about a full disk."""
    return f"the disk is full: {disk}" if _FULL_TEXT in text else text
