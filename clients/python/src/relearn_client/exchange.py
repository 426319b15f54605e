"""The core: decides what to send and when, and what an answer means, without any input or output.

A client drives the generator: it waits and sends as each `Send` says, and returns the outcome. Therefore both
clients behave alike, and tests choose the time.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Generator
from dataclasses import dataclass
from http import HTTPStatus
from typing import TypeAlias, TypeVar

from relearn_client.answers import Answer, read_problem
from relearn_client.calls import Call
from relearn_client.errors import BadAnswerError, NoAnswerError, RelearnClientError, error_for
from relearn_client.retry import Retry

T = TypeVar("T")
DEADLINE_SECONDS, ATTEMPT_SECONDS, RETRY = 60.0, 30.0, Retry()
"""Default limits of a client."""
_SHOWN_BYTES = 200


@dataclass(frozen=True, slots=True)
class Send:
    """The next attempt.

    Parameters
    ----------
    after
        Seconds to wait before it.
    within
        Seconds that the whole answer may take.
    """

    after: float
    within: float


Outcome: TypeAlias = Answer | NoAnswerError
Exchange: TypeAlias = Generator[Send, Outcome, T]


@dataclass(frozen=True, kw_only=True, slots=True)
class Limits:
    """Limits of a call's duration and attempts.

    Parameters
    ----------
    deadline_seconds
        Maximum duration of the call with all its attempts and pauses.
    attempt_seconds
        Maximum duration of one attempt.
    retry
        Policy of retries.

    Raises
    ------
    ValueError
        When a duration is not positive and finite.
    """

    deadline_seconds: float
    attempt_seconds: float
    retry: Retry

    def __post_init__(self) -> None:
        for name in ("deadline_seconds", "attempt_seconds"):
            if not 0 < getattr(self, name) < math.inf:
                raise ValueError(f"{name}: got {getattr(self, name)!r}; allowed: more than 0, and finite")


def exchange(
    call: Call[T], limits: Limits, *, clock: Callable[[], float], chance: Callable[[], float]
) -> Exchange[T]:
    """Execute a call.

    Parameters
    ----------
    call
        The call.
    limits
        Its limits.
    clock
        Returns a monotonic time in seconds.
    chance
        Returns random numbers from 0 to 1.

    Yields
    ------
    Send
        The next attempt; the client sends back its outcome.

    Raises
    ------
    RelearnClientError
        The error of the last attempt. No pause begins that would exceed the deadline.
    """
    ends = clock() + limits.deadline_seconds
    pause, left, attempt = 0.0, limits.deadline_seconds, 0
    while True:
        attempt += 1
        outcome = yield Send(after=pause, within=min(limits.attempt_seconds, left))
        try:
            return _result(call, outcome)
        except RelearnClientError as error:
            error.attempts = attempt
            again = limits.retry.pause(attempt, error, chance()) if call.repeatable else None
            if again is None or (left := ends - clock() - again) <= 0:
                raise
            pause = again


def _result(call: Call[T], outcome: Outcome) -> T:
    if isinstance(outcome, NoAnswerError):
        raise outcome
    if not HTTPStatus(200) <= outcome.status < HTTPStatus(300):
        raise error_for(read_problem(outcome))
    try:
        return call.read(json.loads(outcome.body))
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise BadAnswerError(
            f"{call.method} {call.path} was answered {outcome.status} with something else than promised "
            f"({type(error).__name__}: {error}): {outcome.body[:_SHOWN_BYTES]!r}"
        ) from error
