"""A door behind a limit: it is asked in a process of its own, which ends when it takes too much, and another takes its place.

The limit on time is one of the processor's, which a busy machine does not use up; only who waits for nothing at all is found
by a clock.
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
"""Of the processor, for one door and one input; the slowest takes less than a tenth."""
SILENT_SECONDS = 600.0
"""After so long without a word a door waits for nothing."""
MEMORY_BYTES = 4 * 1024**3
"""What a door's process may hold; the container with the least memory has half of it."""


class OverrunError(Exception):
    """A door took more than it may, and decided nothing."""


class Limited(Generic[Asked, Answered]):
    """Answers in a child process.

    Parameters
    ----------
    make
        Makes, in the child, what answers; a function of a module, so that a new process finds it.
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
        """Ask; in a new process when the last one has ended.

        Raises
        ------
        OverrunError
            Time or memory was used up, or the process ended otherwise.
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
        """Say what ended the process, and forget it."""
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
    """Answer in the child, until nobody asks."""
    cpu_seconds, memory_bytes = limits
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # handlers print what they measure
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
