"""The function ``scheduled_run``: starts a run of the pending uploads at the times that the model's spec names."""

from __future__ import annotations

from typing import Any

from lambdas import once_per_process, wiring
from lambdas.runs.lifecycle import Runs
from lambdas.runtime.config import Config
from lambdas.runtime.logging import entry


@once_per_process
def flow() -> Runs:
    """Construct the service that starts and ends runs."""
    return wiring.runs(Config.from_env())


@entry
def handler(event: Any, _context: Any) -> None:
    """Start a run of the model that the schedule names."""
    flow().start_scheduled(event["model"])
