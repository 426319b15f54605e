"""What a run does, chosen by hypothesis: uploads, requests, changes by hand, time, and troubles."""

from __future__ import annotations

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, rule

from tests.chaos.faults import CLASSES
from tests.chaos.models import ORDINARY
from tests.chaos.run import Run
from tests.chaos.troubles import FUNCTIONS, Trouble, bring

SECONDS = (1, 5, 30, 120, 300, 900)
AT_ONCE = 2
"""Models of a run: the first, or the other, of those that its seed chooses."""
WHICH = st.integers(0, AT_ONCE - 1)
BEGIN_SECONDS = 480
"""A first version of every model serves by then."""
BETWEEN_SECONDS = 20
"""From one trouble to the next."""
FOCUS = 6
"""How many classes of faults a seed is about, beside all others."""


def focus_of(seed: int) -> tuple[str, ...]:
    """Give the classes that a seed is about, so that each is met by some."""
    first = seed * FOCUS
    return tuple(CLASSES[(first + at) % len(CLASSES)] for at in range(FOCUS))


def models_of(seed: int) -> tuple[str, ...]:
    """Give the models that a seed is about."""
    return tuple(ORDINARY[(seed + at) % len(ORDINARY)] for at in range(AT_ONCE))


class Loop(RuleBasedStateMachine):
    """One run: what happens in every one."""

    seed = 0
    runs: list[Run]
    models: tuple[str, ...]

    def __init__(self) -> None:
        super().__init__()
        self.run = Run(self.seed)
        self.acts = self.run.acts
        self.runs.append(self.run)

    @rule(which=WHICH)
    def upload(self, which: int) -> None:
        self.acts.upload(self.models[which])

    @rule(which=WHICH)
    def predict(self, which: int) -> None:
        self.acts.predict(self.models[which])

    @rule(which=WHICH, action=st.sampled_from(("rollback", "freeze", "unfreeze")))
    def change_by_hand(self, which: int, action: str) -> None:
        self.acts.change(self.models[which], action)

    @rule(seconds=st.sampled_from(SECONDS))
    def wait(self, seconds: int) -> None:
        self.acts.stage.agenda.pass_seconds(seconds)

    def teardown(self) -> None:
        try:
            self.run.end()
        finally:
            self.run.close()


def machine(number: int, made: list[Run], focus: tuple[str, ...]) -> type[RuleBasedStateMachine]:
    """Make the state machine of a seed.

    Parameters
    ----------
    number
        Of what is left to chance outside hypothesis.
    made
        Is given every run, for its figures.
    focus
        The classes of faults that it is about; all others are met too.
    """
    some = st.builds(
        Trouble,
        name=st.sampled_from([*focus] * 20 + [*CLASSES]),
        model=st.sampled_from(models_of(number)),
        skip=st.integers(0, 15),
        worker=st.sampled_from(FUNCTIONS),
        seconds=st.integers(1, 120),
    )

    class Troubled(Loop):
        """And what goes wrong."""

        seed = number
        runs = made
        models = models_of(number)

        @initialize(serving=st.booleans(), troubles=st.lists(some, min_size=4, max_size=8))
        def begin(self, serving: bool, troubles: list[Trouble]) -> None:  # noqa: FBT001 - given by name
            if serving:
                for model in self.models:
                    self.acts.upload(model)
                self.wait(BEGIN_SECONDS)
            self.trouble(troubles)

        @rule(troubles=st.lists(some, min_size=1, max_size=3))
        def trouble(self, troubles: list[Trouble]) -> None:
            for one in troubles:
                bring(self.acts, one)
                self.acts.stage.agenda.pass_seconds(BETWEEN_SECONDS)

    return Troubled
