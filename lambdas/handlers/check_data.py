"""The function ``check_data``: parses its event and calls `lambdas.runs.data_check`."""

from __future__ import annotations

from typing import Any

from lambdas import once_per_process, wiring
from lambdas.runs.data_check import DataCheck
from lambdas.runtime import catalog
from lambdas.runtime.config import Config
from lambdas.runtime.logging import entry
from relearn.lifecycle.run_context import DataVerdict, RunContext
from relearn.naming.environment import Variable


@once_per_process
def data_check() -> DataCheck:
    """Construct the service that checks the data of runs."""
    config = Config.from_env()
    return DataCheck(
        ledger=wiring.ledger(config),
        storage=wiring.storage(),
        catalog=catalog.load(),
        lake=config.need(Variable.LAKE_BUCKET),
    )


@entry
def handler(event: RunContext, _context: Any) -> DataVerdict:
    """Check the data of the execution's run."""
    return data_check().check(event["model"], event["run_id"])
