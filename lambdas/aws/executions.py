"""The retrain state machine's executions: one per run, named like it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from relearn.lifecycle.runs import failure_reason

if TYPE_CHECKING:
    from mypy_boto3_stepfunctions import SFNClient


class Executions:
    """Starts, watches and stops executions.

    Parameters
    ----------
    client
        A Step Functions client.
    state_machine_arn
        The retrain state machine.
    """

    def __init__(self, client: SFNClient, state_machine_arn: str) -> None:
        self._client = client
        self._arn = state_machine_arn

    def start(self, name: str, payload: dict[str, Any]) -> None:
        """Start an execution; one of that name that exists already is the same one."""
        try:
            self._client.start_execution(stateMachineArn=self._arn, name=name, input=json.dumps(payload))
        except ClientError as error:
            if error.response["Error"]["Code"] != "ExecutionAlreadyExists":
                raise

    def ended(self, name: str) -> str | None:
        """Say how an execution ended, in words; empty while it runs.

        Returns
        -------
        str or None
            None when there is no such execution.
        """
        arn = self._arn.replace(":stateMachine:", ":execution:") + ":" + name
        try:
            found = self._client.describe_execution(executionArn=arn)
        except ClientError as error:
            if error.response["Error"]["Code"] != "ExecutionDoesNotExist":
                raise
            return None
        if found["status"] == "RUNNING":
            return ""
        return failure_reason(
            found.get("error") or f"the execution {found['status']}", found.get("cause", "")
        )

    def running(self) -> Iterator[str]:
        """List the ARNs of the executions that run."""
        pages = self._client.get_paginator("list_executions").paginate(
            stateMachineArn=self._arn, statusFilter="RUNNING"
        )
        for page in pages:
            yield from (execution["executionArn"] for execution in page["executions"])

    def stop(self, execution_arn: str, cause: str) -> None:
        """Stop an execution."""
        self._client.stop_execution(executionArn=execution_arn, error="Stopped", cause=cause)
