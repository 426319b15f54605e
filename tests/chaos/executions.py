"""Fake of Step Functions for the calls that our code makes, over machines of `tests.support.asl`."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any, cast

import boto3

from tests.support.asl import Execution, FailedError, Machine
from tests.support.fake_sagemaker import Answer, RefusedError

ENDED_BADLY = ("FAILED", "TIMED_OUT", "ABORTED")


class Executions:
    """State machines of a stage and their executions, by ARN."""

    def __init__(self) -> None:
        self.machines: dict[str, Machine] = {}
        self.executions: dict[str, Execution] = {}
        self.waiting: dict[str, Callable[[Any | FailedError], None]] = {}
        """Tasks that wait for their task token, by token."""

    def attach(self, session: boto3.Session) -> Callable[[], None]:
        """Answer every Step Functions call of the session's clients.

        Return a function that detaches the fake.
        """
        name, hook = "before-call.sfn", cast("Any", self.answer)
        session.events.register(name, hook)
        return lambda: session.events.unregister(name, hook)

    def answer(self, model: Any, params: dict[str, Any], **_: Any) -> tuple[Answer, dict[str, Any]]:
        given = json.loads(params["body"])
        try:
            answer = getattr(self, f"on_{model.name}")(**given)
        except RefusedError as error:
            return Answer(error.status), error.parsed
        return Answer(200), {**answer, "ResponseMetadata": {"HTTPStatusCode": 200}}

    def of(self, machine: str) -> dict[str, Execution]:
        """Return the executions of a machine, by name."""
        prefix = arn_of(machine, "")
        return {
            arn.removeprefix(prefix): found
            for arn, found in self.executions.items()
            if arn.startswith(prefix)
        }

    def on_StartExecution(self, stateMachineArn: str, name: str, input: str) -> Any:  # noqa: A002, N802, N803
        arn, given = arn_of(stateMachineArn, name), json.loads(input)
        found = self.executions.get(arn)
        if found is None:
            machine = self.machines[stateMachineArn]
            self.executions[arn] = machine.start(name, given)
        elif found.status != "RUNNING" or found.input != given:
            raise RefusedError("ExecutionAlreadyExists", f"Execution Already Exists: '{arn}'")
        return {"executionArn": arn, "startDate": 0}

    def on_DescribeExecution(self, executionArn: str) -> Any:  # noqa: N802, N803
        found = self.executions.get(executionArn)
        if found is None:
            raise RefusedError("ExecutionDoesNotExist", f"Execution Does Not Exist: '{executionArn}'")
        told = {"executionArn": executionArn, "status": found.status, "input": json.dumps(found.input)}
        return {**told, **({"error": found.error, "cause": found.cause} if found.error else {})}

    def on_ListExecutions(self, stateMachineArn: str, statusFilter: str, **_: Any) -> Any:  # noqa: N802, N803
        found = self.of(stateMachineArn)
        arns = [arn_of(stateMachineArn, name) for name, one in found.items() if one.status == statusFilter]
        return {"executions": [{"executionArn": arn} for arn in arns]}

    def on_StopExecution(self, executionArn: str, error: str, cause: str) -> Any:  # noqa: N802, N803
        found = self.executions[executionArn]
        machine = executionArn.rpartition(":")[0].replace(":execution:", ":stateMachine:")
        self.machines[machine].stop(found, "ABORTED", error, cause)
        return {"stopDate": 0}

    def on_SendTaskSuccess(self, taskToken: str, output: str) -> Any:  # noqa: N802, N803
        self._task(taskToken)(json.loads(output))
        return {}

    def on_SendTaskFailure(self, taskToken: str, error: str = "", cause: str = "") -> Any:  # noqa: N802, N803
        self._task(taskToken)(FailedError(error, cause))
        return {}

    def _task(self, token: str) -> Callable[[Any | FailedError], None]:
        if token not in self.waiting:
            raise RefusedError("TaskDoesNotExist", "Task does not exist")
        return self.waiting.pop(token)


def arn_of(machine: str, name: str) -> str:
    return f"{machine.replace(':stateMachine:', ':execution:')}:{name}"


def status_change(machine: str, execution: Execution) -> dict[str, Any]:
    """Return EventBridge's event for an execution that has ended."""
    detail: Mapping[str, Any] = {
        "executionArn": arn_of(machine, execution.name),
        "stateMachineArn": machine,
        "name": execution.name,
        "status": execution.status,
        "input": json.dumps(execution.input),
        "error": execution.error or None,
        "cause": execution.cause or None,
    }
    return {"source": "aws.states", "detail-type": "Step Functions Execution Status Change", "detail": detail}
