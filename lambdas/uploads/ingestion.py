"""Ingests one upload: records it in the ledger, checks it, and writes a shard or a quarantine record.

Every step is idempotent, because queues deliver at least once and two deliveries may run at the same time: a
decided upload is left alone, a shard is written once, and of two concurrent decisions one wins.
"""

from __future__ import annotations

import hashlib
import json
import logging
import tempfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from lambdas.aws.dynamo.ledger import Ledger
from lambdas.aws.dynamo.turns import Turns
from lambdas.aws.metrics import Meter
from lambdas.aws.notify import Notifier
from lambdas.aws.queue import IngestQueue
from lambdas.aws.s3.storage import Storage
from lambdas.runs import shard_profiles
from lambdas.runs.lifecycle import Runs
from lambdas.runtime import s3_events
from preparation import Outcome, Refusal, prepare
from relearn import faults
from relearn.cutting import cut
from relearn.errors import ConflictError, NotFoundError
from relearn.lifecycle import turns, uploads
from relearn.lifecycle.runs import MAX_REASON
from relearn.lifecycle.uploads import Upload, UploadState
from relearn.naming import ids, s3_keys
from relearn.spec import policies
from relearn.spec.model import ModelSpec
from relearn.spec.tables import MAIN

CHECK_SHARE = 0.85
"""Share of the function's time that a check may take; the rest is for its result: a copy, a shard, notifications."""
LARGEST_COPY = 5 * 1024**3  # limit of one copy in S3, in bytes
_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Buckets:
    """Names of the buckets.

    Parameters
    ----------
    uploads
        Bucket where uploads arrive.
    lake
        Bucket of shards and quarantine records.
    """

    uploads: str
    lake: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Ingestion:
    """Ingests uploads.

    Parameters
    ----------
    ledger, turns, queue, storage, notifier, meter
        Adapters.
    runs
        Starts runs.
    specs
        Model name to spec.
    buckets
        Names of the buckets.
    clock
        Returns the current time, aware.
    """

    ledger: Ledger
    turns: Turns
    queue: IngestQueue
    storage: Storage
    notifier: Notifier
    meter: Meter
    runs: Runs
    specs: Mapping[str, ModelSpec]
    buckets: Buckets
    clock: Callable[[], datetime]

    def take(self, detail: Mapping[str, Any], left: Callable[[], float]) -> None:
        """Ingest the object that an ``Object Created`` event names, and start a run when it is accepted.

        Parameters
        ----------
        detail
            The event's detail: ``bucket.name`` and ``object.{key,size,version-id,sequencer}``. EventBridge
            does not URL-encode the key. ``returns`` is the number of times that the upload was put off;
            absent means 0.
        left
            Returns the seconds until the function is cut off.
        """
        upload = self._read(detail)
        if upload is None:
            return
        table = upload.table  # by the current specs: they may have changed since the first try
        upload = self.ledger.receive(upload)
        if upload.state is UploadState.RECEIVED:
            upload = self._in_turn(replace(upload, table=table), left, detail.get("returns", 0))
        if upload.state is UploadState.ACCEPTED:
            self.runs.ensure_run(upload.model)

    def _read(self, detail: Mapping[str, Any]) -> Upload | None:
        bucket, found = detail["bucket"]["name"], detail["object"]
        incoming = s3_keys.parse_incoming(found["key"])
        if incoming is None or bucket != self.buckets.uploads:
            _log.info("not an upload, ignored: s3://%s/%s", bucket, found["key"])
            return None
        spec = self.specs.get(incoming.model)
        table = incoming.table(spec.table_names) if spec else MAIN
        version_id = found.get("version-id") or "null"
        return Upload(
            upload_id=ids.upload_id(bucket, found["key"], version_id),
            model=incoming.model,
            table=table or "",
            key=found["key"],
            version_id=version_id,
            sequencer=found.get("sequencer", ""),
            size_bytes=int(found.get("size", 0)),
            received_at=self.clock().isoformat(timespec="milliseconds"),
        )

    def _in_turn(self, upload: Upload, left: Callable[[], float], returns: int) -> Upload:
        """Decide the upload, or put it off when its model already uses its share of ingest's concurrency."""
        if upload.sent_at and datetime.fromisoformat(upload.sent_at) > self.clock():
            _log.info("put off already, it comes again", extra={"upload_id": upload.upload_id})
            return upload
        given = left()
        until = self.clock() + timedelta(seconds=given)
        model = upload.model if upload.model in self.specs else turns.UNKNOWN
        if why := self.turns.take(model, upload.upload_id, until, slow=uploads.was_slow(upload)):
            return self._put_off(upload, why, returns)
        try:
            decided = self._decided(upload, until, left)
        except Exception:
            self.turns.give_back(model, upload.upload_id, given - left())
            raise
        self.turns.give_back(model, upload.upload_id, given - left())
        return decided

    def _put_off(self, upload: Upload, why: str, returns: int) -> Upload:
        """Put the upload off: send it to ingest later, in a new message, or leave it to the sweep.

        The message is new because the queue moves one that is returned a few times to the dead-letter queue.
        The ledger is written first: if the process dies in between, no message is sent, and the sweep sends
        the upload.
        """
        seconds, now = turns.pause(returns), self.clock()
        due = None if seconds is None else now + timedelta(seconds=seconds)
        reason = turns.put_off(why, due)
        _log.info("%s", reason, extra={"model": upload.model, "upload_id": upload.upload_id})
        if self.ledger.put_off(upload, due or now, reason) and seconds is not None:
            self.queue.send(s3_events.put_off(self.buckets.uploads, upload, returns + 1), seconds)
        return upload

    def _decided(self, upload: Upload, until: datetime, left: Callable[[], float]) -> Upload:
        """Decide the upload; when that fails for now, record the reason in the ledger, where people see it."""
        begun = self.ledger.begin_check(upload, until)
        if begun.state is not UploadState.RECEIVED:
            return begun
        upload = replace(begun, table=upload.table)
        try:
            if why := uploads.hopeless(upload):
                return self._move(upload, UploadState.FAILED, why)
            return self._decide(upload, left() * CHECK_SHARE)
        except ConflictError:
            _log.info("decided meanwhile by another delivery", extra={"upload_id": upload.upload_id})
            return self.ledger.receive(upload)
        except Exception as error:
            self.ledger.note_trouble(upload, trouble(error))
            raise

    def _decide(self, upload: Upload, seconds: float) -> Upload:
        spec = self.specs.get(upload.model)
        if spec is None:
            known = ", ".join(self.specs) or "none"
            return self._refuse(upload, Refusal("unknown_model", f"{upload.model!r}; there are: {known}"))
        if upload.table not in spec.table_names:
            place = f"{s3_keys.incoming_prefix(upload.model)}<table>/<name>"
            tables = ", ".join(spec.table_names)
            detail = f"{upload.key} names no table; allowed: {place}, with one of the tables {tables}"
            return self._refuse(upload, Refusal("unknown_table", detail))
        if upload.size_bytes > spec.ingest.max_bytes:
            detail = f"{upload.size_bytes} bytes; allowed: at most {spec.ingest.max_bytes}"
            return self._refuse(upload, Refusal("too_large", detail))
        if upload.size_bytes > (most := int(policies.CHECKED_PER_SECOND * seconds)):
            detail = f"{upload.size_bytes} bytes; allowed: at most {most} in the {seconds:.0f} s that a check has here"
            return self._refuse(upload, Refusal("too_large", f"{detail}; split the file"))
        with tempfile.TemporaryDirectory(prefix="ingest-") as folder:
            return self._check(upload, spec, Path(folder), seconds)

    def _check(self, upload: Upload, spec: ModelSpec, folder: Path, seconds: float) -> Upload:
        source, workdir = folder / "object", folder / "work"
        workdir.mkdir()
        try:
            self.storage.download(self.buckets.uploads, upload.key, upload.version_id, source)
        except NotFoundError as error:
            return self._move(upload, UploadState.FAILED, f"object version gone: {error}")
        with source.open("rb") as file:
            upload = replace(upload, sha256=hashlib.file_digest(file, "sha256").hexdigest())
        name = upload.key.rpartition("/")[2]
        prepared = prepare(spec, source, name, workdir, table=upload.table, seconds=seconds, now=self.clock())
        source.unlink()
        if prepared.refusal is not None:
            return self._refuse(upload, prepared.refusal, prepared)
        return self._accept(upload, prepared)

    def _accept(self, upload: Upload, prepared: Outcome) -> Upload:
        if prepared.shard is None or prepared.profile is None:
            raise AssertionError("prepare gave neither a shard nor a refusal")
        key = s3_keys.shard_key(upload.model, upload.upload_id, upload.table)
        with prepared.shard.open("rb") as shard:
            self.storage.write_once(self.buckets.lake, key, shard)
        shard_profiles.write(
            self.storage,
            self.buckets.lake,
            self.specs[upload.model],
            upload,
            (prepared.profile, prepared.keys),
        )
        self._write_rejected(upload, prepared)
        counting = self.ledger.uploads(upload.model, UploadState.ACCEPTED, UploadState.TRAINED)
        found: dict[str, Any] = {
            "sha256": upload.sha256,
            "rows_accepted": prepared.rows_accepted,
            "rows_rejected": prepared.rows_rejected,
            "predicts": self.specs[upload.model].predicts,
        }
        if prepared.waits_until is not None:
            found |= {
                "rows_waiting": prepared.rows_waiting,
                "waits_until": prepared.waits_until.isoformat(timespec="milliseconds"),
            }
        if prepared.known_from is not None:
            found["known_from"] = prepared.known_from.isoformat(timespec="milliseconds")
        if prepared.newest is not None:
            found["newest"] = prepared.newest.isoformat(timespec="milliseconds")
        same = uploads.same_content(replace(upload, **found), counting)
        before = uploads.replaced_by(upload, counting)
        reasons = [] if same is None else [uploads.repeating(same)]
        if before is not None and same is None:
            self._tell_replaced(upload, before)
            reasons.append(uploads.replacing(before))
        accepted = self._move(
            upload,
            UploadState.ACCEPTED,
            "; ".join(reasons),
            replaces="" if before is None else before.upload_id,
            same_as="" if same is None else same.upload_id,
            **found,
        )
        if same is None or same.state is not UploadState.TRAINED:
            return accepted
        # The same content was trained on already, so no run could learn from it.
        return self._move(accepted, UploadState.TRAINED, uploads.repeating(same), run_id=same.run_id)

    def _tell_replaced(self, upload: Upload, before: Upload) -> None:
        """Notify people that an upload is about to replace another's rows: two senders may have used the same name."""
        headline = f"upload {upload.key.rpartition('/')[2]} replaces another"
        reason = f"upload {upload.upload_id[:12]} {uploads.replacing(before)}"
        self.notifier.tell("replaced", upload.model, headline, f"{upload.key}\n{reason}")

    def _refuse(self, upload: Upload, refusal: Refusal, prepared: Outcome | None = None) -> Upload:
        """Quarantine the upload: write a copy of the object, the reason and the rejected rows, then the ledger."""
        prefix = s3_keys.quarantine_prefix(upload.model, upload.upload_id)
        if upload.size_bytes <= LARGEST_COPY:
            target = (self.buckets.lake, f"{prefix}object")
            self.storage.copy_version(self.buckets.uploads, upload.key, upload.version_id, target)
        counts = {
            "rows_accepted": prepared.rows_accepted if prepared else 0,
            "rows_rejected": prepared.rows_rejected if prepared else 0,
        }
        if prepared is not None:
            self._write_rejected(upload, prepared)
        record = {
            "code": refusal.code,
            "detail": refusal.detail,
            "model": upload.model,
            "upload_id": upload.upload_id,
            "key": upload.key,
            "version_id": upload.version_id,
            "size_bytes": upload.size_bytes,
            "received_at": upload.received_at,
            **counts,
        }
        body = json.dumps(record, indent=2, ensure_ascii=False).encode()
        self.storage.write(self.buckets.lake, f"{prefix}reason.json", body, "application/json")
        return self._move(upload, UploadState.QUARANTINED, f"{refusal.code}: {refusal.detail}", **counts)

    def _write_rejected(self, upload: Upload, prepared: Outcome) -> None:
        if prepared.rejected is None:
            return
        key = s3_keys.rejected_key(upload.model, upload.upload_id)
        with prepared.rejected.open("rb") as rows:
            self.storage.write(self.buckets.lake, key, rows, "application/x-ndjson")

    def _move(self, upload: Upload, state: UploadState, reason: str, **found: Any) -> Upload:
        """Write the decision on an upload. A failure is notified before it is written, so that none goes unnoticed."""
        if state in (UploadState.QUARANTINED, UploadState.FAILED):
            kind = "quarantined" if state is UploadState.QUARANTINED else "failed"
            headline = f"upload {upload.key.rpartition('/')[2]} {kind}"
            self.notifier.tell(kind, upload.model, headline, f"{upload.key}\n{reason}")  # type: ignore[arg-type]
        moved = self.ledger.move_upload(upload, state, reason, table=upload.table, **found)
        self.meter.count("Uploads", model=upload.model, state=state)
        _log.info(
            "upload %s", state, extra={"model": upload.model, "upload_id": upload.upload_id, "reason": reason}
        )
        return moved


def trouble(error: Exception) -> str:
    """Return the reason that an upload is not decided yet, at most `MAX_REASON` characters."""
    return cut(f"not decided yet, it is tried again: {faults.told(error, faults.INGEST_DISK)}", MAX_REASON)
