"""Step Functions tasks that wait until their task token is returned (``.waitForTaskToken``)."""

# ruff: noqa: SLF001 - it reaches into MiniStack, on purpose

from __future__ import annotations

import contextvars
import json
from typing import Any

from ministack.core import iam_actions
from ministack.services import stepfunctions

from local.hooks.step_functions import execution_of_this_thread

_token: contextvars.ContextVar[str] = contextvars.ContextVar("token", default="")
_waiting: dict[str, dict[str, Any]] = {}
"""Waiting executions by task token."""


def wait_as_long_as_the_input_says() -> None:
    """Resolve a task's time limit from its input when it has ``TimeoutSecondsPath``.

    MiniStack supports only ``TimeoutSeconds``; without it, it waits for more than a day.
    """
    execute = stepfunctions._execute_task

    def limited(state: dict[str, Any], given: Any, execution: Any, context: Any) -> Any:
        if "TimeoutSecondsPath" in state:
            seconds = stepfunctions._resolve_path(state["TimeoutSecondsPath"], given)
            state = {**state, "TimeoutSeconds": seconds}
        return execute(state, given, execution, context)

    stepfunctions._execute_task = limited


def fail_steps_whose_function_fails() -> None:
    """Fail a waiting task when the function that receives its token fails.

    MiniStack keeps waiting for a token that nobody has; on AWS the task fails with the function's error.
    """
    wait, call = stepfunctions._invoke_with_callback, stepfunctions._call_lambda

    def waiting(resource: str, data: Any, token: str, state: Any) -> Any:
        kept = _token.set(token)
        _waiting[token] = execution_of_this_thread()
        try:
            return wait(resource, data, token, state)
        finally:
            _waiting.pop(token, None)
            _token.reset(kept)

    def called(function: str, event: Any) -> Any:
        try:
            return call(function, event)
        except stepfunctions._ExecutionError as error:
            _end(_token.get(), error.error, error.cause)
            raise

    stepfunctions._invoke_with_callback = waiting
    stepfunctions._call_lambda = called


def refuse_tokens_of_stopped_executions() -> None:
    """End a waiting task and invalidate its token when its execution is stopped.

    MiniStack keeps accepting the token; AWS refuses it, because the task is over.
    """
    stop = stepfunctions._stop_execution

    def stopped(data: dict[str, Any]) -> Any:
        answer = stop(data)
        for token, execution in list(_waiting.items()):
            if execution.get("status") != "RUNNING":
                _end(token, "States.TaskFailed", "the execution was stopped")
                stepfunctions._task_tokens.pop(token, None)
        return answer

    stepfunctions._stop_execution = stopped


def require_permission_on_the_machine() -> None:
    """Authorize the return of a token on the state machine that waits for it.

    MiniStack authorizes it on ``*``, which a policy for one state machine does not match. AWS documents no
    resource for these calls, and a policy for the state machine is sufficient: AWS CDK grants no more.
    """
    extract = iam_actions.extract_resource_arn

    def of_the_token(service: str, method: str, path: str, headers: Any, body: bytes, *rest: Any) -> str:
        token = json.loads(body or b"{}").get("taskToken") if service == "states" else None
        if token in _waiting:
            machine: str = _waiting[token]["stateMachineArn"]
            return machine
        found: str = extract(service, method, path, headers, body, *rest)
        return found

    iam_actions.extract_resource_arn = of_the_token


def _end(token: str, error: str, cause: str) -> None:
    found = stepfunctions._task_tokens.get(token)
    if found is not None:
        found["error"] = {"Error": error, "Cause": cause}
        found["event"].set()
