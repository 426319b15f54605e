"""Runs a door in a child process with limits; the process ends when it exceeds one, and is replaced.

The time limit is processor time, which does not depend on how busy the machine is. A wall-clock limit finds
only a process that waits for ever.
"""

from __future__ import annotations

import multiprocessing
import os
import resource
import signal
import sys
from collections.abc import Callable
from contextlib import AbstractContextManager
from multiprocessing.connection import Connection
from typing import Generic, Self, TypeVar

Asked = TypeVar("Asked")
Answered = TypeVar("Answered")

CPU_SECONDS = 20
"""Processor time for one door and one input, in seconds; the slowest takes less than a tenth."""
SILENT_SECONDS = 600.0
"""Wall-clock seconds without an answer after which a door counts as waiting for ever."""
MEMORY_BYTES = 4 * 1024**3
"""Maximum memory of a door's process; the smallest container has half of it."""


class OverrunError(Exception):
    """A door exceeded a limit and decided nothing."""


class Limited(Generic[Asked, Answered]):
    """Answers questions in a child process with limits.

    Parameters
    ----------
    make
        Context manager, called in the child, that yields the answering function; it must be importable from
        its module.
    cpu_seconds, silent_seconds, memory_bytes
        The limits.
    """

    def __init__(
        self,
        make: Callable[[], AbstractContextManager[Callable[[Asked], Answered]]],
        *,
        cpu_seconds: int = CPU_SECONDS,
        silent_seconds: float = SILENT_SECONDS,
        memory_bytes: int = MEMORY_BYTES,
    ) -> None:
        self._make = make
        self._cpu_seconds = cpu_seconds
        self._silent_seconds = silent_seconds
        self._memory_bytes = memory_bytes
        self._spawn = multiprocessing.get_context("spawn")
        self._child: multiprocessing.process.BaseProcess | None = None
        self._pipe: Connection | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._end()

    def __call__(self, asked: Asked) -> Answered:
        """Return the child's answer, in a new process when the last one has ended.

        Raises
        ------
        OverrunError
            When a limit is exceeded, or the process ends otherwise.
        ChildProcessError
            When `make` fails in the child.
        """
        pipe = self._pipe or self._begin()
        pipe.send(asked)
        try:
            if pipe.poll(self._silent_seconds):
                answered: Answered = pipe.recv()
                return answered
        except (EOFError, ConnectionError):
            raise OverrunError(self._ended()) from None
        self._end()
        raise OverrunError(f"no answer in {self._silent_seconds:.0f} s, without work")

    def _begin(self) -> Connection:
        self._pipe, end = self._spawn.Pipe()
        limits = (self._cpu_seconds, self._memory_bytes)
        self._child = self._spawn.Process(target=_answer, args=(end, self._make, limits), daemon=True)
        self._child.start()
        end.close()
        try:
            self._pipe.recv()  # it is ready
        except EOFError:
            raise ChildProcessError("what answers could not be made; its own words are above") from None
        return self._pipe

    def _ended(self) -> str:
        """Return what ended the process, and forget it."""
        code = self._end()
        if code == -signal.SIGXCPU:
            return f"more than {self._cpu_seconds} s of the processor"
        return f"its process ended with {code}"

    def _end(self) -> int | None:
        if self._child is None or self._pipe is None:
            return None
        self._pipe.close()
        self._child.join(1)
        if self._child.exitcode is None:
            self._child.kill()
            self._child.join()
        code = self._child.exitcode
        self._child = self._pipe = None
        return code


def _answer(
    pipe: Connection,
    make: Callable[[], AbstractContextManager[Callable[[Asked], Answered]]],
    limits: tuple[int, int],
) -> None:
    """Answer in the child until the pipe is closed."""
    cpu_seconds, memory_bytes = limits
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # handlers print logs and metrics
    with make() as answer:
        pipe.send(None)
        resource.setrlimit(resource.RLIMIT_DATA, (memory_bytes, resource.RLIM_INFINITY))
        while True:
            try:
                asked = pipe.recv()
            except EOFError:
                return
            used = resource.getrusage(resource.RUSAGE_SELF)
            until = int(used.ru_utime + used.ru_stime) + 1 + cpu_seconds
            resource.setrlimit(resource.RLIMIT_CPU, (until, resource.RLIM_INFINITY))
            pipe.send(answer(asked))
