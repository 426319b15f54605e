"""The function ``smoke``: parses its event and calls `lambdas.runs.smoke_test`."""

from __future__ import annotations

from typing import Any

from lambdas import once_per_process, wiring
from lambdas.runs.smoke_test import SmokeTest
from lambdas.runtime import catalog
from lambdas.runtime.config import Config
from lambdas.runtime.logging import entry
from relearn.lifecycle.run_context import RunContext, SmokeTested
from relearn.naming import resources
from relearn.naming.environment import Variable


@once_per_process
def smoke_test() -> SmokeTest:
    """Construct the smoke test of versions."""
    config = Config.from_env()
    return SmokeTest(
        ledger=wiring.ledger(config),
        storage=wiring.storage(),
        backends=wiring.backends(config),
        catalog=catalog.load(),
        lake=config.need(Variable.LAKE_BUCKET),
    )


@entry
def handler(event: RunContext, _context: Any) -> SmokeTested:
    """Smoke-test the version that came into service."""
    model, version = event["model"], event["registration"]["version"]
    place = resources.parse_place(Config.from_env().need(Variable.STAGE), model, event["endpoint"]["name"])
    return smoke_test().run(model, version, place)
