"""Timeouts and final states of Step Functions executions."""

from __future__ import annotations

# ruff: noqa: SLF001 - it reaches into MiniStack, on purpose
import contextvars
import json
import threading
from typing import Any

from ministack.core.responses import now_iso
from ministack.services import stepfunctions


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
