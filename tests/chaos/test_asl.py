"""The interpreter of the states language."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

from tests.support.agenda import Agenda, Clock
from tests.support.asl import Done, Execution, FailedError, Machine, refuse_unknown
from tests.support.asl_data import UnknownFeatureError, fill, holds, place, read
from tests.support.definitions import MACHINES, definitions


class Tasks:
    """Answers tasks one after the other, and keeps what they were given and when."""

    def __init__(self, clock: Clock, *answers: Any) -> None:
        self.clock = clock
        self.answers = list(answers)
        self.given: list[tuple[int, Any]] = []

    def begin(self, resource: str, payload: Any, context: Mapping[str, Any], done: Done) -> None:
        del resource, context
        self.given.append((self.clock.now.minute * 60 + self.clock.now.second, payload))
        if (answer := self.answers.pop(0)) is not None:
            done(answer)


def walk(states: Mapping[str, Any], *answers: Any, given: Any = None) -> tuple[Execution, Tasks]:
    """Run a machine that starts at its first state for an hour."""
    clock = Clock()
    tasks, agenda = Tasks(clock, *answers), Agenda(clock)
    machine = Machine({"StartAt": next(iter(states)), "States": states}, tasks, agenda, lambda _: None)
    execution = machine.start("one", given or {})
    agenda.pass_seconds(3600)
    return execution, tasks


def task(**more: Any) -> dict[str, Any]:
    return {"Type": "Task", "Resource": "arn:aws:lambda:eu:1:function:f", "End": True, **more}


def test_a_task_gets_the_state_and_its_answer_goes_to_its_place() -> None:
    execution, tasks = walk({"A": task(ResultPath="$.a.b")}, 7, given={"x": 1})
    assert (execution.status, execution.data) == ("SUCCEEDED", {"x": 1, "a": {"b": 7}})
    assert tasks.given == [(0, {"x": 1})]


def test_a_text_is_made_of_what_the_state_has() -> None:
    filled = fill(
        {"a.$": "States.Format('job-{}/{}', $.model, $.run.id)"}, {"model": "m", "run": {"id": "r"}}, {}
    )
    assert filled == {"a": "job-m/r"}


def test_time_passes_in_a_wait() -> None:
    _, tasks = walk(
        {"W": {"Type": "Wait", "SecondsPath": "$.s", "Next": "A"}, "A": task()}, 1, given={"s": 90}
    )
    assert tasks.given[0][0] == 90


def test_a_retrier_waits_longer_each_time_and_at_most_so_long() -> None:
    retry = [
        {
            "ErrorEquals": ["E"],
            "IntervalSeconds": 10,
            "BackoffRate": 2,
            "MaxAttempts": 3,
            "MaxDelaySeconds": 15,
        }
    ]
    _, tasks = walk({"A": task(Retry=retry)}, *[FailedError("E")] * 3, "done")
    assert [at for at, _ in tasks.given] == [0, 10, 25, 40]


def test_what_no_retrier_takes_is_caught_with_its_error() -> None:
    states = {
        "A": task(Catch=[{"ErrorEquals": ["States.ALL"], "ResultPath": "$.error", "Next": "B"}]),
        "B": task(),
    }
    _, tasks = walk(states, FailedError("E", "why"), 1, given={"x": 1})
    assert tasks.given[1][1] == {"x": 1, "error": {"Error": "E", "Cause": "why"}}


def test_a_failure_that_nothing_catches_ends_the_execution() -> None:
    execution, _ = walk({"A": task()}, FailedError("E", "why"))
    assert (execution.status, execution.error, execution.cause) == ("FAILED", "E", "why")


def test_a_task_that_answers_too_late_has_timed_out() -> None:
    execution, _ = walk({"A": task(TimeoutSeconds=60)}, None)
    assert (execution.status, execution.error) == ("FAILED", "States.Timeout")


@pytest.mark.parametrize(
    ("rule", "expected"),
    [
        ({"Variable": "$.a", "StringEquals": "x"}, True),
        ({"Variable": "$.a", "StringEquals": "y"}, False),
        ({"Variable": "$.b", "BooleanEquals": True}, True),
        ({"Variable": "$.c", "IsPresent": False}, True),
        ({"Not": {"Variable": "$.a", "StringEquals": "x"}}, False),
        ({"And": [{"Variable": "$.a", "IsPresent": True}, {"Variable": "$.b", "BooleanEquals": True}]}, True),
        (
            {"Or": [{"Variable": "$.c", "IsPresent": True}, {"Variable": "$.b", "BooleanEquals": False}]},
            False,
        ),
    ],
    ids=["equal", "unequal", "boolean", "present", "not", "and", "or"],
)
def test_a_choice_looks_at_the_state(rule: dict[str, Any], expected: bool) -> None:  # noqa: FBT001
    assert holds({**rule, "Next": "N"}, {"a": "x", "b": True}, {}) is expected


def test_templates_take_values_from_the_state_and_the_context() -> None:
    template = {"A.$": "$.a.b", "B": [{"Token.$": "$$.Task.Token"}], "C": "$.a"}
    filled = fill(template, {"a": {"b": 1}}, {"Task": {"Token": "t"}})
    assert filled == {"A": 1, "B": [{"Token": "t"}], "C": "$.a"}


def test_a_path_that_leads_nowhere_is_an_error() -> None:
    with pytest.raises(LookupError, match="leads nowhere"):
        read("$.a.b", {"a": {}}, {})


def test_a_result_without_a_place_is_thrown_away() -> None:
    assert place(None, {"x": 1}, 2) == {"x": 1}


@pytest.mark.parametrize(
    "state",
    [
        {"Type": "Parallel"},
        {"Type": "Task", "Resource": "r", "OutputPath": "$.a"},
        {"Type": "Wait", "Timestamp": "t"},
    ],
    ids=["type", "field", "wait"],
)
def test_what_is_not_known_is_refused(state: dict[str, Any]) -> None:
    with pytest.raises(UnknownFeatureError, match="state 'S'"):
        refuse_unknown("S", state)


@pytest.mark.parametrize("name", MACHINES)
def test_our_machines_use_nothing_else(name: str) -> None:
    for state, told in definitions()[name]["States"].items():
        refuse_unknown(state, told)
