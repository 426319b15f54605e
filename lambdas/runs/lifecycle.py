"""How a run begins and ends: the only code that takes and frees a model's lock.

The ledger is the truth, the lock keeps runs of one model apart, and nothing is lost between them:
ingest writes its upload as ACCEPTED *before* it tries the lock, and a run that ends frees the lock
*before* it looks for pending uploads. So either ingest finds the lock free, or the ending run finds
the upload.

Whoever finds the lock held by a run that never got going (its holder died between taking the lock
and starting the execution) finishes that start: record and execution are made under the run's id,
and making them twice is making them once.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Collection, Iterable, Mapping
from datetime import datetime

from lambdas.aws.dynamo.ledger import Ledger
from lambdas.aws.executions import Executions
from lambdas.aws.metrics import Meter
from lambdas.aws.notify import Kind, Notifier
from lambdas.runs import upload_outcomes, withdrawal
from relearn.data import snapshots
from relearn.errors import NotFoundError
from relearn.lifecycle import runs
from relearn.lifecycle.runs import Run, RunState, VersionState
from relearn.lifecycle.uploads import Upload, UploadState, known
from relearn.naming import ids
from relearn.spec.model import ModelSpec
from relearn.traffic.route import Change

TEARDOWN = "teardown"
"""Holds the lock of every model of a stage that is being deleted; no run has this id."""

_TOLD: Mapping[RunState, Kind] = {
    RunState.PROMOTED: "promoted",
    RunState.REJECTED: "rejected",
    RunState.ROLLED_BACK: "rolled_back",
    RunState.FAILED: "failed",
}
_REFUSED = (RunState.REJECTED, RunState.ROLLED_BACK)
"""Ends of runs whose new data is not tried again."""
_log = logging.getLogger(__name__)


class Runs:
    """Starts and ends runs.

    Parameters
    ----------
    ledger, executions, notifier, meter
        Adapters.
    specs
        Model name to spec.
    debounce_seconds
        Overrides the specs' debounce window, in seconds; None: it does not.
    clock
        Gives the time, aware.
    """

    def __init__(
        self,
        *,
        ledger: Ledger,
        executions: Executions,
        notifier: Notifier,
        meter: Meter,
        specs: Mapping[str, ModelSpec],
        debounce_seconds: int | None,
        clock: Callable[[], datetime],
    ) -> None:
        self._ledger = ledger
        self._executions = executions
        self._notifier = notifier
        self._meter = meter
        self._specs = specs
        self._debounce_seconds = debounce_seconds
        self._clock = clock

    def ensure_run(self, model: str) -> None:
        """Start a run if uploads are pending and no run is on its way."""
        if pending := self.pending(model):
            self.start(model, pending)

    def pending(self, model: str) -> list[Upload]:
        """Give the uploads that a run would be of; those all of whose rows wait for their time are not among them."""
        return known(self._ledger.uploads(model, UploadState.ACCEPTED), self._clock())

    def start_scheduled(self, model: str) -> None:
        """Start a run of the uploads that wait, because it is time to; without any there is none."""
        if pending := self.pending(model):
            self.start(model, pending, scheduled=True)
        else:
            _log.info("it is time for a run, and none is started: no upload waits", extra={"model": model})

    def start(self, model: str, pending: Iterable[Upload], *, scheduled: bool = False) -> None:
        """Start a run, or help the one that holds the lock to get going.

        While one of the model's tables has no data, or none that is known yet, the uploads of the others wait for it; an
        upload of which no row is known asks for nothing. Where the spec says so, uploads wait for the schedule; not for
        the first version, without which nothing serves.

        Parameters
        ----------
        model
            Name of the model.
        pending
            The uploads that ask for it.
        scheduled
            Whether it is the time that the spec's schedule names.
        """
        if model not in self._specs:
            _log.warning("no run is started: the model is not in the catalog", extra={"model": model})
            return
        if self._ledger.route(model).frozen:
            _log.info("no run is started: the route is frozen, and uploads wait", extra={"model": model})
            return
        if not scheduled and self._waits_for_schedule(model):
            expression = self._specs[model].retrain.schedule
            _log.info("no run is started: uploads wait for %s", expression, extra={"model": model})
            return
        asking = snapshots.of_tables(known(pending, self._clock()), self._specs[model].table_names)
        if not asking or self._lacks_data(self._specs[model]):
            return
        asked = sorted(f"{upload.upload_id}:{upload.attempts}" for upload in asking)
        run_id = ids.run_id(self._clock(), "\n".join([model, *asked]))
        lock = self._ledger.take_lock(model, run_id)
        self.launch(model, lock.run_id, tuple(item.partition(":")[0] for item in asked))

    def _waits_for_schedule(self, model: str) -> bool:
        return not self._specs[model].retrain.on_upload and self._ledger.route(model).champion > 0

    def _lacks_data(self, spec: ModelSpec) -> bool:
        if not spec.tables:
            return False  # what asks for the run is data of the one table
        found = self._ledger.uploads(spec.name, UploadState.ACCEPTED, UploadState.TRAINED)
        lacking = snapshots.lacking(known(found, self._clock()), spec.table_names)
        if lacking:
            _log.info("no run is started: no data yet of %s", ", ".join(lacking), extra={"model": spec.name})
        return bool(lacking)

    def launch(self, model: str, run_id: str, uploads: tuple[str, ...]) -> None:
        """Make the record and the execution of a run that holds the lock; again is the same."""
        if run_id == TEARDOWN:
            return
        started = self._clock().isoformat(timespec="milliseconds")
        run = self._ledger.create_run(Run(run_id=run_id, model=model, started_at=started, uploads=uploads))
        if run.state is RunState.DEBOUNCING:
            seconds = self._debounce_seconds
            if seconds is None:
                seconds = self._specs[model].retrain.debounce_seconds
            payload = {"model": model, "run_id": run_id, "debounce_seconds": seconds}
            self._executions.start(run_id, payload)

    def close(
        self,
        model: str,
        run_id: str,
        outcome: RunState,
        reason: str,
        *,
        tables: Collection[str] | None = None,
    ) -> None:
        """End a run that went its way: PROMOTED, REJECTED, ROLLED_BACK or EMPTY.

        Parameters
        ----------
        model, run_id
            Which run.
        outcome, reason
            How it ended, and why.
        tables
            Of a rejected run: those whose data was wrong; what is new of the others is tried without
            it. None: all that was new is given up.
        """
        run = self._ledger.run(model, run_id)
        if outcome is RunState.PROMOTED:
            upload_outcomes.keep(self._ledger, run)
        elif outcome in _REFUSED:
            why = f"{_words(outcome)} by run {run_id}: {reason}"
            upload_outcomes.give_up(self._ledger, run, why, tables)
        self._end(run, outcome, reason)
        # What a rejected run did not give up was not to blame, and waits for the next.
        self._free(run, done_with=() if outcome in _REFUSED else run.uploads)

    def fail(self, model: str, run_id: str, reason: str) -> None:
        """End a run that broke, whatever it had done; the champion stays.

        A run that had moved the route before it broke is PROMOTED: its version serves. One whose version a person
        rejected is REJECTED. One that has ended already only frees its lock.
        """
        try:
            run = self._ledger.run(model, run_id)
        except NotFoundError:
            self._ledger.release_lock(model, run_id)
            self.ensure_run(model)
            return
        if run.state not in runs.FINAL:
            if run.version and self._ledger.route(model).champion == run.version:
                self.close(model, run_id, RunState.PROMOTED, run.reason)
                return
            if refusal := self._refusal(run):
                self.close(model, run_id, RunState.REJECTED, refusal)
                return
            upload_outcomes.count_failed(self._ledger, run, reason)
            self._give_up_candidate(run, reason)
        self._end(run, RunState.FAILED, reason)
        self._free(run, done_with=run.uploads)

    def _refusal(self, run: Run) -> str:
        """Say how a run's version was rejected by a person; empty when none did so."""
        version = self._ledger.version(run.model, run.version) if run.version else None
        if version is None or version.approval is None or version.approval.verdict != "reject":
            return ""
        return f"version {version.version} {version.approval.words}"

    def _give_up_candidate(self, run: Run, reason: str) -> None:
        version = self._ledger.version(run.model, run.version) if run.version else None
        if version is not None:
            change = Change("withdrawn", f"run {run.run_id}", reason)
            withdrawal.withdraw(self._ledger, run.model, run.version, change)
        if version is not None and version.state is VersionState.REGISTERED:
            self._ledger.change_version(version, state=VersionState.FAILED, reason=reason)

    def _end(self, run: Run, state: RunState, reason: str) -> None:
        """Write the run's final state, telling people first; a run that has ended stays as it is."""
        if run.state in runs.FINAL:
            return
        if (kind := _TOLD.get(state)) is not None:
            self._notifier.tell(kind, run.model, f"run {run.run_id} {_words(state)}", reason)
        self._meter.count("Runs", model=run.model, outcome=state)
        self._ledger.move_run(run, state, reason)
        _log.info("run ended %s", state, extra={"model": run.model, "run_id": run.run_id, "reason": reason})

    def _free(self, run: Run, *, done_with: Collection[str]) -> None:
        """Free the lock, then start the next run if uploads wait beside those that this one is done with."""
        self._ledger.release_lock(run.model, run.run_id)
        pending = self.pending(run.model)
        # An older version of an object that this run was about waits with it.
        if {upload.upload_id for upload in snapshots.newest(pending).values()} - set(done_with):
            self.start(run.model, pending)


def _words(state: RunState) -> str:
    return state.lower().replace("_", " ")
