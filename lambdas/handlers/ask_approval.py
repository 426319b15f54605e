"""The function ``ask_approval``: parses its event and calls `lambdas.rollout.approval_request`."""

from __future__ import annotations

from typing import Any

from lambdas import once_per_process, wiring
from lambdas.aws.dynamo.ledger import Task
from lambdas.rollout.approval_request import ApprovalRequests
from lambdas.runtime.config import Config
from lambdas.runtime.logging import entry
from relearn.lifecycle.run_context import ApprovalQuestion


@once_per_process
def approval_requests() -> ApprovalRequests:
    """Construct the service that requests decisions."""
    config = Config.from_env()
    return ApprovalRequests(
        ledger=wiring.ledger(config), notifier=wiring.notifier(config), approvals=wiring.approvals(config)
    )


@entry
def handler(event: ApprovalQuestion, _context: Any) -> None:
    """Request a decision on the version that the run registered; the step ends when the decision is made."""
    task = Task(event["token"], f"{event['entered']}#{event['retry']:04d}")
    approval_requests().ask(event["model"], event["version"], task)
