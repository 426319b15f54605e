"""Fork server for Python processes; modules that take long to import are already imported.

``local.forks`` starts it as a script; its first argument names the modules. Standard input is a socket. Each
request carries the command line, environment and folder as JSON, and the file descriptors of the three standard
streams and of a status pipe. This process writes the process id to the status pipe, and the exit code when the
process ends; what that process started is killed then. When the socket is closed, on purpose or because the
cloud died, every forked process is killed.

The command is executed instead of forked when its environment sets other variables that Python or a library
reads at its start than this process has, or when its folder holds a module whose name is already imported here.
"""

from __future__ import annotations

import atexit
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
import tempfile
import threading
import time
from collections.abc import Container, Sequence
from typing import Any, NoReturn

LENGTH = struct.Struct("!I")
DESCRIPTORS = 4
ROOM = 512
"""Length in bytes of the last argument, the space in which a forked process shows its command line."""
PR_SET_PDEATHSIG = 1
_READ_AT_START = ("PYTHON", "LD_", "OMP_", "OPENBLAS_", "MKL_", "SCIPY_", "SKLEARN_")
"""Prefixes of environment variables that Python or a library reads only once, at its start or import."""


class _Only(importlib.abc.MetaPathFinder):
    """Import hook that refuses installed packages that the imported modules would use but may not."""

    def __init__(self, allowed: Container[str]) -> None:
        self._allowed = allowed

    def find_spec(self, name: str, path: object = None, _target: object = None) -> None:
        if path is None and name not in self._allowed and name not in sys.stdlib_module_names:
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)


def main() -> None:
    """Serve fork requests until the socket is closed, then kill every forked process."""
    _import(**json.loads(sys.argv[1]))
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
        _kill_group(process)
        os.waitpid(process, 0)
    os._exit(0)  # skips finalisers of libraries, which have nothing to save here


def _import(modules: Sequence[str], allowed: Container[str] | None) -> None:
    """Import modules; with `allowed`, these may import no other installed packages."""
    if allowed is not None:
        sys.meta_path.insert(0, _Only(allowed))
    for name in modules:
        importlib.import_module(name)
    if allowed is not None:
        del sys.meta_path[0]


def _kill_group(process: int) -> None:
    with contextlib.suppress(ProcessLookupError, PermissionError):  # the group has no process left
        os.killpg(process, signal.SIGKILL)


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
    with contextlib.suppress(
        ProcessLookupError, PermissionError
    ):  # the process has done it itself, or has ended
        os.setpgid(process, process)
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
        _kill_group(process)
        descriptor = running.pop(process)
        with contextlib.suppress(BrokenPipeError):
            os.write(descriptor, b"%d\n" % os.waitstatus_to_exitcode(status))
        os.close(descriptor)


def _run(request: dict[str, Any], descriptors: list[int], running: dict[int, int]) -> NoReturn:
    """Turn this forked process into the requested command."""
    os.setpgid(0, 0)
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
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
    tempfile.tempdir = None
    time.tzset()
    _show(command)
    path = [one for one in environment.get("PYTHONPATH", "").split(os.pathsep) if one]
    sys.path[:] = [*path, *(one for one in sys.path if one not in path)]
    code = 1
    try:
        _run_program(*request["program"])
        code = 0
    except SystemExit as error:
        code = error.code if isinstance(error.code, int) else int(error.code is not None)
        if isinstance(error.code, str):
            sys.stderr.write(f"{error.code}\n")
    except BaseException:  # noqa: BLE001 - Python itself shows whatever ends a program
        sys.excepthook(*sys.exc_info())
    _end(code)


def _run_program(first: str, *rest: str) -> None:
    """Run a script, or the module after ``-m``, as ``__main__``."""
    if first == "-m":
        sys.argv = list(rest)
        sys.path.insert(0, os.getcwd())  # noqa: PTH109 - as Python itself does
        runpy.run_module(rest[0], run_name="__main__", alter_sys=True)
    else:
        sys.argv = [first, *rest]
        sys.path.insert(0, os.path.dirname(first))  # noqa: PTH120 - as Python itself does
        runpy.run_path(first, run_name="__main__")


def _end(code: int) -> NoReturn:
    """Exit like a fork of ``multiprocessing``, because finalisers of libraries would join threads of the server."""
    threading._shutdown()  # type: ignore[attr-defined]  # noqa: SLF001 - waits for the threads that Python waits for
    atexit._run_exitfuncs()  # noqa: SLF001
    for stream in (sys.stdout, sys.stderr):
        with contextlib.suppress(OSError, ValueError):
            stream.flush()
    os._exit(code)


def _starts_otherwise(environment: dict[str, str]) -> bool:
    """Whether variables read at start differ, or an imported module would shadow one of the folder."""
    asked, here = (
        {
            name: value
            for name, value in one.items()
            if name.startswith(_READ_AT_START) and name != "PYTHONPATH"
        }
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
