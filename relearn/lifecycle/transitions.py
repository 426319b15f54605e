"""Check of transitions against a table of legal ones."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from enum import StrEnum
from typing import TypeVar

from relearn.errors import IllegalTransitionError

State = TypeVar("State", bound=StrEnum)


def check(what: str, old: State, new: State, steps: Mapping[State, Collection[State]]) -> None:
    """Refuse an illegal transition.

    Parameters
    ----------
    what
        Thing that changes its state, with an article, for the message: ``"an upload"``.
    old, new
        State before and after.
    steps
        State to the states that may follow it.

    Raises
    ------
    IllegalTransitionError
        ``new`` cannot follow ``old``.
    """
    if new not in steps[old]:
        allowed = ", ".join(sorted(steps[old])) or "nothing: it is final"
        raise IllegalTransitionError(f"{what} that is {old} cannot become {new}; allowed: {allowed}")
