"""The function ``register``: parses its event and calls `lambdas.runs.registration`."""

from __future__ import annotations

from functools import cache
from typing import Any

from lambdas import wiring
from lambdas.runs.registration import Registering
from lambdas.runtime import catalog
from lambdas.runtime.config import Config
from lambdas.runtime.logging import entry


@cache
def registering() -> Registering:
    """Make the function's one service."""
    config = Config.from_env()
    return Registering(
        ledger=wiring.ledger(config),
        registry=wiring.registry(config),
        catalog=catalog.load(),
        lake=config.need("LAKE_BUCKET"),
        image=config.need("TRAINING_IMAGE"),
        clock=wiring.now,
    )


@entry
def handler(event: Any, _context: Any) -> dict[str, Any]:
    """Register the candidate that won."""
    return registering().register(event["model"], event["run_id"], event["training"]["artifact"])
