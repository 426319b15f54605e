"""The function ``register``: parses its event and calls `lambdas.runs.registration`."""

from __future__ import annotations

from typing import Any

from lambdas import once_per_process, wiring
from lambdas.runs.registration import Registration
from lambdas.runtime import catalog
from lambdas.runtime.config import Config
from lambdas.runtime.logging import entry
from relearn.lifecycle.run_context import Registered, RunContext
from relearn.naming.environment import Variable


@once_per_process
def registration() -> Registration:
    """Construct the service that registers candidates."""
    config = Config.from_env()
    return Registration(
        ledger=wiring.ledger(config),
        registry=wiring.registry(config),
        catalog=catalog.load(),
        lake=config.need(Variable.LAKE_BUCKET),
        image=config.need(Variable.TRAINING_IMAGE),
        clock=wiring.now,
    )


@entry
def handler(event: RunContext, _context: Any) -> Registered:
    """Register the run's winning candidate."""
    return registration().register(event["model"], event["run_id"], event["training"]["artifact"])
