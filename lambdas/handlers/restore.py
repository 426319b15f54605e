"""The function ``restore``: ends the redeployment of a version by moving the route to it, or records its failure."""

from __future__ import annotations

from typing import Any

from lambdas import once_per_process, wiring
from lambdas.rollout.route_changes import RouteChanges
from lambdas.runtime.config import Config
from lambdas.runtime.logging import entry
from relearn.lifecycle.run_context import Moved, RunContext
from relearn.lifecycle.runs import failure_reason


@once_per_process
def route_changes() -> RouteChanges:
    """Construct the service that changes routes."""
    return wiring.route_changes(Config.from_env())


@entry
def handler(event: RunContext, _context: Any) -> Moved:
    """Move the route to the version that was deployed again; with an ``error`` in the event, record the failure."""
    model, version = event["model"], event["registration"]["version"]
    if (error := event.get("error")) is not None:
        route_changes().give_up(model, version, failure_reason(error["Error"], error.get("Cause", "")))
        return {}
    return {"revision": route_changes().finish(model, version).revision}
