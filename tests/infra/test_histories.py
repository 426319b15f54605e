"""The longest history of an execution: of every loop that waits, and of a whole run, by the longest times that a spec allows.

Sources: "Service quotas" in the Step Functions Developer Guide (an execution has at most 25,000 events, a hard quota), and HistoryEvent
in its API Reference, for the events that a state adds.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Mapping
from typing import Any

import pytest

from infra.workflow.state_machine import SLACK_SECONDS
from lambdas.rollout.steps import looks
from lambdas.runs.deployment import pause
from relearn.spec.policies import Retrain, Training
from relearn.spec.rollout import LONGEST_MINUTES, Canary, Shadow
from relearn.traffic import rollout_plan
from relearn.traffic.rollout_plan import Step
from relearn.traffic.route import Route
from tests.infra.synthesis import synthesise, text

QUOTA = 25_000
SHORTEST_POLL = 1
"""The shortest pause that ``poll_seconds`` allows."""
LONGEST_TRAINING = 432_000
LONGEST_FUNCTION = 900
MOST_STEPS = rollout_plan.plan(
    Canary(steps=tuple(range(1, 100)), bake_minutes=LONGEST_MINUTES),
    Shadow(minutes=LONGEST_MINUTES),
    Route(champion=1),
)
"""The longest rollout that a spec allows: a shadow, a canary at each percent, the promotion."""
WAKES = 100
"""Times that a person may wake the wait for an approval without a decision."""
OWN_TRIES = {"Task": 3, "Callback": 4}
"""Events of a failed try: scheduled, started, failed; submitted too where Step Functions waits for an answer."""

Machine = Mapping[str, Any]


@pytest.fixture(scope="module")
def machines(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Machine]:
    """The definitions of a stage whose one model trains, and waits for a person, as long as a spec may say."""
    policies = {
        "retrain": Retrain(approval="manual", approval_hours=720),
        "training": Training(max_runtime_seconds=LONGEST_TRAINING),
    }
    stage = synthesise(tmp_path_factory.mktemp("longest"), "dev", ["iris"], specs={"iris": policies})
    return {
        name: json.loads(text(stage.machine(name)["DefinitionString"])) for name in ("retrain", "restore")
    }


def ways(state: Mapping[str, Any]) -> Iterator[str]:
    for one in (state, *state.get("Choices", ()), *state.get("Catch", ())):
        yield from (one[key] for key in ("Next", "Default") if key in one)


def circles(machine: Machine) -> set[frozenset[str]]:
    """Return the states that can be reached again from themselves, in groups that reach each other."""
    states = machine["States"]

    def reached(start: str) -> set[str]:
        seen, ahead = set[str](), {start}
        while ahead:
            new = {way for name in ahead for way in ways(states[name])} - seen
            seen |= new
            ahead = new
        return seen

    after = {name: reached(name) for name in states}
    groups = {
        frozenset(other for other in states if other in after[name] and name in after[other])
        for name in states
    }
    return groups - {frozenset()}


def events(state: Mapping[str, Any]) -> int:
    """Return the events that a state adds when its first try succeeds."""
    if state["Type"] == "Task":
        resource = state["Resource"]
        return 6 if resource.endswith((".sync", ".waitForTaskToken")) else 5
    return 1 if state["Type"] == "Fail" else 2


def retries(state: Mapping[str, Any]) -> int:
    """Return the events of a state whose retries are all used up."""
    kind = "Callback" if state.get("Resource", "").endswith((".sync", ".waitForTaskToken")) else "Task"
    tries: int = sum(retry.get("MaxAttempts", 3) for retry in state.get("Retry", ()))
    return OWN_TRIES[kind] * tries


def polls(shortest: int) -> int:
    """Return how often an endpoint is looked at until the machine gives up."""
    waited = looked = 0
    while waited < SLACK_SECONDS:
        waited += pause(waited, shortest)
        looked += 1
    return looked


def rounds(name: str, machine: Machine) -> dict[frozenset[str], Mapping[str, int]]:
    """Return every loop's states with the largest number of visits of each."""
    states = machine["States"]
    assert states["Wait for endpoint"]["SecondsPath"] == "$.endpoint.wait_seconds"
    # a call that has not written all uses its whole time
    writes = math.ceil(SLACK_SECONDS / LONGEST_FUNCTION)
    found = [dict.fromkeys(("Deploy", "In service?", "Wait for endpoint"), polls(SHORTEST_POLL))]
    found += [dict.fromkeys(("Publish", "Published?"), writes)]
    if name == "retrain":
        jobs = math.ceil(LONGEST_TRAINING / states["Wait for job"]["Seconds"])
        found += [dict.fromkeys(("Look at job", "Job done?", "Wait for job"), jobs)]
        found += [dict.fromkeys(("Ask for approval", "Decision", "Approved?"), WAKES)]
        tried = MOST_STEPS[:-1]
        watched = sum(looks_at(step) for step in tried)
        found += [
            dict.fromkeys(("Let it be asked", "Watch", "As good?"), watched)
            | dict.fromkeys(("Advance", "All the way?"), len(MOST_STEPS))
        ]
    return {frozenset(visits): visits for visits in found}


def looks_at(step: Step) -> int:
    """Return how often a step of the longest rollout is looked at."""
    return looks(round(step.minutes * 60), round(step.longest * 60), len(MOST_STEPS))


def longest(visits: Mapping[str, int], states: Mapping[str, Any]) -> int:
    """Return the events of states that are visited so often, with all retries of each used up once."""
    return sum(events(states[name]) * often + retries(states[name]) for name, often in visits.items())


@pytest.mark.parametrize("name", ["retrain", "restore"])
def test_every_loop_of_a_machine_is_one_whose_turns_are_counted(
    machines: dict[str, Machine], name: str
) -> None:
    assert circles(machines[name]) == set(rounds(name, machines[name]))


@pytest.mark.parametrize("name", ["retrain", "restore"])
def test_no_loop_fills_half_the_history_of_an_execution(machines: dict[str, Machine], name: str) -> None:
    machine = machines[name]
    found = {min(loop): longest(visits, machine["States"]) for loop, visits in rounds(name, machine).items()}
    assert max(found.values()) < QUOTA / 2, found


@pytest.mark.parametrize("name", ["retrain", "restore"])
def test_the_longest_execution_has_room_in_its_history(machines: dict[str, Machine], name: str) -> None:
    machine = machines[name]
    states = machine["States"]
    visits = dict.fromkeys(states, 1)  # more than one execution visits, whose branches exclude each other
    for often in rounds(name, machine).values():
        visits |= often
    assert 2 + longest(visits, states) < QUOTA


def test_the_longest_rollout_is_looked_at_in_each_of_its_steps() -> None:
    assert len(MOST_STEPS) == 101
    assert all(looks_at(step) >= 1 for step in MOST_STEPS[:-1])


def test_an_ordinary_rollout_is_looked_at_every_minute() -> None:
    assert looks(5 * 60, 5 * 60, steps=3) == 5
    assert looks(5 * 60, 15 * 60, steps=3) == 15
    assert looks(LONGEST_MINUTES * 60, LONGEST_MINUTES * 60, steps=3) == 60
