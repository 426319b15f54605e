"""The function ``promote``: parses its event and calls `lambdas.rollout.promotion`."""

from __future__ import annotations

from typing import Any

from lambdas import once_per_process, wiring
from lambdas.rollout.promotion import Promotion
from lambdas.runtime.config import Config
from lambdas.runtime.logging import entry
from relearn.lifecycle.run_context import Promoted, RunContext


@once_per_process
def promotion() -> Promotion:
    """Construct the service that promotes versions."""
    return Promotion(ledger=wiring.ledger(Config.from_env()))


@entry
def handler(event: RunContext, _context: Any) -> Promoted:
    """Promote the version that the run registered."""
    return promotion().promote(event["model"], event["run_id"], event["registration"]["version"])
