"""The form that an upload over HTTP begins with: what may be asked for, and how it stands until a file came."""

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
"""What S3 takes in one POST, in bytes."""
SECONDS = 3600
"""How long a caller has to send the file."""
KEPT = timedelta(days=90)
"""How long a form is remembered; what became of its file is known for good."""


class FormState(StrEnum):
    """Where an upload stands before there is one."""

    WAITING_FOR_FILE = "WAITING_FOR_FILE"
    EXPIRED = "EXPIRED"


@dataclass(frozen=True, kw_only=True, slots=True)
class UploadForm:
    """A form that was given away: for one object, for a while.

    Parameters
    ----------
    form_id, model
        Which form, of which model.
    filename, table
        What the caller calls its file, and which of the model's raw tables it is data of.
    created_at, ends_at
        From when to when S3 takes the file; ISO 8601, UTC.
    """

    form_id: str
    model: str
    filename: str
    created_at: str
    ends_at: str
    table: str = MAIN


def state(form: UploadForm, now: datetime) -> FormState:
    """Say how a form stands to which no file came.

    Parameters
    ----------
    now
        Aware.
    """
    over = now > datetime.fromisoformat(form.ends_at)
    return FormState.EXPIRED if over else FormState.WAITING_FOR_FILE


@dataclass(frozen=True, slots=True)
class UploadRequest:
    """Request for a new upload.

    Parameters
    ----------
    filename
        Name of the file, as the caller gives it.
    table
        Raw table of the model that the file belongs to.
    """

    filename: str
    table: str = MAIN


def check_request(spec: ModelSpec, body: object) -> UploadRequest:
    """Read what a new upload is asked for with.

    Parameters
    ----------
    spec
        The model's spec.
    body
        Parsed JSON: ``{"filename": "new.csv"}``, and ``"table"`` when the spec has tables.

    Raises
    ------
    InvalidUploadError
        With a JSON pointer for every wrong value.
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
