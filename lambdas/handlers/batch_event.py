"""The function ``batch_event``: parses its event and calls `lambdas.batches.events`."""

from __future__ import annotations

from functools import cache
from typing import Any

from lambdas import wiring
from lambdas.batches.events import Listener
from lambdas.batches.lifecycle import Scoring
from lambdas.batches.results import BatchResults
from lambdas.runtime import catalog
from lambdas.runtime.config import Config
from lambdas.runtime.logging import entry


@cache
def listener() -> Listener:
    """Make the function's one service."""
    config = Config.from_env()
    records, specs = wiring.batch_records(config), catalog.load().specs
    results = BatchResults(
        storage=wiring.storage(), table=wiring.table(config), specs=specs, lake=config.need("LAKE_BUCKET")
    )
    closing = wiring.closing(config, results)
    scoring = Scoring(
        ledger=wiring.ledger(config),
        records=records,
        storage=wiring.storage(),
        transforms=wiring.transforms(config),
        closing=closing,
        specs=specs,
        uploads=config.need("UPLOADS_BUCKET"),
        lake=config.need("LAKE_BUCKET"),
    )
    return Listener(records=records, scoring=scoring, closing=closing, stage=config.need("STAGE"))


@entry
def handler(event: Any, _context: Any) -> dict[str, str]:
    """Carry on the batch that an event is about."""
    return listener().hear(event)
