"""Ends a run that failed: records the reason and removes the candidate; the champion keeps serving."""

from __future__ import annotations

import logging
from dataclasses import dataclass

from lambdas.runs.lifecycle import Runs
from lambdas.runs.retirement import Retirement
from relearn.errors import ConflictError

_log = logging.getLogger(__name__)


@dataclass(frozen=True, kw_only=True, slots=True)
class RunFailure:
    """Ends runs that failed.

    Parameters
    ----------
    runs
        Ends runs in the ledger.
    retirement
        Removes candidates' endpoints and online features.
    """

    runs: Runs
    retirement: Retirement

    def fail(self, model: str, run_id: str, reason: str) -> None:
        """End a run; the sweep removes what cannot be removed at once of its candidate."""
        self.runs.fail(model, run_id, reason)
        try:
            self.retirement.retire(model)
        except ConflictError:
            _log.exception("the sweep will try again", extra={"model": model, "run_id": run_id})
