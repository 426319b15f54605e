"""The function ``decided``: parses its event and calls `lambdas.rollout.approval_decision`."""

from __future__ import annotations

from typing import Any

from lambdas import once_per_process, wiring
from lambdas.rollout.approval_decision import ApprovalDecisions
from lambdas.runtime.config import Config
from lambdas.runtime.logging import entry
from relearn.lifecycle.run_context import Decided, RunContext


@once_per_process
def decisions() -> ApprovalDecisions:
    """Construct the service that applies decisions."""
    config = Config.from_env()
    return ApprovalDecisions(ledger=wiring.ledger(config), registry=wiring.registry(config), clock=wiring.now)


@entry
def handler(event: RunContext, _context: Any) -> Decided:
    """Return the decision on the version that the run registered."""
    return decisions().heed(event["model"], event["run_id"], event["registration"]["version"])
