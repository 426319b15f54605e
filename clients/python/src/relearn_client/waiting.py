"""Waiting for batches and uploads: duration and poll interval."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from operator import attrgetter
from typing import Literal, Protocol, TypeAlias, TypeVar

from relearn_client.errors import WaitTimeoutError
from relearn_client.uploads import Upload

TIMEOUT_SECONDS, POLL_SECONDS = 3600.0, 2.0
"""Default maximum wait and poll interval."""

Goal: TypeAlias = Literal["used", "checked"]
"""State of an upload that can be waited for."""


class Ending(Protocol):
    """A batch or upload, as far as waiting needs it."""

    @property
    def ended(self) -> bool:
        """Whether its state is final."""

    @property
    def state(self) -> str:
        """Its current state."""


W = TypeVar("W", bound=Ending)
ENDED: Callable[[Ending], bool] = attrgetter("ended")
GOALS: Mapping[Goal, Callable[[Upload], bool]] = {"used": ENDED, "checked": attrgetter("checked")}


@dataclass(frozen=True, slots=True)
class Patience:
    """Duration and interval of waiting.

    Parameters
    ----------
    timeout_seconds
        Maximum wait, in seconds; 0 reads the state once.
    poll_seconds
        Pause between two readings, in seconds.

    Raises
    ------
    ValueError
        When a value is out of range.
    """

    timeout_seconds: float
    poll_seconds: float

    def __post_init__(self) -> None:
        if not (self.timeout_seconds >= 0 and self.poll_seconds > 0):
            raise ValueError(
                f"timeout_seconds, poll_seconds: got {self.timeout_seconds:g}, {self.poll_seconds:g}; "
                "allowed: 0 or more, and more than 0"
            )

    def pauses(self, clock: Callable[[], float]) -> Iterator[float]:
        """Yield the pause after each reading; the last reading is at the end of the time.

        Parameters
        ----------
        clock
            Returns a monotonic time in seconds.
        """
        ends = clock() + self.timeout_seconds
        while (left := ends - clock()) > 0:
            yield min(self.poll_seconds, left)
        yield 0.0


def gave_up(what: str, seen: Ending, patience: Patience) -> WaitTimeoutError:
    """Return the error for a wait that has timed out."""
    return WaitTimeoutError(
        f"{what} has not come to its end within {patience.timeout_seconds:g} s: it is {seen.state}"
    )
