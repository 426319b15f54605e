"""The function ``batch_event``: parses its event and calls `lambdas.batches.events`."""

from __future__ import annotations

from typing import Any

from lambdas import once_per_process, wiring
from lambdas.batches.events import Listener
from lambdas.batches.lifecycle import BatchScorer
from lambdas.batches.results import BatchResults
from lambdas.runtime import catalog
from lambdas.runtime.config import Config
from lambdas.runtime.logging import entry
from relearn.naming.environment import Variable


@once_per_process
def listener() -> Listener:
    """Construct the service that handles the events of batches."""
    config = Config.from_env()
    records, specs = wiring.batch_records(config), catalog.load().specs
    results = BatchResults(
        storage=wiring.storage(),
        table=wiring.table(config),
        specs=specs,
        lake=config.need(Variable.LAKE_BUCKET),
    )
    closer = wiring.closer(config, results)
    scorer = BatchScorer(
        ledger=wiring.ledger(config),
        records=records,
        storage=wiring.storage(),
        transforms=wiring.transforms(config),
        closer=closer,
        specs=specs,
        uploads=config.need(Variable.UPLOADS_BUCKET),
        lake=config.need(Variable.LAKE_BUCKET),
    )
    return Listener(records=records, scorer=scorer, closer=closer, stage=config.need(Variable.STAGE))


@entry
def handler(event: Any, _context: Any) -> dict[str, str]:
    """Continue the batch that an event concerns."""
    return listener().hear(event)
