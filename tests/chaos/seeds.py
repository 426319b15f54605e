"""Runs of one seed; the same seed gives the same runs."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field

from hypothesis import HealthCheck, Phase, seed, settings
from hypothesis.stateful import run_state_machine_as_test

from tests.chaos.machine import focus_of, machine
from tests.chaos.run import Run, ViolationError

RUNS, STEPS = 5, 12
"""Number of runs of a seed, and maximum number of steps of a run."""
GENERATE = (Phase.generate,)


@dataclass
class Outcome:
    """Result of a seed's runs."""

    seed: int
    runs: int = 0
    hits: Counter[str] = field(default_factory=Counter)
    found: list[tuple[str, str]] = field(default_factory=list)
    story: str = ""


def run(number: int, *, runs: int = RUNS, shrink: bool = True, focus: tuple[str, ...] = ()) -> Outcome:
    """Do the runs of a seed; stop at the first violation.

    Parameters
    ----------
    number
        The seed.
    runs
        Number of runs.
    shrink
        Whether to reduce a violation to the fewest steps that show it.
    focus
        Favoured classes of faults; empty selects them by the seed.
    """
    made: list[Run] = []
    outcome = Outcome(number)
    chosen = settings(
        max_examples=runs,
        stateful_step_count=STEPS,
        phases=(*GENERATE, Phase.shrink) if shrink else GENERATE,
        database=None,
        deadline=None,
        report_multiple_bugs=False,
        print_blob=False,
        suppress_health_check=list(HealthCheck),
    )
    try:
        run_state_machine_as_test(
            seed(number)(machine(number, made, focus or focus_of(number))), settings=chosen
        )
    except ViolationError as error:
        outcome.found, outcome.story = error.found, "\n".join([*getattr(error, "__notes__", []), str(error)])
    outcome.runs = len(made)
    for one in made:
        outcome.hits.update(one.acts.stage.faults.hits)
    return outcome
