"""The function ``judge``: parses its event and calls `lambdas.runs.judgement`."""

from __future__ import annotations

from typing import Any

from lambdas import once_per_process, wiring
from lambdas.runs.judgement import Judge
from lambdas.runtime import catalog
from lambdas.runtime.config import Config
from lambdas.runtime.logging import entry
from relearn.lifecycle.run_context import Judgement, RunContext
from relearn.naming.environment import Variable


@once_per_process
def judge() -> Judge:
    """Construct the judge of candidates."""
    config = Config.from_env()
    return Judge(
        ledger=wiring.ledger(config),
        storage=wiring.storage(),
        catalog=catalog.load(),
        stage=config.need(Variable.STAGE),
        lake=config.need(Variable.LAKE_BUCKET),
        artifacts=config.need(Variable.ARTIFACTS_BUCKET),
    )


@entry
def handler(event: RunContext, _context: Any) -> Judgement:
    """Judge the candidate of the run's training job."""
    return judge().judge(event["model"], event["run_id"], event["training"]["artifact"])
