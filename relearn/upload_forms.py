"""The form that an upload over HTTP begins with: what may be asked for, and how it stands until a file came."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from relearn import filenames, schema
from relearn.columns import shown
from relearn.errors import FieldError, InvalidUploadError
from relearn.schema import MAX_ERRORS

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
    filename
        What the caller calls its file.
    created_at, ends_at
        From when to when S3 takes the file; ISO 8601, UTC.
    """

    form_id: str
    model: str
    filename: str
    created_at: str
    ends_at: str


def state(form: UploadForm, now: datetime) -> FormState:
    """Say how a form stands to which no file came.

    Parameters
    ----------
    now
        Aware.
    """
    over = now > datetime.fromisoformat(form.ends_at)
    return FormState.EXPIRED if over else FormState.WAITING_FOR_FILE


def check_request(body: object) -> str:
    """Read what a new upload is asked for with.

    Parameters
    ----------
    body
        Parsed JSON: ``{"filename": "new.csv"}``.

    Returns
    -------
    str
        The file's name.

    Raises
    ------
    InvalidUploadError
        With a JSON pointer for every wrong value.
    """
    name, errors = schema.field_of(body, "filename", InvalidUploadError)
    if not filenames.is_allowed(name):
        errors.append(FieldError("/filename", f"got {shown(name)}; allowed: {filenames.ALLOWED}"))
    if errors:
        raise InvalidUploadError(tuple(errors[:MAX_ERRORS]))
    return str(name)
