"""Runs one command and kills it when the parent process goes away.

``local.processes`` starts it as a script. The parent holds the other end of this process's standard input.
When that end is closed, on purpose or because the parent died, the command's whole process group is killed.
SIGTERM is passed on. This works on every system with POSIX process groups; on Linux the command also dies
with the guard itself.
"""

import contextlib
import ctypes
import os
import signal
import subprocess
import sys
import threading

PR_SET_PDEATHSIG = 1


def _die_with_guard() -> None:
    os.setpgid(0, 0)
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)


def main(command: list[str]) -> int:
    """Run the command and return its exit code, 128 + n when signal n ended it."""
    child = subprocess.Popen(command, stdin=subprocess.DEVNULL, preexec_fn=_die_with_guard)  # noqa: PLW1509

    def kill(number: int) -> None:
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(child.pid, number)

    def watch() -> None:
        while os.read(0, 1):
            pass
        kill(signal.SIGKILL)

    signal.signal(signal.SIGTERM, lambda *_: kill(signal.SIGTERM))
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=watch, daemon=True).start()
    code = child.wait()
    kill(signal.SIGKILL)
    return code if code >= 0 else 128 - code


if __name__ == "__main__":
    status = main(sys.argv[1:])
    sys.stdout.flush()
    os._exit(status)  # the watching thread may still be reading
