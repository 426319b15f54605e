"""Repairs what events lost: compares buckets, executions and endpoints with the ledger, and acts.

Runs on a schedule, and at once when an execution ends badly without having closed its run.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import datetime, timedelta
from functools import cache, partial
from itertools import groupby
from typing import Any

from lambdas import catalog, events, wiring
from lambdas.approving import Approving
from lambdas.aws.executions import Executions
from lambdas.aws.ledger import Ledger
from lambdas.aws.queue import IngestQueue
from lambdas.aws.storage import Storage, StoredVersion
from lambdas.batch_repair import BatchRepair
from lambdas.config import Config
from lambdas.fail_run import Failing
from lambdas.logs import entry
from lambdas.operating import Operating
from lambdas.orphans import Orphans
from lambdas.retirement import Retirement
from lambdas.runs_flow import TEARDOWN, Runs
from lambdas.vanished import Vanished
from relearn import ids, s3_keys
from relearn.errors import ConflictError
from relearn.runs import failure_reason
from relearn.uploads import Upload, UploadState

EVENT_LATE = timedelta(minutes=2)
"""An object without a record, or a lock without an execution, is let alone for so long."""
STUCK = timedelta(minutes=20)
"""An upload that is received and not decided is sent again after this: ingest may take 15 minutes."""
FIRST = "0" * 24
"""Sequencer of a missed version with none before it, without its last digit: longer than S3's, so less than any of them."""
_log = logging.getLogger(__name__)


class Sweep:
    """Repairs.

    Parameters
    ----------
    ledger, storage, queue, executions
        Adapters.
    batches
        What repairs batches.
    runs, failing, retirement
        What starts, ends and cleans up after runs.
    operating
        What deploys versions again.
    approving
        What takes decisions about versions that wait.
    vanished
        What finds endpoints that are gone.
    orphans
        What removes endpoints that no version has.
    models
        Names of the models.
    bucket
        Name of the uploads bucket.
    clock
        Gives the time, aware.
    """

    def __init__(
        self,
        *,
        ledger: Ledger,
        storage: Storage,
        queue: IngestQueue,
        executions: Executions,
        batches: BatchRepair,
        runs: Runs,
        failing: Failing,
        retirement: Retirement,
        operating: Operating,
        approving: Approving,
        vanished: Vanished,
        orphans: Orphans,
        models: Iterable[str],
        bucket: str,
        clock: Callable[[], datetime],
    ) -> None:
        self._ledger = ledger
        self._storage = storage
        self._queue = queue
        self._executions = executions
        self._batches = batches
        self._runs = runs
        self._failing = failing
        self._retirement = retirement
        self._operating = operating
        self._approving = approving
        self._vanished = vanished
        self._orphans = orphans
        self._models = tuple(models)
        self._bucket = bucket
        self._clock = clock

    def everything(self) -> int:
        """Look at every model and every upload; the trouble of one keeps none of the others waiting.

        Returns
        -------
        int
            How many uploads were sent to ingest.

        Raises
        ------
        ExceptionGroup
            What went wrong, after everything else was looked at.
        """
        repairs = (
            self._model,
            self._batches.repair,
            self._operating.repair,
            self._approving.repair,
            self._vanished.repair,
        )
        tasks: list[Callable[[], object]] = [
            partial(repair, model) for model in self._models for repair in repairs
        ]
        troubles: list[Exception] = []
        for task in (*tasks, self._orphans.remove):
            try:
                task()
            except Exception as error:  # noqa: BLE001 - raised with the others below
                troubles.append(error)
        sent = self._lost_uploads()
        if troubles:
            raise ExceptionGroup("the sweep of some models failed", troubles)
        return sent

    def ended(self, model: str, run_id: str, reason: str) -> None:
        """Fail a run whose execution ended badly; one that closed properly is not touched."""
        lock = self._ledger.lock(model)
        if lock is not None and lock.run_id == run_id:
            self._failing.fail(model, run_id, reason)

    def _model(self, model: str) -> None:
        lock = self._ledger.lock(model)
        if lock is None:
            self._runs.ensure_run(model)
        elif lock.run_id == TEARDOWN:
            return
        elif (reason := self._executions.ended(lock.run_id)) is not None:
            if reason:
                self._failing.fail(model, lock.run_id, reason)
        elif self._older(datetime.fromisoformat(lock.taken_at), EVENT_LATE):
            pending = self._ledger.uploads(model, UploadState.ACCEPTED)
            self._runs.launch(model, lock.run_id, tuple(upload.upload_id for upload in pending))
        try:
            self._retirement.retire(model)
        except ConflictError:
            _log.warning("a version is not gone yet", extra={"model": model})

    def _lost_uploads(self) -> int:
        stored = self._storage.versions(self._bucket, f"{s3_keys.INCOMING}/")
        sent = 0
        for model, found in groupby(_with_model(stored), key=lambda pair: pair[0]):
            known = {upload.upload_id: upload for upload in self._ledger.uploads(model)}
            for _, versions in groupby((version for _, version in found), key=lambda version: version.key):
                sent += self._lost_versions(list(versions), known)
        return sent

    def _lost_versions(self, versions: list[StoredVersion], known: Mapping[str, Upload]) -> int:
        """Send the versions of one object that ingest missed, the oldest first.

        S3 tells the order of versions by its listing, not by sequencers; a missed version gets
        one that sorts just after that of the version before it, and before those that S3 gave to later ones.
        """
        sequencer, sent = FIRST, 0
        for version in reversed(versions):
            upload = known.get(ids.upload_id(self._bucket, version.key, version.version_id))
            sequencer = upload.sequencer if upload is not None else f"{sequencer}1"
            since = version.stored_at if upload is None else _received(upload)
            undecided = upload is None or upload.state is UploadState.RECEIVED
            if undecided and self._older(since, EVENT_LATE if upload is None else STUCK):
                self._queue.send(events.object_created(self._bucket, version, sequencer=sequencer))
                sent += 1
        return sent

    def _older(self, since: datetime, age: timedelta) -> bool:
        return self._clock() - since > age


def _received(upload: Upload) -> datetime:
    """Give when ingest got it: when a person had it tried again, that time."""
    return datetime.fromisoformat(upload.times.get(UploadState.RECEIVED, upload.received_at))


def _with_model(stored: Iterable[StoredVersion]) -> Iterator[tuple[str, StoredVersion]]:
    for version in stored:
        incoming = s3_keys.parse_incoming(version.key)
        if incoming is not None:
            yield incoming.model, version


def ended_run(detail: Mapping[str, Any]) -> tuple[str, str, str]:
    """Read model, run and reason from a ``Step Functions Execution Status Change``.

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


@cache
def sweep() -> Sweep:
    """Make the function's one service."""
    config = Config.from_env()
    ledger, runs = wiring.ledger(config), wiring.runs(config)
    retirement, operating = wiring.retirement(config), wiring.operating(config)
    return Sweep(
        ledger=ledger,
        storage=wiring.storage(),
        queue=wiring.ingest_queue(config),
        executions=wiring.executions(config),
        batches=BatchRepair(
            records=wiring.batch_records(config),
            storage=wiring.storage(),
            functions=wiring.functions(config),
            closing=wiring.closing(config),
            bucket=config.need("UPLOADS_BUCKET"),
            clock=wiring.now,
        ),
        runs=runs,
        failing=Failing(runs=runs, retirement=retirement),
        retirement=retirement,
        operating=operating,
        vanished=Vanished(
            ledger=ledger,
            endpoints=wiring.endpoints(config),
            operating=operating,
            stage=config.need("STAGE"),
        ),
        approving=wiring.approving(config),
        orphans=Orphans(
            ledger=ledger, endpoints=wiring.endpoints(config), stage=config.need("STAGE"), clock=wiring.now
        ),
        models=catalog.load().specs,
        bucket=config.need("UPLOADS_BUCKET"),
        clock=wiring.now,
    )


@entry
def handler(event: Any, _context: Any) -> dict[str, int]:
    """Sweep everything, or end the run whose execution this event says has ended."""
    if event.get("detail-type") != "Step Functions Execution Status Change":
        return {"sent": sweep().everything()}
    sweep().ended(*ended_run(event["detail"]))
    return {"sent": 0}
