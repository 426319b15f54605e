"""Actions of a run, drawn by hypothesis: uploads, requests, changes by hand, time and troubles."""

from __future__ import annotations

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, rule

from tests.chaos.faults import CLASSES
from tests.chaos.models import ORDINARY
from tests.chaos.run import Run
from tests.chaos.troubles import FUNCTIONS, Trouble, bring

SECONDS = (1, 5, 30, 120, 300, 900)
AT_ONCE = 2
"""Number of models in a run, of those that its seed selects."""
WHICH = st.integers(0, AT_ONCE - 1)
BEGIN_SECONDS = 480
"""Time by which a first version of every model serves."""
BETWEEN_SECONDS = 20
"""Time between two troubles."""
FOCUS = 6
"""Number of classes of faults that a seed favours."""


def focus_of(seed: int) -> tuple[str, ...]:
    """Return the classes of faults that a seed favours; seeds together cover all."""
    first = seed * FOCUS
    return tuple(CLASSES[(first + at) % len(CLASSES)] for at in range(FOCUS))


def models_of(seed: int) -> tuple[str, ...]:
    """Return the models of a seed."""
    return tuple(ORDINARY[(seed + at) % len(ORDINARY)] for at in range(AT_ONCE))


class Loop(RuleBasedStateMachine):
    """One run without faults."""

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
    """Return the hypothesis state machine of a seed.

    Parameters
    ----------
    number
        The seed, for randomness outside of hypothesis.
    made
        List that receives every run, for its figures.
    focus
        Favoured classes of faults; all others occur too.
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
        """One run with faults."""

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
