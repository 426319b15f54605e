"""A state is followed by those that may follow it, and a refusal names them."""

from __future__ import annotations

from enum import StrEnum

import pytest

from relearn.errors import IllegalTransitionError
from relearn.lifecycle import transitions


class State(StrEnum):
    """Three states."""

    A = "a"
    B = "b"
    C = "c"


STEPS = {State.B: frozenset({State.C, State.A}), State.A: frozenset({State.C}), State.C: frozenset[State]()}


def test_a_state_that_may_follow_is_taken() -> None:
    transitions.check("a run", State.B, State.A, STEPS)


@pytest.mark.parametrize(
    ("old", "allowed"), [(State.B, "a, c"), (State.A, "c"), (State.C, "nothing: it is final")]
)
def test_a_state_that_may_not_follow_is_refused_with_those_that_may(old: State, allowed: str) -> None:
    with pytest.raises(IllegalTransitionError) as caught:
        transitions.check("a run", old, State.B, STEPS)
    assert str(caught.value) == f"a run that is {old} cannot become b; allowed: {allowed}"
