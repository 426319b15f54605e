"""The operations of the API for files, each as a value, as in `calls`.

Creating a batch or upload is safe to repeat: one that never gets its file ends by itself.
"""

from __future__ import annotations

from urllib.parse import quote

from relearn_client.batches import Batch, BatchBrief
from relearn_client.calls import JSON_BODY, Call, encode, model_path
from relearn_client.errors import BadAnswerError
from relearn_client.forms import Form
from relearn_client.uploads import Upload, UploadBrief


def create_batch(model: str) -> Call[Batch]:
    """Return the call that creates a batch."""
    return Call("POST", _batches(model), Batch.read, idempotent=True)


def batches(model: str) -> Call[list[BatchBrief]]:
    """Return the call that lists a model's newest batches."""
    return Call("GET", _batches(model), lambda data: [BatchBrief.read(one) for one in data["batches"]])


def batch(model: str, batch_id: str) -> Call[Batch]:
    """Return the call that reads one batch."""
    return Call("GET", f"{_batches(model)}/{quote(batch_id, safe='')}", Batch.read)


def create_upload(model: str, filename: str, table: str | None = None) -> Call[Upload]:
    """Return the call that creates an upload."""
    asked = {"filename": filename} | ({} if table is None else {"table": table})
    body = encode(asked, "the name of the file")
    return Call("POST", _uploads(model), Upload.read, JSON_BODY, body, idempotent=True)


def uploads(model: str) -> Call[list[UploadBrief]]:
    """Return the call that lists a model's newest uploads."""
    return Call("GET", _uploads(model), lambda data: [UploadBrief.read(one) for one in data["uploads"]])


def upload(model: str, upload_id: str) -> Call[Upload]:
    """Return the call that reads one upload."""
    return Call("GET", f"{_uploads(model)}/{quote(upload_id, safe='')}", Upload.read)


def form_of(begun: Batch | Upload) -> Form:
    """Return the presigned form of a new batch or upload.

    Raises
    ------
    BadAnswerError
        When the API returned none.
    """
    if begun.form is None:
        raise BadAnswerError(f"what was begun for {begun.model} came without a form for its file")
    return begun.form


def _batches(model: str) -> str:
    return f"{model_path(model)}/batches"


def _uploads(model: str) -> str:
    return f"{model_path(model)}/uploads"
