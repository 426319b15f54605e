"""The function ``check_data``: parses its event and calls `lambdas.runs.data_check`."""

from __future__ import annotations

from functools import cache
from typing import Any

from lambdas import wiring
from lambdas.runs.data_check import Checking
from lambdas.runtime import catalog
from lambdas.runtime.config import Config
from lambdas.runtime.logging import entry


@cache
def checking() -> Checking:
    """Make the function's one service."""
    config = Config.from_env()
    return Checking(
        ledger=wiring.ledger(config),
        storage=wiring.storage(),
        catalog=catalog.load(),
        lake=config.need("LAKE_BUCKET"),
    )


@entry
def handler(event: Any, _context: Any) -> dict[str, Any]:
    """Check the data of the run that the execution is."""
    return checking().check(event["model"], event["run_id"])
