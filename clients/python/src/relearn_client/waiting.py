"""Waiting for what takes minutes: how long, and how often to look."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from operator import attrgetter
from typing import Literal, Protocol, TypeAlias, TypeVar

from relearn_client.errors import WaitTimeoutError
from relearn_client.uploads import Upload

TIMEOUT_SECONDS, POLL_SECONDS = 3600.0, 2.0
"""How patient one is when not told."""

Goal: TypeAlias = Literal["used", "checked"]
"""How far an upload may be waited for."""


class Ending(Protocol):
    """What comes to an end."""

    @property
    def ended(self) -> bool:
        """Whether it has."""

    @property
    def state(self) -> str:
        """Where it stands."""


W = TypeVar("W", bound=Ending)
ENDED: Callable[[Ending], bool] = attrgetter("ended")
GOALS: Mapping[Goal, Callable[[Upload], bool]] = {"used": ENDED, "checked": attrgetter("checked")}


@dataclass(frozen=True, slots=True)
class Patience:
    """How to wait.

    Parameters
    ----------
    timeout_seconds
        How long at most.
    poll_seconds
        Between two looks.

    Raises
    ------
    ValueError
        A value is out of range.
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
        """Give the pause after each look; the last look is when the time is over.

        Parameters
        ----------
        clock
            Seconds that only grow.
        """
        ends = clock() + self.timeout_seconds
        while (left := ends - clock()) > 0:
            yield min(self.poll_seconds, left)
        yield 0.0


def gave_up(what: str, seen: Ending, patience: Patience) -> WaitTimeoutError:
    """Tell that the time is over."""
    return WaitTimeoutError(
        f"{what} has not come to its end within {patience.timeout_seconds:g} s: it is {seen.state}"
    )
