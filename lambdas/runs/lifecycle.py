"""Starts and ends runs: the only code that takes and frees a model's lock.

The ledger is the truth, and the lock keeps runs of one model apart. No upload is lost between the two: ingest
records its upload as ACCEPTED *before* it tries the lock, and an ending run frees the lock *before* it looks
for pending uploads. So either ingest finds the lock free, or the ending run finds the upload.

A process that finds the lock held by a run that never started (its holder died between taking the lock and
starting the execution) completes that start. Record and execution are created under the run's id, so creating
them twice has the effect of once.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime

from lambdas.aws.dynamo.ledger import Ledger
from lambdas.aws.executions import Executions
from lambdas.aws.metrics import Meter
from lambdas.aws.notify import Kind, Notifier
from lambdas.runs import upload_outcomes, withdrawal
from relearn.data import snapshots
from relearn.errors import NotFoundError
from relearn.lifecycle import runs
from relearn.lifecycle.blame import TO_BLAME
from relearn.lifecycle.run_context import RunContext
from relearn.lifecycle.runs import Run, RunState, VersionState
from relearn.lifecycle.uploads import Upload, UploadState, is_undecided, known
from relearn.naming import ids
from relearn.spec.model import ModelSpec
from relearn.traffic.route import Change

TEARDOWN = "teardown"
"""Run id that holds the lock of every model of a stage that is being deleted; no run has it."""

_TOLD: Mapping[RunState, Kind] = {
    RunState.PROMOTED: "promoted",
    RunState.REJECTED: "rejected",
    RunState.ROLLED_BACK: "rolled_back",
    RunState.FAILED: "failed",
}
_REFUSED = (RunState.REJECTED, RunState.ROLLED_BACK)
"""Outcomes after which a run's new data is not tried again."""
_log = logging.getLogger(__name__)


@dataclass(frozen=True, kw_only=True, slots=True)
class Runs:
    """Starts and ends runs.

    Parameters
    ----------
    ledger, executions, notifier, meter
        Adapters.
    specs
        Model name to spec.
    debounce_seconds
        Debounce window in seconds, in place of the specs'; None: the specs'.
    clock
        Returns the current time, aware.
    """

    ledger: Ledger
    executions: Executions
    notifier: Notifier
    meter: Meter
    specs: Mapping[str, ModelSpec]
    debounce_seconds: int | None
    clock: Callable[[], datetime]

    def ensure_run(self, model: str) -> None:
        """Start a run if uploads are pending and no run is under way."""
        if pending := self.pending(model):
            self.start(model, pending)

    def pending(self, model: str) -> list[Upload]:
        """Return the accepted uploads that a run could train on: those with at least one row whose time has come.

        None where all of them were judged before without a decision: the same data would be judged the same way.
        """
        found = known(self.ledger.uploads(model, UploadState.ACCEPTED), self.clock())
        return [] if all(map(is_undecided, found)) else found

    def start_scheduled(self, model: str) -> None:
        """Start a run of the pending uploads at the scheduled time; without pending uploads none starts."""
        if pending := self.pending(model):
            self.start(model, pending, scheduled=True)
        else:
            _log.info("it is time for a run, and none is started: no upload waits", extra={"model": model})

    def start(self, model: str, pending: Iterable[Upload], *, scheduled: bool = False) -> None:
        """Start a run, or complete the start of the run that holds the lock.

        No run starts while one of the model's tables has no data, or none that is known yet, or while the
        route is frozen. Where the spec has a schedule instead of runs on upload, uploads wait for it, except
        for the first version, without which nothing serves.

        Parameters
        ----------
        model
            Name of the model.
        pending
            The uploads to train on; those with no known row yet are ignored.
        scheduled
            Whether it is the time that the spec's schedule names.
        """
        if model not in self.specs:
            _log.warning("no run is started: the model is not in the catalog", extra={"model": model})
            return
        if self.ledger.route(model).frozen:
            _log.info("no run is started: the route is frozen, and uploads wait", extra={"model": model})
            return
        if not scheduled and self._waits_for_schedule(model):
            expression = self.specs[model].retrain.schedule
            _log.info("no run is started: uploads wait for %s", expression, extra={"model": model})
            return
        asking = snapshots.of_tables(known(pending, self.clock()), self.specs[model].table_names)
        if not asking or self._lacks_data(self.specs[model]):
            return
        asked = sorted(f"{upload.upload_id}:{upload.attempts}" for upload in asking)
        run_id = ids.run_id(self.clock(), "\n".join([model, *asked]))
        lock = self.ledger.take_lock(model, run_id)
        self.launch(model, lock.run_id, tuple(item.partition(":")[0] for item in asked))

    def _waits_for_schedule(self, model: str) -> bool:
        return not self.specs[model].retrain.on_upload and self.ledger.route(model).champion > 0

    def _lacks_data(self, spec: ModelSpec) -> bool:
        if not spec.tables:
            return False  # the upload that started this is data of the only table
        found = self.ledger.uploads(spec.name, UploadState.ACCEPTED, UploadState.TRAINED)
        lacking = snapshots.lacking(known(found, self.clock()), spec.table_names)
        if lacking:
            _log.info("no run is started: no data yet of %s", ", ".join(lacking), extra={"model": spec.name})
        return bool(lacking)

    def launch(self, model: str, run_id: str, uploads: tuple[str, ...]) -> None:
        """Create the record and the execution of the run that holds the lock; idempotent.

        A run's id follows from its uploads and the second, so two who start it have one. The lock of the slower
        may be taken when the run has ended already; then it is freed, as the end of the run would have done.
        """
        if run_id == TEARDOWN:
            return
        started = self.clock().isoformat(timespec="milliseconds")
        run = self.ledger.create_run(Run(run_id=run_id, model=model, started_at=started, uploads=uploads))
        if run.state is RunState.DEBOUNCING:
            seconds = self.debounce_seconds
            if seconds is None:
                seconds = self.specs[model].retrain.debounce_seconds
            context: RunContext = {"model": model, "run_id": run_id, "debounce_seconds": seconds}
            self.executions.start(run_id, context)
        elif run.state in runs.FINAL:
            self._free(run, done_with=run.uploads)

    def close(
        self,
        model: str,
        run_id: str,
        outcome: RunState,
        reason: str,
        *,
        tables: Collection[str] | None = None,
    ) -> None:
        """End a run that completed: PROMOTED, REJECTED, ROLLED_BACK or EMPTY.

        Parameters
        ----------
        model, run_id
            The run.
        outcome, reason
            Final state, and why.
        tables
            For a run that was rejected before training: the tables whose data was wrong. New uploads of these
            tables fail; those of other tables stay pending. None: the judgement says which uploads fail.
        """
        run = self.ledger.run(model, run_id)
        if outcome is RunState.PROMOTED:
            upload_outcomes.keep(self.ledger, run)
        elif outcome in _REFUSED:
            self._settle(run, outcome, reason, tables)
        self._end(run, outcome, reason)
        # Uploads of a rejected run that did not fail are not to blame, and wait for the next run.
        self._free(run, done_with=() if outcome in _REFUSED else run.uploads)

    def _settle(self, run: Run, outcome: RunState, reason: str, tables: Collection[str] | None) -> None:
        """Move the new uploads of a run that was rejected or rolled back.

        Without a sure loss they stay for the next run. Where some are to blame for the loss, or for what a person
        refused, these fail; else all of them do.
        """
        why = f"{_words(outcome)} by run {run.run_id}"
        judged = outcome is RunState.REJECTED and tables is None
        if judged and run.keeps_uploads:
            upload_outcomes.leave(self.ledger, run, f"no decision by run {run.run_id}: {reason}")
        elif judged and run.blamed:
            decided = f" ({reason})" if run.contradicts else ""
            upload_outcomes.give_up_blamed(self.ledger, run, f"{why}, {TO_BLAME}{decided}")
        else:
            upload_outcomes.give_up(self.ledger, run, f"{why}: {reason}", tables)

    def fail(self, model: str, run_id: str, reason: str) -> None:
        """End a run that failed, at whatever step; the champion keeps serving.

        A run whose version is the champion already is PROMOTED. One whose version a person rejected is
        REJECTED. For one that has already ended, only the lock is freed.
        """
        try:
            run = self.ledger.run(model, run_id)
        except NotFoundError:
            self.ledger.release_lock(model, run_id)
            self.ensure_run(model)
            return
        if run.state not in runs.FINAL:
            if run.version and self.ledger.route(model).champion == run.version:
                self.close(model, run_id, RunState.PROMOTED, run.reason)
                return
            if refusal := self._refusal(run):
                self.close(model, run_id, RunState.REJECTED, refusal)
                return
            upload_outcomes.count_failed(self.ledger, run, reason)
            self._give_up_candidate(run, reason)
        self._end(run, RunState.FAILED, reason)
        self._free(run, done_with=run.uploads)

    def _refusal(self, run: Run) -> str:
        """Return how a person rejected the run's version; empty when nobody did."""
        version = self.ledger.version(run.model, run.version) if run.version else None
        if version is None or version.approval is None or version.approval.verdict != "reject":
            return ""
        return f"version {version.version} {version.approval.words}"

    def _give_up_candidate(self, run: Run, reason: str) -> None:
        version = self.ledger.version(run.model, run.version) if run.version else None
        if version is not None:
            change = Change("withdrawn", f"run {run.run_id}", reason)
            withdrawal.withdraw(self.ledger, run.model, run.version, change)
        if version is not None and version.state is VersionState.REGISTERED:
            self.ledger.change_version(version, state=VersionState.FAILED, reason=reason)

    def _end(self, run: Run, state: RunState, reason: str) -> None:
        """Write the run's final state, after notifying people; a run that has ended is left as it is."""
        if run.state in runs.FINAL:
            return
        if (kind := _TOLD.get(state)) is not None:
            self.notifier.tell(kind, run.model, f"run {run.run_id} {_words(state)}", reason)
        self.meter.count("Runs", model=run.model, outcome=state)
        self.ledger.move_run(run, state, reason)
        _log.info("run ended %s", state, extra={"model": run.model, "run_id": run.run_id, "reason": reason})

    def _free(self, run: Run, *, done_with: Collection[str]) -> None:
        """Free the lock, then start the next run if uploads other than ``done_with`` are pending."""
        self.ledger.release_lock(run.model, run.run_id)
        pending = self.pending(run.model)
        # An older version of an object that this run used waits with the newer one.
        if {upload.upload_id for upload in snapshots.newest(pending).values()} - set(done_with):
            self.start(run.model, pending)


def _words(state: RunState) -> str:
    return state.lower().replace("_", " ")
