"""The function ``operate``: parses its event and calls `lambdas.rollout.operations`."""

from __future__ import annotations

from typing import Any

from lambdas import once_per_process, wiring
from lambdas.http import responses
from lambdas.rollout.operations import RouteOperations
from lambdas.runtime import catalog
from lambdas.runtime.config import Config
from lambdas.runtime.logging import entry


@once_per_process
def route_operations() -> RouteOperations:
    """Construct the service that reports and changes routes."""
    config = Config.from_env()
    return RouteOperations(
        ledger=wiring.ledger(config),
        catalog=catalog.load(),
        route_changes=wiring.route_changes(config),
        approvals=wiring.approvals(config),
    )


@entry
def handler(event: Any, _context: Any) -> dict[str, Any]:
    """Answer a request to read or change a route, or to decide on a version."""
    return responses.answer(event, route_operations)
