"""Ends a run that broke: the reason is written down, the candidate goes, the champion stays."""

from __future__ import annotations

import logging
from functools import cache
from typing import Any

from lambdas import wiring
from lambdas.runs.lifecycle import Runs
from lambdas.runs.retirement import Retirement
from lambdas.runtime.config import Config
from lambdas.runtime.logging import entry
from relearn.errors import ConflictError
from relearn.lifecycle.runs import failure_reason

_log = logging.getLogger(__name__)


class Failing:
    """Ends runs that broke.

    Parameters
    ----------
    runs
        Ends runs in the ledger.
    retirement
        Removes candidates' endpoints and features.
    """

    def __init__(self, *, runs: Runs, retirement: Retirement) -> None:
        self._runs = runs
        self._retirement = retirement

    def fail(self, model: str, run_id: str, reason: str) -> None:
        """End a run; what will not go at once of its candidate is left to the sweep."""
        self._runs.fail(model, run_id, reason)
        try:
            self._retirement.retire(model)
        except ConflictError:
            _log.exception("the sweep will try again", extra={"model": model, "run_id": run_id})


@cache
def failing() -> Failing:
    """Make the function's one service."""
    config = Config.from_env()
    return Failing(runs=wiring.runs(config), retirement=wiring.retirement(config))


@entry
def handler(event: Any, _context: Any) -> dict[str, str]:
    """Fail the run with the error that the state machine caught."""
    reason = failure_reason(event["error"]["Error"], event["error"].get("Cause", ""))
    failing().fail(event["model"], event["run_id"], reason)
    return {"reason": reason}
