"""Timeouts, sizes and final states of Step Functions executions."""

from __future__ import annotations

# ruff: noqa: SLF001 - it reaches into MiniStack, on purpose
import contextvars
import json
import threading
from typing import Any

from ministack.core.responses import now_iso
from ministack.services import stepfunctions

EVENTS = 25_000
DATA_BYTES = 262_144


def end_executions_that_time_out() -> None:
    """End an execution after the TimeoutSeconds of its definition.

    MiniStack has no time limit for an execution. On AWS it becomes TIMED_OUT and its running job is stopped.
    """
    run = stepfunctions._run_execution

    def limited(arn: str) -> None:
        execution = stepfunctions._executions.get(arn) or {}
        machine = stepfunctions._state_machines.get(execution.get("stateMachineArn")) or {"definition": "{}"}
        seconds = json.loads(machine["definition"]).get("TimeoutSeconds")
        timer = threading.Timer(seconds or 0, contextvars.copy_context().run, (_time_out, execution))
        timer.daemon = True
        if seconds:
            timer.start()
        run(arn)
        timer.cancel()

    stepfunctions._run_execution = limited


def limit_histories_and_data() -> None:
    """Fail an execution whose history or whose data is larger than Step Functions takes.

    MiniStack has no limit of either. On AWS a standard execution has at most 25,000 events, and what a state gets or
    gives at most 262,144 bytes of UTF-8; ``States.DataLimitExceeded`` is caught by no ``States.ALL`` (Step Functions
    Developer Guide, "Step Functions service quotas" and "Error names"). MiniStack writes no TaskStarted, which AWS does.
    """
    add = stepfunctions._add_event

    def limited(execution: dict[str, Any], kind: str, details: dict[str, Any] | None = None) -> Any:
        event = add(execution, kind, details)
        if kind.startswith("Execution"):
            return event
        execution["written"] = execution.get("written", 0) + (2 if kind == "TaskScheduled" else 1)
        if execution["written"] >= EVENTS:
            reason = f"The execution reached the maximum number of history events ({EVENTS})."
            raise stepfunctions._ExecutionError("States.Runtime", reason)
        told = (details or {}).get("stateExitedEventDetails", {})
        if len(told.get("output", "").encode()) > DATA_BYTES:
            reason = (
                f"The state/task '{told['name']}' returned a result with a size exceeding the maximum number of bytes "
                "service limit."
            )
            raise stepfunctions._ExecutionError("States.DataLimitExceeded", reason)
        return event

    stepfunctions._add_event = limited


def _time_out(execution: dict[str, Any]) -> None:
    if execution["status"] == "RUNNING":
        execution |= {"status": "TIMED_OUT", "stopDate": now_iso(), "error": "States.Timeout"}
        stepfunctions._add_event(
            execution, "ExecutionTimedOut", {"executionTimedOutEventDetails": {"error": "States.Timeout"}}
        )
        stepfunctions._emit_execution_status_event(execution)


def fail_interrupted_executions() -> None:
    """Fail the executions that were running when a kept laptop cloud was stopped."""
    for execution in list(stepfunctions._executions.values()):
        if execution["status"] == "RUNNING":
            stepfunctions._fail_execution(execution, "States.Runtime", "the laptop cloud was stopped")


def keep_aborted_executions_aborted() -> None:
    """Ignore the failure of a task whose execution was stopped.

    MiniStack overwrites ABORTED with FAILED when the running task of a stopped execution ends in an error.
    """
    fail = stepfunctions._fail_execution

    def unless_ended(execution: dict[str, Any], error: str, cause: str) -> None:
        if execution["status"] == "RUNNING":
            fail(execution, error, cause)

    stepfunctions._fail_execution = unless_ended
