"""Finds uploads that ingest missed: compares the versions of objects in S3 with the ledger, and sends their events again."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import datetime, timedelta
from itertools import groupby

from lambdas import events
from lambdas.aws.ledger import Ledger
from lambdas.aws.queue import IngestQueue
from lambdas.aws.storage import Storage, StoredVersion
from relearn import ids, s3_keys
from relearn.uploads import Upload, UploadState

EVENT_LATE = timedelta(minutes=2)
"""An object without a record, or a lock without an execution, is let alone for so long."""
STUCK = timedelta(minutes=20)
"""An upload that is received and not decided is sent again after this: ingest may take 15 minutes."""
FIRST = "0" * 24
"""Sequencer of a missed version with none before it, without its last digit: longer than S3's, so less than any of them."""


class LostUploads:
    """Compares and sends.

    Parameters
    ----------
    ledger, storage, queue
        Adapters.
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
        bucket: str,
        clock: Callable[[], datetime],
    ) -> None:
        self._ledger = ledger
        self._storage = storage
        self._queue = queue
        self._bucket = bucket
        self._clock = clock

    def send(self) -> int:
        """Send to ingest what it missed, and what it took and never decided; give how many."""
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
