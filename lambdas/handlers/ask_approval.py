"""The function ``ask_approval``: parses its event and calls `lambdas.rollout.approval_request`."""

from __future__ import annotations

from functools import cache
from typing import Any

from lambdas import wiring
from lambdas.aws.dynamo.ledger_approvals import Task
from lambdas.rollout.approval_request import Asking
from lambdas.runtime.config import Config
from lambdas.runtime.logging import entry


@cache
def asking() -> Asking:
    """Make the function's one service."""
    config = Config.from_env()
    return Asking(
        ledger=wiring.ledger(config), notifier=wiring.notifier(config), approving=wiring.approving(config)
    )


@entry
def handler(event: Any, _context: Any) -> None:
    """Ask about the version that the run registered; the step ends when someone decides."""
    task = Task(event["token"], f"{event['entered']}#{event['retry']:04d}")
    asking().ask(event["model"], event["version"], task)
