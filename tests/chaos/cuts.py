"""Cuts every side effect of the loop: the process dies just before or after it, or AWS's reply is lost.

Chance hits some side effects; this hits each. They are found in runs without faults, so a new side effect of
our code is cut without further work.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass

from tests.chaos.calls import reads
from tests.chaos.models import ASKED, TRIED
from tests.chaos.run import Run, ViolationError
from tests.chaos.seeds import Outcome
from tests.chaos.stories import Story, asked_of, by_hand, given_back, one, refused_then_good, three, troubled

WAYS = ("crash_before_a_call", "crash_after_a_call", "reply_lost")
MOST = 3
"""Maximum number of equal calls of a function in a story that are cut."""
STORIES: Mapping[str, Story] = {
    "a version": one,
    "three versions": three,
    "a canary": asked_of(TRIED.name),
    "an approval": asked_of(ASKED.name),
    "refused data": refused_then_good,
    "a failed job": troubled("job_failed"),
    "a lost event": troubled("event_lost"),
    "an endpoint that vanished": given_back,
    "a rollback by hand": by_hand,
}


@dataclass(frozen=True)
class Effect:
    """One side effect: the n-th call of an operation by a function in a story, from 0."""

    story: str
    worker: str
    operation: str
    number: int


def effects() -> list[Effect]:
    """Return the side effects of all stories, each once, in the first story that has it."""
    found: dict[tuple[str, str, int], Effect] = {}
    for name in STORIES:
        for effect in of(name):
            found.setdefault((effect.worker, effect.operation, effect.number), effect)
    return list(found.values())


def of(name: str) -> list[Effect]:
    """Run a story without faults and return its side effects in order."""
    run, seen, found = Run(), Counter[tuple[str, str]](), []
    try:
        STORIES[name](run.acts)
        run.end()
        for call in run.acts.stage.history.calls:
            if call.worker and not reads(call.operation):
                number = seen[(call.worker, call.operation)]
                seen[(call.worker, call.operation)] += 1
                if number < MOST:
                    found.append(Effect(name, call.worker, call.operation, number))
    finally:
        run.close()
    return found


def cut(effect: Effect) -> Outcome:
    """Run the story of a side effect once for each way to cut it."""
    outcome = Outcome(0)
    for way in WAYS:
        run = Run()
        try:
            run.acts.stage.faults.arm(way, effect.number, effect.worker, operation=effect.operation)
            STORIES[effect.story](run.acts)
            run.end()
            if not run.acts.stage.faults.hits[way]:
                outcome.found.append(("cuts", f"{effect}: {way} never struck"))
                outcome.story += f"{effect}: {way} never struck\n"
        except ViolationError as error:
            outcome.found += error.found
            outcome.story += f"{effect}, {way}:\n{error}\n"
        finally:
            outcome.runs += 1
            outcome.hits.update(run.acts.stage.faults.hits)
            run.close()
    return outcome
