"""Retries failed uploads, and the runs that they failed in, on request."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from lambdas.aws.dynamo.ledger import Ledger
from lambdas.runs.lifecycle import Runs
from lambdas.runtime import s3_events
from lambdas.uploads.ingestion import Ingestion
from relearn.errors import NotFoundError, NothingToRetryError
from relearn.lifecycle import retries
from relearn.lifecycle.uploads import Upload, UploadState

_log = logging.getLogger(__name__)


@dataclass(frozen=True, kw_only=True, slots=True)
class RetryRequests:
    """Handles the retry requests of `relearn.lifecycle.retries`; idempotent.

    Parameters
    ----------
    ledger
        Holds the uploads.
    runs
        Starts runs.
    ingestion
        Ingests uploads.
    bucket
        Name of the uploads bucket.
    """

    ledger: Ledger
    runs: Runs
    ingestion: Ingestion
    bucket: str

    def again(self, detail: Mapping[str, Any], left: Callable[[], float]) -> None:
        """Retry every upload that the message names, then start a run of the accepted ones.

        Parameters
        ----------
        detail
            Detail of the message.
        left
            Returns the seconds until the function is cut off.

        Raises
        ------
        NotFoundError
            The ledger has no such upload.
        ConflictError
            Another writer changed an upload at the same time; the message must be delivered again.
        """
        model, asked = retries.parse_detail(detail)
        found = [self._begin(model, upload_id, seen) for upload_id, seen in asked.items()]
        for upload in found:
            if upload.state is UploadState.RECEIVED:
                self.ingestion.take(s3_events.of_upload(self.bucket, upload), left)
        if pending := self.ledger.uploads(model, UploadState.ACCEPTED):
            # A retry is a person's request, and does not wait for the schedule.
            self.runs.start(model, pending, scheduled=True)

    def _begin(self, model: str, upload_id: str, seen: int) -> Upload:
        upload = self.ledger.upload(model, upload_id)
        if upload is None:
            raise NotFoundError(f"model {model} has no upload {upload_id!r}")
        if len(upload.earlier) != seen:
            _log.info("tried again already", extra={"model": model, "upload_id": upload_id})
            return upload
        try:
            return self.ledger.retry_upload(upload)
        except NothingToRetryError as error:
            _log.info("nothing to retry: %s", error, extra={"model": model, "upload_id": upload_id})
            return upload
