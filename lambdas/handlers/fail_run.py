"""The function ``fail_run``: parses its event and calls `lambdas.runs.failure`."""

from __future__ import annotations

from typing import Any

from lambdas import once_per_process, wiring
from lambdas.runs.failure import RunFailure
from lambdas.runtime.config import Config
from lambdas.runtime.logging import entry
from relearn.lifecycle.run_context import RunContext
from relearn.lifecycle.runs import failure_reason


@once_per_process
def run_failure() -> RunFailure:
    """Construct the service that ends failed runs."""
    config = Config.from_env()
    return RunFailure(runs=wiring.runs(config), retirement=wiring.retirement(config))


@entry
def handler(event: RunContext, _context: Any) -> dict[str, str]:
    """Fail the run with the error that the state machine caught."""
    reason = failure_reason(event["error"]["Error"], event["error"].get("Cause", ""))
    run_failure().fail(event["model"], event["run_id"], reason)
    return {"reason": reason}
