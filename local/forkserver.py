"""Fork server for Python processes; the AWS SDK, most of a function's cold start, is already imported.

``local.forks`` starts it as a script. Standard input is a socket. Each request carries the command line,
environment and folder as JSON, and the file descriptors of the three standard streams and of a status pipe.
This process writes the process id to the status pipe, and the exit code when the process ends. When the
socket is closed, on purpose or because the cloud died, every forked process is killed.

The command is executed instead of forked when its environment sets other ``PYTHON`` variables than this
process has, or when its folder holds a module whose name is already imported here.
"""

from __future__ import annotations

import contextlib
import ctypes
import gc
import importlib
import importlib.abc
import json
import os
import runpy
import select
import signal
import socket
import struct
import sys
import time
from typing import Any, NoReturn

LENGTH = struct.Struct("!I")
DESCRIPTORS = 4
ROOM = 512
"""Length in bytes of the last argument, the space in which a forked process shows its command line."""
SDK = frozenset({"boto3", "botocore", "dateutil", "jmespath", "s3transfer", "six", "urllib3"})
"""Top-level modules that Lambda's Python runtime has in addition to the standard library."""
_IMPORTED = ("traceback", "boto3", "botocore.handlers")


class _OnlyTheSdk(importlib.abc.MetaPathFinder):
    """Import hook that refuses installed packages that the SDK would use but Lambda lacks."""

    def find_spec(self, name: str, path: object = None, _target: object = None) -> None:
        if path is None and name not in SDK and name not in sys.stdlib_module_names:
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)


def main() -> None:
    """Serve fork requests until the socket is closed, then kill every forked process."""
    only = _OnlyTheSdk()
    sys.meta_path.insert(0, only)
    for name in _IMPORTED:
        importlib.import_module(name)
    sys.meta_path.remove(only)
    gc.freeze()  # a garbage collection in a forked process would copy every shared page
    requests = socket.socket(fileno=0)
    woken, wake = socket.socketpair()
    for end in (woken, wake):
        end.setblocking(False)
    signal.signal(signal.SIGCHLD, lambda *_: None)
    signal.set_wakeup_fd(wake.fileno(), warn_on_full_buffer=False)
    running: dict[int, int] = {}
    while True:
        ready, _, _ = select.select([requests, woken], [], [])
        if woken in ready:
            woken.recv(4096)
            _reap(running)
        if requests in ready:
            received = _receive(requests)
            if received is None:
                break
            _start(*received, running)
    signal.set_wakeup_fd(-1)
    for process in running:
        os.kill(process, signal.SIGKILL)
        os.waitpid(process, 0)


def _receive(requests: socket.socket) -> tuple[dict[str, Any], list[int]] | None:
    """Return the next request and its file descriptors; None when the socket is closed."""
    head, descriptors, _, _ = socket.recv_fds(requests, LENGTH.size, DESCRIPTORS)
    content = bytearray()
    while head and len(content) < LENGTH.unpack(head)[0]:
        part = requests.recv(LENGTH.unpack(head)[0] - len(content))
        if not part:
            return None
        content += part
    return (json.loads(content), descriptors) if head else None


def _start(request: dict[str, Any], descriptors: list[int], running: dict[int, int]) -> None:
    process = os.fork()
    if process == 0:
        _run(request, descriptors, running)
    for descriptor in descriptors[:-1]:
        os.close(descriptor)
    running[process] = descriptors[-1]
    os.write(descriptors[-1], b"%d\n" % process)


def _reap(running: dict[int, int]) -> None:
    """Report the exit code of every process that has ended."""
    while running:
        process, status = os.waitpid(-1, os.WNOHANG)
        if process == 0:
            return
        descriptor = running.pop(process)
        with contextlib.suppress(BrokenPipeError):
            os.write(descriptor, b"%d\n" % os.waitstatus_to_exitcode(status))
        os.close(descriptor)


def _run(request: dict[str, Any], descriptors: list[int], running: dict[int, int]) -> NoReturn:
    """Turn this forked process into the requested command."""
    signal.set_wakeup_fd(-1)
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    for stream, descriptor in enumerate(descriptors[:3]):
        os.dup2(descriptor, stream)
    for descriptor in (*descriptors, *running.values()):
        os.close(descriptor)
    command, environment = request["command"], request["environment"]
    os.chdir(request["folder"])
    if _starts_otherwise(environment):
        os.execve(command[0], command, environment)  # noqa: S606 - the cloud's own command
    os.environ.clear()
    os.environ.update(environment)
    time.tzset()
    _show(command)
    sys.argv = command[1:]
    sys.path.insert(0, os.path.dirname(command[1]))  # noqa: PTH120 - as Python itself does
    runpy.run_path(command[1], run_name="__main__")
    sys.exit()


def _starts_otherwise(environment: dict[str, str]) -> bool:
    """Whether ``PYTHON`` variables differ, or an imported module would shadow one of the folder."""
    asked, here = (
        {key: value for key, value in one.items() if key.startswith("PYTHON")}
        for one in (environment, os.environ)
    )
    modules = {name.partition(".")[0] for name in os.listdir()}  # noqa: PTH208 - names alone
    return asked != here or bool(modules & sys.modules.keys())


def _show(command: list[str]) -> None:
    """Make ``ps`` show the command instead of this server's; on Linux only."""
    if sys.platform != "linux":
        return
    with open("/proc/self/stat") as file:  # noqa: PTH123 - nothing more is imported than is needed
        start, end = (int(field) for field in file.read().rpartition(")")[2].split()[45:47])
    shown = b"\0".join(os.fsencode(argument) for argument in command)[: end - start - 1]
    ctypes.memmove(start, shown.ljust(end - start, b"\0"), end - start)


if __name__ == "__main__":
    main()
