"""The function ``advance``: parses its event and calls `lambdas.rollout.steps`."""

from __future__ import annotations

from typing import Any

from lambdas import once_per_process, wiring
from lambdas.rollout.steps import RolloutSteps
from lambdas.runtime import catalog
from lambdas.runtime.config import Config
from lambdas.runtime.logging import entry
from relearn.lifecycle.run_context import RolloutStep, RunContext


@once_per_process
def rollout_steps() -> RolloutSteps:
    """Construct the service that begins the steps of a rollout."""
    config = Config.from_env()
    return RolloutSteps(
        ledger=wiring.ledger(config),
        catalog=catalog.load(),
        seconds=config.rollout_seconds,
        clock=wiring.now,
    )


@entry
def handler(event: RunContext, _context: Any) -> RolloutStep:
    """Begin the next step of the version that the run registered."""
    version = event["registration"]["version"]
    return rollout_steps().advance(event["model"], event["run_id"], version, event.get("rollout"))
