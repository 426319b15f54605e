"""Messages for faults of this machine in records that users read, without file paths."""

from __future__ import annotations

import errno
import re

_FULL = "No space left on device"
_PATH = re.compile(r"(?<![\w:/.-])/(?:[\w.+@-]+/)+[\w.+@-]*")
_WORDS = {
    errno.ENOSPC: "the disk is full: free some space, then try again",
    errno.EDQUOT: "the disk is full: free some space, then try again",
    errno.ENOMEM: "the memory is used up: stop something else, then try again",
    errno.EMFILE: "too many files are open: raise the limit (ulimit -n), then try again",
    errno.ENFILE: "too many files are open: raise the limit (ulimit -n), then try again",
    errno.EROFS: "the disk takes no writing: mount it so that it does",
    errno.EACCES: "a file may not be used: give the user of the laptop cloud the right to",
    errno.EPERM: "a file may not be used: give the user of the laptop cloud the right to",
    errno.ENOENT: "a file is gone that was there before: something else removes files of the laptop cloud",
    errno.EIO: "the disk fails: look at its health",
    errno.ECONNREFUSED: "nothing answers there any more",
    errno.ECONNRESET: "the other side closed it",
    errno.EPIPE: "the other side closed it",
}


def told(error: BaseException) -> str:
    """Return a message for an error that may come from the operating system.

    File paths are replaced by "(a file)".
    """
    if isinstance(error, MemoryError):
        return _WORDS[errno.ENOMEM]
    if _FULL in str(error):  # a library's error may quote the system's
        return _WORDS[errno.ENOSPC]
    if isinstance(error, OSError) and error.errno is not None:
        return _WORDS.get(error.errno) or (error.strerror or type(error).__name__).lower()
    return _PATH.sub("(a file)", str(error)) or type(error).__name__
