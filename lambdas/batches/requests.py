"""Answers requests about batches: creates one, reports the state of one, lists the newest."""

from __future__ import annotations

import json
import secrets
from collections.abc import Callable
from dataclasses import asdict, dataclass
from datetime import datetime
from http import HTTPStatus
from typing import Any

from lambdas.aws.dynamo.batches import BatchRecords
from lambdas.aws.dynamo.ledger import Ledger
from lambdas.aws.s3.presigned import Links
from lambdas.batches.lifecycle import BatchCloser
from lambdas.http import not_serving
from lambdas.http.request import Request
from lambdas.http.responses import Content
from lambdas.runtime.catalog import Catalog
from relearn.api import operations
from relearn.lifecycle import batches, signing
from relearn.lifecycle.batches import Batch, BatchState
from relearn.naming import ids, s3_keys

LISTED = 100
"""Largest number of batches in a list."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Batches:
    """Creates and describes batches.

    Parameters
    ----------
    ledger, records, links
        Adapters.
    closer
        Ends batches whose event was lost.
    catalog
        Specs of all models.
    uploads, lake
        Names of the buckets: where files arrive, and where results are.
    clock
        Returns the current time, aware.
    """

    ledger: Ledger
    records: BatchRecords
    links: Links
    closer: BatchCloser
    catalog: Catalog
    uploads: str
    lake: str
    clock: Callable[[], datetime]

    def list_batches(self, request: Request) -> dict[str, Any]:
        """Return a model's newest batches, newest first."""
        model = self.catalog.spec(request.parameters["model"]).name
        return {"batches": [_brief(batch) for batch in self.records.newest(model, LISTED)]}

    def get_batch(self, request: Request) -> dict[str, Any]:
        """Return one batch, as it is now."""
        model = self.catalog.spec(request.parameters["model"]).name
        return self._whole(self.closer.look(self.records.batch(model, request.parameters["batch"])))

    def create_batch(self, request: Request) -> Content:
        """Create a batch, and a presigned form for its file.

        Raises
        ------
        NotServingError
            The model has no champion that could score it.
        InvalidBatchError
            The request has a body that is not an empty object.
        SigningError
            There are no credentials to sign the form with.
        """
        model = self.catalog.spec(request.parameters["model"]).name
        if request.body:
            batches.check_request(request.json())
        if not self.ledger.route(model).champion:
            raise not_serving.why(self.ledger, model)
        signer = self.links.lasting(signing.SECONDS)  # first: without credentials nothing is recorded
        batch = self.records.create(model, lambda: ids.batch_id(self.clock(), secrets.token_hex(16)))
        key = s3_keys.batch_input_key(model, batch.batch_id)
        form = signer.upload(self.uploads, key, max_bytes=batches.MAX_BYTES)
        body = self._whole(batch) | {
            "upload": {
                **asdict(form),
                "max_bytes": batches.MAX_BYTES,
                "expires_at": signer.ends_at.isoformat(timespec="seconds"),
            }
        }
        place = operations.GET_BATCH.path.format(model=model, batch=batch.batch_id)
        headers = {"content-type": "application/json", "cache-control": "no-store", "location": place}
        return Content(json.dumps(body).encode(), headers, HTTPStatus.CREATED)

    def _whole(self, batch: Batch) -> dict[str, Any]:
        states = [{"state": state, "at": at} for state, at in batch.times.items()]
        return {
            **_brief(batch),
            "states": sorted(states, key=lambda step: step["at"]),
            "errors": [asdict(error) for error in batch.errors],
            "result": self._result(batch) if batch.state is BatchState.SUCCEEDED else None,
        }

    def _result(self, batch: Batch) -> dict[str, str]:
        # A batch older than prediction ids has only the transform job's own result.
        counted = batch.failed != batches.NOT_COUNTED
        key_of = s3_keys.batch_answers_key if counted else s3_keys.batch_output_key
        key = key_of(batch.model, batch.batch_id)
        filename = f"{batch.model}-{batch.batch_id}.jsonl"
        signer = self.links.lasting(signing.SECONDS)  # each answer has a new link
        url = signer.download(self.lake, key, filename=filename)
        return {"url": url, "expires_at": signer.ends_at.isoformat(timespec="seconds")}


def _brief(batch: Batch) -> dict[str, Any]:
    ended = batch.times.get(BatchState.SUCCEEDED) or batch.times.get(BatchState.FAILED)
    return {
        "model": batch.model,
        "batch": batch.batch_id,
        "state": batch.state,
        "reason": batch.reason,
        "version": batch.version or None,
        "rows": batch.rows or None,
        "failed": None if batch.failed == batches.NOT_COUNTED else batch.failed,
        "created_at": batch.created_at,
        "ended_at": ended,
    }
