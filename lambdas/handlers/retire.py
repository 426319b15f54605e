"""The function ``retire``: parses its event and calls `lambdas.runs.retirement`."""

from __future__ import annotations

from typing import Any

from lambdas import once_per_process, wiring
from lambdas.runs.retirement import Retirement
from lambdas.runtime.config import Config
from lambdas.runtime.logging import entry
from relearn.lifecycle.run_context import Retired, RunContext


@once_per_process
def retirement() -> Retirement:
    """Construct the service that retires versions."""
    return wiring.retirement(Config.from_env())


@entry
def handler(event: RunContext, _context: Any) -> Retired:
    """Remove the endpoints and online features of a model that its route no longer needs."""
    return {"retired": retirement().retire(event["model"])}
