"""Until when a check has to be done, so that a file that takes too long is refused with a reason and not cut off."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from relearn.errors import DataError
from relearn.lifecycle.uploads import TOO_SLOW

_INTERRUPT_AGAIN_SECONDS = 0.2


class Deadline:
    """The time that one check has.

    Parameters
    ----------
    seconds
        How much of it; None: as much as it takes.
    clock
        Gives seconds that only grow.

    Attributes
    ----------
    progress
        What the check has done so far, in words.
    """

    def __init__(self, seconds: float | None, clock: Callable[[], float] = time.monotonic) -> None:
        self.progress = ""
        self._seconds = seconds
        self._clock = clock
        self._began = clock()

    @property
    def passed(self) -> bool:
        """Whether the time is up."""
        return self._seconds is not None and self._clock() - self._began >= self._seconds

    def check(self, progress: str) -> None:
        """Note how far the check is, and stop it when its time is up.

        Raises
        ------
        DataError
            The time is up (code ``too_slow``).
        """
        self.progress = progress
        if self.passed:
            raise self.error()

    def error(self) -> DataError:
        """Make the reason: what was allowed, how far the check came, and what helps."""
        so_far = f" after {self.progress}" if self.progress else ""
        return DataError(
            TOO_SLOW,
            f"its check took longer than {self._seconds:g} s and was stopped{so_far}; allowed: {self._seconds:g} s; "
            "split the file into smaller ones, or send it as Parquet",
        )

    @contextmanager
    def interrupting(self, interrupt: Callable[[], None]) -> Iterator[None]:
        """Call ``interrupt`` when the time is up, and again until what runs within has ended.

        Again, because what runs is a row of queries, and an interrupt between two of them stops none.
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
