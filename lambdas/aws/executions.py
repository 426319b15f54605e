"""Executions of a state machine, each named by what it carries out: a run, or a redeployment."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

from botocore.exceptions import ClientError

from relearn.lifecycle.runs import failure_reason

if TYPE_CHECKING:
    from mypy_boto3_stepfunctions import SFNClient


class Executions:
    """Starts, describes and stops the executions of one state machine.

    Parameters
    ----------
    client
        A Step Functions client.
    state_machine_arn
        ARN of the state machine.
    """

    def __init__(self, client: SFNClient, state_machine_arn: str) -> None:
        self._client = client
        self._arn = state_machine_arn

    def start(self, name: str, payload: Mapping[str, object]) -> None:
        """Start an execution; one with the same name counts as the same execution."""
        try:
            self._client.start_execution(stateMachineArn=self._arn, name=name, input=json.dumps(payload))
        except ClientError as error:
            if error.response["Error"]["Code"] != "ExecutionAlreadyExists":
                raise

    def ended(self, name: str) -> str | None:
        """Return the reason why an execution ended; empty while it runs.

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
        """Yield the ARNs of the running executions."""
        pages = self._client.get_paginator("list_executions").paginate(
            stateMachineArn=self._arn, statusFilter="RUNNING"
        )
        for page in pages:
            yield from (execution["executionArn"] for execution in page["executions"])

    def stop(self, execution_arn: str, cause: str) -> None:
        """Stop an execution."""
        self._client.stop_execution(executionArn=execution_arn, error="Stopped", cause=cause)
