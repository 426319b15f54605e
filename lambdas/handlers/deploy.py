"""The function ``deploy``: parses its event and calls `lambdas.runs.deployment`."""

from __future__ import annotations

from typing import Any

from lambdas import once_per_process, wiring
from lambdas.runs.deployment import Deployment
from lambdas.runtime import catalog
from lambdas.runtime.config import Config
from lambdas.runtime.logging import entry
from relearn.lifecycle.run_context import Deployed, RunContext
from relearn.naming.environment import Variable


@once_per_process
def deployment() -> Deployment:
    """Construct the service that deploys versions."""
    config = Config.from_env()
    return Deployment(
        ledger=wiring.ledger(config),
        endpoints=wiring.endpoints(config),
        storage=wiring.storage(),
        catalog=catalog.load(),
        stage=config.need(Variable.STAGE),
        roles=config.need(Variable.ENDPOINT_ROLES),
        poll_seconds=int(config.need(Variable.POLL_SECONDS)),
    )


@entry
def handler(event: RunContext, _context: Any) -> Deployed:
    """Create the endpoint of the registered version, if missing, and return its status."""
    return deployment().deploy(event["model"], event["registration"]["version"], event.get("endpoint"))
