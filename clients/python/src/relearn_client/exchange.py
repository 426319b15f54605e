"""The core: decides what to send and when, and what an answer means. Does no input or output.

A client drives the generator: it waits and sends as each `Send` says, and hands in what came of it. So both clients
behave alike, and time is a number that a test can choose.
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
"""How patient a client is when it is not told."""
_SHOWN_BYTES = 200


@dataclass(frozen=True, slots=True)
class Send:
    """What to do next.

    Parameters
    ----------
    after
        Seconds to wait first.
    within
        Seconds that the answer may take, whole.
    """

    after: float
    within: float


Outcome: TypeAlias = Answer | NoAnswerError
Exchange: TypeAlias = Generator[Send, Outcome, T]


@dataclass(frozen=True, kw_only=True, slots=True)
class Limits:
    """How long a call may take, and how often it may be tried.

    Parameters
    ----------
    deadline_seconds
        For the call with all its attempts and pauses.
    attempt_seconds
        For one attempt.
    retry
        When to ask again.
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
    """Carry out a call.

    Parameters
    ----------
    call
        What to ask.
    limits
        How patiently.
    clock
        Seconds that only grow.
    chance
        Gives numbers from 0 to 1.

    Yields
    ------
    Send
        Send the call's request so; the client answers with what came of it.

    Raises
    ------
    RelearnClientError
        How the last attempt ended. No pause is begun that the deadline would end.
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
