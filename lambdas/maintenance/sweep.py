"""Repairs the effects of lost events: compares buckets, executions and endpoints with the ledger, and acts.

Runs on a schedule, and at once when an execution fails without having closed its run.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import Any

from lambdas.aws.dynamo.ledger import Ledger
from lambdas.aws.executions import Executions
from lambdas.maintenance.lost_uploads import EVENT_LATE, LostUploads
from lambdas.maintenance.missing_endpoints import MissingEndpoints
from lambdas.maintenance.orphaned_endpoints import OrphanedEndpoints
from lambdas.maintenance.stuck_batches import BatchRepair
from lambdas.rollout.approvals import Approvals
from lambdas.rollout.route_changes import RouteChanges
from lambdas.runs.failure import RunFailure
from lambdas.runs.lifecycle import TEARDOWN, Runs
from lambdas.runs.retirement import Retirement
from relearn.errors import ConflictError
from relearn.lifecycle.runs import failure_reason

_log = logging.getLogger(__name__)


@dataclass(frozen=True, kw_only=True, slots=True)
class Sweep:
    """Carries out all repairs.

    Parameters
    ----------
    ledger, executions
        Adapters.
    lost_uploads
        Sends uploads that ingest missed.
    batches
        Repairs batches.
    runs
        Starts runs.
    run_failure
        Ends runs that failed.
    retirement
        Removes endpoints and online features that are no longer needed.
    route_changes
        Deploys versions again.
    approvals
        Records decisions on versions that wait.
    missing_endpoints
        Finds missing endpoints.
    orphaned_endpoints
        Removes endpoints that no version has.
    models
        Names of the models.
    clock
        Returns the current time, aware.
    """

    ledger: Ledger
    executions: Executions
    lost_uploads: LostUploads
    batches: BatchRepair
    runs: Runs
    run_failure: RunFailure
    retirement: Retirement
    route_changes: RouteChanges
    approvals: Approvals
    missing_endpoints: MissingEndpoints
    orphaned_endpoints: OrphanedEndpoints
    models: Collection[str]
    clock: Callable[[], datetime]

    def everything(self) -> int:
        """Repair every model and every upload; an error of one does not stop the others.

        Returns
        -------
        int
            Number of uploads sent to ingest.

        Raises
        ------
        ExceptionGroup
            All errors of models and endpoints, after everything was tried.
        """
        repairs = (
            self._model,
            self.batches.repair,
            self.route_changes.repair,
            self.approvals.repair,
            self.missing_endpoints.repair,
        )
        tasks: list[Callable[[], object]] = [
            partial(repair, model) for model in self.models for repair in repairs
        ]
        troubles: list[Exception] = []
        for task in (*tasks, self.orphaned_endpoints.remove):
            try:
                task()
            except Exception as error:  # noqa: BLE001 - raised with the others below
                troubles.append(error)
        sent = self.lost_uploads.send()
        if troubles:
            raise ExceptionGroup("the sweep of some models failed", troubles)
        return sent

    def ended(self, model: str, run_id: str, reason: str) -> None:
        """Fail a run whose execution failed; a run that was closed is left as it is."""
        lock = self.ledger.lock(model)
        if lock is not None and lock.run_id == run_id:
            self.run_failure.fail(model, run_id, reason)

    def _model(self, model: str) -> None:
        lock = self.ledger.lock(model)
        if lock is None:
            self.runs.ensure_run(model)
        elif lock.run_id == TEARDOWN:
            return
        elif (reason := self.executions.ended(lock.run_id)) is not None:
            if reason:
                self.run_failure.fail(model, lock.run_id, reason)
        elif self.clock() - datetime.fromisoformat(lock.taken_at) > EVENT_LATE:
            asking = tuple(upload.upload_id for upload in self.runs.pending(model))
            self.runs.launch(model, lock.run_id, asking)
        try:
            self.retirement.retire(model)
        except ConflictError:
            _log.warning("a version is not gone yet", extra={"model": model})


def ended_run(detail: Mapping[str, Any]) -> tuple[str, str, str]:
    """Return model, run and reason of a ``Step Functions Execution Status Change``.

    Parameters
    ----------
    detail
        The event's detail; its ``input`` is the JSON that the execution was started with.
    """
    told = json.loads(detail["input"])
    reason = failure_reason(
        detail.get("error") or f"the execution {detail['status']}", detail.get("cause") or ""
    )
    return told["model"], told["run_id"], reason
