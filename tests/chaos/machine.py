"""What a run does, chosen by hypothesis: uploads, requests, changes by hand, time, and troubles."""

from __future__ import annotations

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, rule

from tests.chaos.faults import CLASSES
from tests.chaos.models import SPECS
from tests.chaos.run import Run
from tests.chaos.troubles import FUNCTIONS, Trouble, bring

SECONDS = (1, 5, 30, 120, 300, 900)
MODELS = st.sampled_from(sorted(SPECS))
BEGIN_SECONDS = 420
"""A first version of every model serves by then."""
FOCUS = 6
"""How many classes of faults a seed is about, beside all others."""


def focus_of(seed: int) -> tuple[str, ...]:
    """Give the classes that a seed is about, so that each is met by some."""
    first = seed * FOCUS
    return tuple(CLASSES[(first + at) % len(CLASSES)] for at in range(FOCUS))


def machine(seed: int, runs: list[Run], focus: tuple[str, ...]) -> type[RuleBasedStateMachine]:
    """Make the state machine of a seed.

    Parameters
    ----------
    seed
        Of what is left to chance outside hypothesis.
    runs
        Is given every run, for its figures.
    focus
        The classes of faults that it is about; all others are met too.
    """
    names = st.sampled_from([*focus] * 20 + [*CLASSES])
    some = st.builds(
        Trouble,
        name=names,
        model=MODELS,
        skip=st.integers(0, 15),
        worker=st.sampled_from(FUNCTIONS),
        seconds=st.integers(1, 120),
    )

    class Loop(RuleBasedStateMachine):
        """One run."""

        def __init__(self) -> None:
            super().__init__()
            self.run = Run(seed)
            self.acts = self.run.acts
            runs.append(self.run)

        @initialize(serving=st.booleans())
        def begin(self, serving: bool) -> None:  # noqa: FBT001
            for model in SPECS if serving else ():
                self.acts.upload(model)
            if serving:
                self.acts.stage.agenda.pass_seconds(BEGIN_SECONDS)

        @rule(troubles=st.lists(some, min_size=1, max_size=3))
        def trouble(self, troubles: list[Trouble]) -> None:
            for one in troubles:
                bring(self.acts, one)

        @rule(model=MODELS)
        def upload(self, model: str) -> None:
            self.acts.upload(model)

        @rule(model=MODELS)
        def predict(self, model: str) -> None:
            self.acts.predict(model)

        @rule(model=MODELS, action=st.sampled_from(("rollback", "freeze", "unfreeze")))
        def change_by_hand(self, model: str, action: str) -> None:
            self.acts.change(model, action)

        @rule(seconds=st.sampled_from(SECONDS))
        def wait(self, seconds: int) -> None:
            self.acts.stage.agenda.pass_seconds(seconds)

        def teardown(self) -> None:
            try:
                self.run.end()
            finally:
                self.run.close()

    return Loop

