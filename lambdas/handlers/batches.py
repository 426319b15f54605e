"""The function ``batches``: parses its event and calls `lambdas.batches.requests`."""

from __future__ import annotations

from typing import Any

from lambdas import once_per_process, wiring
from lambdas.batches.requests import Batches
from lambdas.http import responses
from lambdas.runtime import catalog
from lambdas.runtime.config import Config
from lambdas.runtime.logging import entry
from relearn.naming.environment import Variable


@once_per_process
def service() -> Batches:
    """Construct the service that creates and describes batches."""
    config = Config.from_env()
    return Batches(
        ledger=wiring.ledger(config),
        records=wiring.batch_records(config),
        links=wiring.links(config, "batches"),
        closer=wiring.closer(config),
        catalog=catalog.load(),
        uploads=config.need(Variable.UPLOADS_BUCKET),
        lake=config.need(Variable.LAKE_BUCKET),
        clock=wiring.now,
    )


@entry
def handler(event: Any, _context: Any) -> dict[str, Any]:
    """Answer a request about batches."""
    return responses.answer(event, service)
