"""Time limit of a check: a file that takes too long is refused with a reason instead of being cut off."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from relearn.errors import DataError
from relearn.lifecycle.uploads import TOO_SLOW

_INTERRUPT_AGAIN_SECONDS = 0.2


class Deadline:
    """Time limit of one check, measured from its construction.

    Parameters
    ----------
    seconds
        Time allowed, in seconds; None: no limit.
    clock
        Monotonic clock, in seconds.

    Attributes
    ----------
    progress
        What the check has read so far, in words for an error message.
    """

    def __init__(self, seconds: float | None, clock: Callable[[], float] = time.monotonic) -> None:
        self.progress = ""
        self._seconds = seconds
        self._clock = clock
        self._began = clock()

    @property
    def passed(self) -> bool:
        """Whether the time limit is exceeded."""
        return self._seconds is not None and self._clock() - self._began >= self._seconds

    def check(self, progress: str) -> None:
        """Record the progress of the check; raise when its time is up.

        Raises
        ------
        DataError
            The time limit is exceeded (code ``too_slow``).
        """
        self.progress = progress
        if self.passed:
            raise self.error()

    def error(self) -> DataError:
        """Return the error ``too_slow``: the limit, the progress so far, and what helps."""
        so_far = f" after {self.progress}" if self.progress else ""
        return DataError(
            TOO_SLOW,
            f"its check took longer than {self._seconds:g} s and was stopped{so_far}; allowed: {self._seconds:g} s; "
            "split the file into smaller ones, or send it as Parquet",
        )

    @contextmanager
    def interrupting(self, interrupt: Callable[[], None]) -> Iterator[None]:
        """Call ``interrupt`` when the time is up, and repeat until the block has ended.

        It repeats because the block runs several queries: an interrupt between two of them stops neither.
        """
        if self._seconds is None:
            yield
            return
        over = threading.Event()
        left = self._seconds - (self._clock() - self._began)
        watcher = threading.Thread(target=_interrupt, args=(over, left, interrupt), daemon=True)
        watcher.start()
        try:
            yield
        finally:
            over.set()
            watcher.join()


def _interrupt(over: threading.Event, seconds: float, interrupt: Callable[[], None]) -> None:
    wait = max(seconds, 0.0)
    while not over.wait(wait):
        interrupt()
        wait = _INTERRUPT_AGAIN_SECONDS
