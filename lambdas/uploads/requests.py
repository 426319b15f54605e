"""Answers requests about uploads: creates presigned forms, reports the state of one upload, lists the newest."""

from __future__ import annotations

import json
import secrets
from collections.abc import Callable
from dataclasses import asdict, dataclass
from datetime import datetime
from http import HTTPStatus
from typing import Any

from lambdas.aws.dynamo.ledger import Ledger
from lambdas.aws.dynamo.upload_forms import FormRecords
from lambdas.aws.s3.presigned import Links
from lambdas.aws.s3.storage import Storage, StoredVersion
from lambdas.http import upload_views
from lambdas.http.request import Request
from lambdas.http.responses import Content
from lambdas.runtime.catalog import Catalog
from relearn.api import operations, upload_forms
from relearn.api.upload_forms import UploadForm
from relearn.data import snapshots
from relearn.errors import NotFoundError
from relearn.lifecycle import signing, waiting
from relearn.lifecycle.uploads import Upload, UploadState
from relearn.naming import ids, s3_keys
from relearn.spec.model import ModelSpec

LISTED = 100
"""Largest number of uploads in a list."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Uploads:
    """Creates presigned forms and describes uploads.

    Parameters
    ----------
    ledger, forms, storage, links
        Adapters.
    catalog
        Specs of all models.
    bucket
        Name of the uploads bucket.
    lake
        Name of the lake bucket, which holds rejected rows.
    largest
        Largest file, in bytes, that ingest can check in its time.
    clock
        Returns the current time, aware.
    """

    ledger: Ledger
    forms: FormRecords
    storage: Storage
    links: Links
    catalog: Catalog
    bucket: str
    lake: str
    largest: int
    clock: Callable[[], datetime]

    def list_uploads(self, request: Request) -> dict[str, Any]:
        """Return a model's newest uploads, newest first."""
        spec = self.catalog.spec(request.parameters["model"])
        found = self.ledger.uploads(spec.name)
        found.sort(key=lambda upload: (upload.received_at, upload.upload_id), reverse=True)
        run = self.ledger.latest_run(spec.name)
        now, kept = self.clock(), spec.kept_days
        shown = [waiting.explained(upload, run, now) for upload in found[:LISTED]]
        return {"uploads": [upload_views.brief(one, snapshots.left_out(one, kept, now)) for one in shown]}

    def get_upload(self, request: Request) -> dict[str, Any]:
        """Return one upload, by its own id or that of its form."""
        spec, given = self.catalog.spec(request.parameters["model"]), request.parameters["upload"]
        return self._by_id(spec, given) if ids.is_upload_id(given) else self._by_form(spec, given)

    def create_upload(self, request: Request) -> Content:
        """Create a presigned form for one file.

        Raises
        ------
        InvalidUploadError
            The spec does not allow such a file.
        SigningError
            There are no credentials to sign the form with.
        """
        spec = self.catalog.spec(request.parameters["model"])
        asked = upload_forms.check_request(spec, request.json())
        signer = self.links.lasting(signing.SECONDS)  # first: without credentials nothing is recorded
        form = self.forms.create(
            spec.name,
            asked,
            lambda: ids.form_id(self.clock(), secrets.token_hex(16)),
            ends_at=signer.ends_at,
        )
        max_bytes = min(spec.ingest.max_bytes, self.largest, upload_forms.LARGEST_POST)
        given = signer.upload(self.bucket, _key(form), max_bytes=max_bytes)
        body = upload_views.waiting(form, self.clock()) | {
            "form": {**asdict(given), "max_bytes": max_bytes, "expires_at": form.ends_at}
        }
        place = operations.GET_UPLOAD.path.format(model=spec.name, upload=form.form_id)
        headers = {"content-type": "application/json", "cache-control": "no-store", "location": place}
        return Content(json.dumps(body).encode(), headers, HTTPStatus.CREATED)

    def _by_id(self, spec: ModelSpec, upload_id: str) -> dict[str, Any]:
        upload = self.ledger.upload(spec.name, upload_id)
        if upload is None:
            raise NotFoundError(f"model {spec.name} has no upload {upload_id!r}")
        return self._whole(spec, upload)

    def _by_form(self, spec: ModelSpec, form_id: str) -> dict[str, Any]:
        """Describe the newest version of a form's object, or the form itself while nothing has arrived."""
        form = self.forms.form(spec.name, form_id)
        stored = self.storage.newest(self.bucket, _key(form))
        if stored is None:
            return upload_views.waiting(form, self.clock())
        upload = self._known(form, stored)
        return self._whole(spec, upload, form)

    def _whole(self, spec: ModelSpec, upload: Upload, form: UploadForm | None = None) -> dict[str, Any]:
        now = self.clock()
        explained = waiting.explained(upload, self.ledger.latest_run(spec.name), now)
        left_out = snapshots.left_out(upload, spec.kept_days, now)
        return upload_views.whole(explained, left_out, self._rejected(spec, upload), form)

    def _known(self, form: UploadForm, stored: StoredVersion) -> Upload:
        """Return the ledger's record of a stored version, or a new one while its event is on its way."""
        upload_id = ids.upload_id(self.bucket, stored.key, stored.version_id)
        known = self.ledger.upload(form.model, upload_id)
        if known is not None:
            return known
        stored_at = stored.stored_at.isoformat(timespec="milliseconds")
        return Upload(
            upload_id=upload_id,
            model=form.model,
            table=form.table,
            key=stored.key,
            version_id=stored.version_id,
            sequencer="",
            size_bytes=stored.size_bytes,
            received_at=stored_at,
            times={UploadState.RECEIVED: stored_at},
        )

    def _rejected(self, spec: ModelSpec, upload: Upload) -> list[dict[str, Any]]:
        if not upload.rows_rejected:
            return []
        key = s3_keys.rejected_key(upload.model, upload.upload_id)
        lines = self.storage.first_lines(self.lake, key, upload_views.REJECTED_BYTES)
        return upload_views.rejected_rows(spec, upload.table, lines)


def _key(form: UploadForm) -> str:
    """Return the key of the one object that a form accepts."""
    return s3_keys.form_key(form.model, form.form_id, form.filename, form.table)
