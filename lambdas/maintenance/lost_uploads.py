"""Finds uploads that ingest missed: compares object versions in S3 with the ledger, and sends their events again."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import groupby

from lambdas.aws.dynamo.ledger import Ledger
from lambdas.aws.queue import IngestQueue
from lambdas.aws.s3.storage import Storage, StoredVersion
from lambdas.runtime import s3_events
from relearn.lifecycle import uploads
from relearn.lifecycle.uploads import Upload, UploadState
from relearn.naming import ids, s3_keys

EVENT_LATE = timedelta(minutes=2)
"""Age up to which an object without a record, or a lock without an execution, is left alone."""
MISSED = "its event did not come within two minutes; the sweep sent it to be checked"
"""Reason of an upload whose event the sweep sent in place of S3."""
FIRST = "0" * 24
"""Sequencer of a missed first version, without its last digit: longer than S3's, so it sorts before all of them."""


@dataclass(frozen=True, kw_only=True, slots=True)
class LostUploads:
    """Sends the events of missed and undecided uploads to ingest again.

    Parameters
    ----------
    ledger, storage, queue
        Adapters.
    bucket
        Name of the uploads bucket.
    clock
        Returns the current time, aware.
    """

    ledger: Ledger
    storage: Storage
    queue: IngestQueue
    bucket: str
    clock: Callable[[], datetime]

    def send(self) -> int:
        """Send the uploads that ingest missed, or received and never decided; return their number."""
        stored = self.storage.versions(self.bucket, f"{s3_keys.INCOMING}/")
        sent = 0
        for model, found in groupby(_with_model(stored), key=lambda pair: pair[0]):
            known = {upload.upload_id: upload for upload in self.ledger.uploads(model)}
            for _, versions in groupby((version for _, version in found), key=lambda version: version.key):
                sent += self._lost_versions(model, list(versions), known)
        return sent

    def _lost_versions(self, model: str, versions: list[StoredVersion], known: Mapping[str, Upload]) -> int:
        """Send the versions of one object that ingest missed, the oldest first; return their number.

        A listing of S3 has the order of versions, and no sequencers. A missed version gets a sequencer that
        sorts just after the version before it, and before those that S3 gave to later ones.
        """
        sequencer, sent = FIRST, 0
        for version in reversed(versions):
            upload = known.get(ids.upload_id(self.bucket, version.key, version.version_id))
            sequencer = upload.sequencer if upload is not None else f"{sequencer}1"
            if self._missed(model, version, sequencer) if upload is None else self._due(upload):
                self.queue.send(s3_events.object_created(self.bucket, version, sequencer=sequencer))
                sent += 1
        return sent

    def _due(self, upload: Upload) -> bool:
        """Return whether to send an undecided upload now, and count the send.

        It is counted first: if the process dies in between, a send is missing, never one too many.
        """
        if upload.state is not UploadState.RECEIVED or not uploads.due_again(upload, self.clock()):
            return False
        return self.ledger.count_send(upload)

    def _missed(self, model: str, version: StoredVersion, sequencer: str) -> bool:
        """Record a version that the ledger does not have; return whether to send it. Ingest determines its table."""
        if self.clock() - version.stored_at <= EVENT_LATE:
            return False
        now = self.clock().isoformat(timespec="milliseconds")
        missed = Upload(
            upload_id=ids.upload_id(self.bucket, version.key, version.version_id),
            model=model,
            table="",
            key=version.key,
            version_id=version.version_id,
            sequencer=sequencer,
            size_bytes=version.size_bytes,
            received_at=now,
            reason=MISSED,
        )
        return self.ledger.receive(missed).received_at == now


def _with_model(stored: Iterable[StoredVersion]) -> Iterator[tuple[str, StoredVersion]]:
    for version in stored:
        incoming = s3_keys.parse_incoming(version.key)
        if incoming is not None:
            yield incoming.model, version
