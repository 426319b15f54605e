"""Ends a run that failed: records the reason and removes the candidate; the champion keeps serving."""

from __future__ import annotations

import logging

from lambdas.runs.lifecycle import Runs
from lambdas.runs.retirement import Retirement
from relearn.errors import ConflictError

_log = logging.getLogger(__name__)


class RunFailure:
    """Ends runs that failed.

    Parameters
    ----------
    runs
        Ends runs in the ledger.
    retirement
        Removes candidates' endpoints and online features.
    """

    def __init__(self, *, runs: Runs, retirement: Retirement) -> None:
        self._runs = runs
        self._retirement = retirement

    def fail(self, model: str, run_id: str, reason: str) -> None:
        """End a run; the sweep removes what cannot be removed at once of its candidate."""
        self._runs.fail(model, run_id, reason)
        try:
            self._retirement.retire(model)
        except ConflictError:
            _log.exception("the sweep will try again", extra={"model": model, "run_id": run_id})
