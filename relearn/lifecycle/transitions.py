"""One check for every life that is drawn as a table of steps."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from enum import StrEnum
from typing import TypeVar

from relearn.errors import IllegalTransitionError

State = TypeVar("State", bound=StrEnum)


def check(what: str, old: State, new: State, steps: Mapping[State, Collection[State]]) -> None:
    """Refuse a step that a life does not have.

    Parameters
    ----------
    what
        Whose life, with its article.
    old, new
        The step.
    steps
        State to those that may follow it.

    Raises
    ------
    IllegalTransitionError
        ``new`` cannot follow ``old``.
    """
    if new not in steps[old]:
        allowed = ", ".join(sorted(steps[old])) or "nothing: it is final"
        raise IllegalTransitionError(f"{what} that is {old} cannot become {new}; allowed: {allowed}")
