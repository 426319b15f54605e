"""The function ``uploads``: parses its event and calls `lambdas.uploads.requests`."""

from __future__ import annotations

from typing import Any

from lambdas import once_per_process, wiring
from lambdas.http import responses
from lambdas.runtime import catalog
from lambdas.runtime.config import Config
from lambdas.runtime.logging import entry
from lambdas.uploads.requests import Uploads
from relearn.naming.environment import Variable
from relearn.spec import policies


@once_per_process
def service() -> Uploads:
    """Construct the service that creates upload forms and describes uploads."""
    config = Config.from_env()
    return Uploads(
        ledger=wiring.ledger(config),
        forms=wiring.form_records(config),
        storage=wiring.storage(),
        links=wiring.links(config, "uploads"),
        catalog=catalog.load(),
        bucket=config.need(Variable.UPLOADS_BUCKET),
        lake=config.need(Variable.LAKE_BUCKET),
        largest=policies.largest_upload(float(config.need(Variable.INGEST_SECONDS))),
        clock=wiring.now,
    )


@entry
def handler(event: Any, _context: Any) -> dict[str, Any]:
    """Answer a request about uploads."""
    return responses.answer(event, service)
