"""Every side effect of the loop, cut: its process dies just before it, or just after, or AWS's reply is lost.

Chance meets some of them; this meets each. What the side effects are is seen in runs in which nothing goes wrong, so one that
is added to our code is cut without anybody thinking of it.
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
"""Of the same call of the same function in a story: the first, a later one, and one more."""
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
    """One side effect: the so many-th call of an operation by a function in a story, from 0 on."""

    story: str
    worker: str
    operation: str
    number: int


def effects() -> list[Effect]:
    """Give the side effects of all stories, each once: of the shortest story that has it first."""
    found: dict[tuple[str, str, int], Effect] = {}
    for name in STORIES:
        for effect in of(name):
            found.setdefault((effect.worker, effect.operation, effect.number), effect)
    return list(found.values())


def of(name: str) -> list[Effect]:
    """Tell a story in which nothing goes wrong; its side effects, in order."""
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
    """Tell the story of a side effect once for each way to cut it."""
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
