"""Executions of a state machine, each named by what it carries out: a run, or a redeployment."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from botocore.exceptions import ClientError

from relearn.lifecycle.runs import failure_reason

if TYPE_CHECKING:
    from mypy_boto3_stepfunctions import SFNClient


@dataclass(frozen=True, slots=True)
class Executions:
    """Starts, describes and stops the executions of one state machine.

    Parameters
    ----------
    client
        A Step Functions client.
    state_machine_arn
        ARN of the state machine.
    """

    client: SFNClient
    state_machine_arn: str

    def start(self, name: str, payload: Mapping[str, object]) -> None:
        """Start an execution; one with the same name counts as the same execution."""
        try:
            self.client.start_execution(
                stateMachineArn=self.state_machine_arn, name=name, input=json.dumps(payload)
            )
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
        arn = self.state_machine_arn.replace(":stateMachine:", ":execution:") + ":" + name
        try:
            found = self.client.describe_execution(executionArn=arn)
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
        pages = self.client.get_paginator("list_executions").paginate(
            stateMachineArn=self.state_machine_arn, statusFilter="RUNNING"
        )
        for page in pages:
            yield from (execution["executionArn"] for execution in page["executions"])

    def stop(self, execution_arn: str, cause: str) -> None:
        """Stop an execution."""
        self.client.stop_execution(executionArn=execution_arn, error="Stopped", cause=cause)
