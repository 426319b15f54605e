"""A function that ran out of its time or memory is called again, under each name that Step Functions reports it by.

Sources: the Step Functions Developer Guide, "Handling errors" (``Lambda.Unknown`` for time and memory, ``States.Timeout`` for a task
that ran longer than its TimeoutSeconds); AWS's runtime interface emulator (``Sandbox.Timedout``) and executions of users
(``Sandbox.Timedout`` and ``States.Timeout`` in aws-solutions-library-samples/accelerated-intelligent-document-processing-on-aws#917,
``Runtime.ExitError`` in langfuse/langfuse#17238; ``Runtime.OutOfMemory`` is the error type in Lambda's REPORT line).
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from tests.chaos.calls import DiedError
from tests.chaos.run import Run
from tests.chaos.workers import DEATHS, Workers
from tests.support.definitions import MACHINES, definitions

LAMBDA = (":function:", ":states:::lambda:invoke")
MODEL = "flowers"


def lambda_tasks() -> Iterator[tuple[str, str, dict[str, Any]]]:
    for machine in MACHINES:
        for name, state in definitions()[machine]["States"].items():
            if any(part in state.get("Resource", "") for part in LAMBDA):
                yield machine, name, state


TASKS = [pytest.param(state, id=f"{machine}-{name}") for machine, name, state in lambda_tasks()]


@pytest.mark.parametrize("task", TASKS)
def test_every_task_of_a_function_is_tried_again_when_the_function_died(task: dict[str, Any]) -> None:
    first = task["Retry"][0]
    assert set(DEATHS) <= set(first["ErrorEquals"])
    assert first["MaxAttempts"] >= 3


def test_only_the_wait_for_a_person_has_a_time_limit_whose_end_is_a_decision() -> None:
    # Without TimeoutSeconds a task never raises States.Timeout: the function's own timeout ends it, under the names above.
    limits = {"TimeoutSeconds", "TimeoutSecondsPath", "HeartbeatSeconds", "HeartbeatSecondsPath"}
    timed = {(machine, name): state for machine, name, state in lambda_tasks() if limits & set(state)}
    assert list(timed) == [("retrain", "Ask for approval")]
    (ask,) = timed.values()
    assert all("States.Timeout" not in retry["ErrorEquals"] for retry in ask["Retry"])
    assert ask["Catch"][0] == {
        "ErrorEquals": ["States.Timeout"],
        "ResultPath": "$.ignored",
        "Next": "Decision",
    }


@pytest.mark.parametrize("death", DEATHS)
def test_a_run_whose_function_died_goes_on(death: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tests.chaos.workers.DEATHS", (death,))
    call, died = Workers.call, list[str]()

    def dies_once(self: Workers, name: str, event: Any, **more: Any) -> Any:
        if name == "judge" and not died:
            died.append(name)
            raise DiedError(death)
        return call(self, name, event, **more)

    monkeypatch.setattr(Workers, "call", dies_once)
    run = Run()
    try:
        run.acts.upload(MODEL)
        run.end()
        (only,) = run.acts.stage.world.ledger.runs(MODEL, newest=9)
        assert (only.state, died) == ("PROMOTED", ["judge"])
    finally:
        run.close()


def test_the_simulator_reports_a_death_by_each_name_in_turn(monkeypatch: pytest.MonkeyPatch) -> None:
    def dies(_self: Workers, name: str, _event: Any, **_more: Any) -> Any:
        raise DiedError(f"in {name}")

    monkeypatch.setattr(Workers, "call", dies)
    run, told = Run(), list[Any]()
    try:
        for _ in DEATHS:
            run.acts.stage.workers.begin(
                "arn:aws:lambda:eu-west-1:123456789012:function:open_run", {}, {}, told.append
            )
    finally:
        run.close()
    assert tuple(failure.error for failure in told) == DEATHS
