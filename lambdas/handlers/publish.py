"""The function ``publish``: parses its event and calls `lambdas.runs.publication`."""

from __future__ import annotations

from typing import Any

from lambdas import once_per_process, wiring
from lambdas.runs.publication import SPARE_SECONDS, Publication
from lambdas.runtime import catalog
from lambdas.runtime.config import Config
from lambdas.runtime.deadlines import until
from lambdas.runtime.logging import entry
from relearn.lifecycle.run_context import Published, RunContext


@once_per_process
def publication() -> Publication:
    """Construct the service that publishes online features."""
    config = Config.from_env()
    return Publication(
        ledger=wiring.ledger(config),
        blocks=wiring.lake_blocks(config),
        online=wiring.online(config),
        catalog=catalog.load(),
    )


@entry
def handler(event: RunContext, context: Any) -> Published:
    """Publish the features of the version that the run registered."""
    left = until(context.get_remaining_time_in_millis() / 1000 - SPARE_SECONDS)
    return publication().publish(
        event["model"], event["run_id"], event["registration"]["version"], event.get("published"), left
    )
