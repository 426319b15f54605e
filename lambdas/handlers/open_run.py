"""The function ``open_run``: parses its event and calls `lambdas.runs.opening`."""

from __future__ import annotations

from typing import Any

from lambdas import once_per_process, wiring
from lambdas.runs.opening import RunOpening
from lambdas.runtime import catalog
from lambdas.runtime.config import Config
from lambdas.runtime.logging import entry
from relearn.lifecycle.run_context import RunContext
from relearn.naming.environment import Variable


@once_per_process
def run_opening() -> RunOpening:
    """Construct the service that opens runs."""
    config = Config.from_env()
    return RunOpening(
        ledger=wiring.ledger(config),
        storage=wiring.storage(),
        catalog=catalog.load(),
        stage=config.need(Variable.STAGE),
        lake=config.need(Variable.LAKE_BUCKET),
        artifacts=config.need(Variable.ARTIFACTS_BUCKET),
        engine=config.values.get(Variable.FEATURES_ENGINE),
    )


@entry
def handler(event: RunContext, _context: Any) -> RunContext:
    """Open the execution's run."""
    return run_opening().open(event["model"], event["run_id"])
