"""The function ``close_run``: parses its event and calls `lambdas.runs.run_outcome`."""

from __future__ import annotations

from typing import Any

from lambdas import once_per_process, wiring
from lambdas.runs.lifecycle import Runs
from lambdas.runs.run_outcome import outcome_of, stopped_by_its_data
from lambdas.runtime.config import Config
from lambdas.runtime.logging import entry
from relearn.lifecycle.run_context import RunContext


@once_per_process
def flow() -> Runs:
    """Construct the service that starts and ends runs."""
    return wiring.runs(Config.from_env())


@entry
def handler(event: RunContext, _context: Any) -> dict[str, str]:
    """Close the run with the outcome that its execution's context shows."""
    outcome, reason = outcome_of(event)
    tables = event["data"]["tables"] if stopped_by_its_data(event) else None
    flow().close(event["model"], event["run_id"], outcome, reason, tables=tables)
    return {"state": outcome, "reason": reason}
