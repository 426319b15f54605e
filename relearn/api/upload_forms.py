"""Presigned form that an upload over HTTP begins with: check of the request, and state of the form."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from relearn.errors import FieldError, InvalidUploadError
from relearn.naming import filenames
from relearn.spec.columns import shown
from relearn.spec.fields import MAX_ERRORS, fields_of
from relearn.spec.model import ModelSpec
from relearn.spec.tables import MAIN

LARGEST_POST = 5 * 1024**3
"""Maximum size that S3 accepts in one POST, in bytes."""
KEPT = timedelta(days=90)
"""Time for which a form is kept; the upload itself is kept for ever."""


class FormState(StrEnum):
    """State of an upload before its file has arrived."""

    WAITING_FOR_FILE = "WAITING_FOR_FILE"
    EXPIRED = "EXPIRED"


@dataclass(frozen=True, kw_only=True, slots=True)
class UploadForm:
    """Issued presigned form for one object.

    Parameters
    ----------
    form_id, model
        Id of the form, and name of the model.
    filename, table
        Name of the file as the caller gave it, and raw table that its rows belong to.
    created_at, ends_at
        Begin and end of its validity: ISO 8601, UTC.
    """

    form_id: str
    model: str
    filename: str
    created_at: str
    ends_at: str
    table: str = MAIN


def state(form: UploadForm, now: datetime) -> FormState:
    """Return the state of a form whose file has not arrived.

    Parameters
    ----------
    form
        The form.
    now
        Current time, time-zone aware.
    """
    over = now > datetime.fromisoformat(form.ends_at)
    return FormState.EXPIRED if over else FormState.WAITING_FOR_FILE


@dataclass(frozen=True, slots=True)
class UploadRequest:
    """Request for a new upload.

    Parameters
    ----------
    filename
        Name of the file.
    table
        Raw table that the rows belong to.
    """

    filename: str
    table: str = MAIN


def check_request(spec: ModelSpec, body: object) -> UploadRequest:
    """Check the JSON body of a request for an upload.

    Parameters
    ----------
    spec
        Spec of the model.
    body
        Parsed JSON: ``{"filename": "new.csv"}``, and ``"table"`` when the spec has tables.

    Raises
    ------
    InvalidUploadError
        The body has a wrong value; the error has a JSON pointer for each.
    """
    allowed = ("filename", "table") if spec.tables else ("filename",)
    fields, errors = fields_of(body, allowed, InvalidUploadError)
    name, table = fields.get("filename"), fields.get("table") if spec.tables else MAIN
    if not filenames.is_allowed(name):
        errors.append(FieldError("/filename", f"got {shown(name)}; allowed: {filenames.ALLOWED}"))
    if table not in spec.table_names:
        told = f"got {shown(table)}; allowed: one of {', '.join(spec.table_names)}"
        errors.append(FieldError("/table", told))
    if errors:
        raise InvalidUploadError(tuple(errors[:MAX_ERRORS]))
    return UploadRequest(str(name), str(table))
