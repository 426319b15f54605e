"""Views of uploads for callers: in a list, alone, and as a form that waits for its file."""

from __future__ import annotations

import json
from collections.abc import Iterable
from datetime import datetime
from typing import Any

from relearn.api import upload_forms
from relearn.api.upload_forms import FormState, UploadForm
from relearn.lifecycle.uploads import Upload, UploadState
from relearn.spec.model import ModelSpec

REJECTED_ROWS = 20
"""Largest number of rejected rows shown of one upload."""
REJECTED_BYTES = 64 * 1024
"""Bytes that are read of the rejected rows' file at most."""


def brief(upload: Upload, left_out: str) -> dict[str, Any]:
    """Return an upload as a list shows it; ``left_out`` says why no run trains on it any more, empty when one would."""
    counted = upload.state is not UploadState.RECEIVED
    return {
        "model": upload.model,
        "upload": upload.upload_id,
        "upload_id": upload.upload_id,
        "table": upload.table,
        "filename": upload.key.rpartition("/")[2],
        "state": upload.state,
        "reason": upload.reason,
        "size_bytes": upload.size_bytes,
        "rows_accepted": upload.rows_accepted if counted else None,
        "rows_rejected": upload.rows_rejected if counted else None,
        "rows_waiting": upload.rows_waiting if counted else None,
        "waits_until": upload.waits_until or None,
        "known_from": upload.known_from or None,
        "received_at": upload.received_at,
        "run_id": upload.run_id or None,
        "replaces": upload.replaces or None,
        "same_as": upload.same_as or None,
        "left_out": left_out or None,
    }


def whole(
    upload: Upload, left_out: str, rejected: list[dict[str, Any]], form: UploadForm | None = None
) -> dict[str, Any]:
    """Return an upload with its states and its first rejected rows.

    Parameters
    ----------
    upload
        Record of the ledger.
    left_out
        Why no run trains on it any more; empty when one would.
    rejected
        Result of `rejected_rows`.
    form
        Presigned form that it was sent with, when it is requested by the form's id.
    """
    reached = sorted(upload.times.items(), key=lambda step: (step[1], step[0] == upload.state))
    begun = [] if form is None else [_step(FormState.WAITING_FOR_FILE, form.created_at)]
    return {
        **brief(upload, left_out),
        **({} if form is None else {"upload": form.form_id}),
        "states": [*begun, *(_step(state, at) for state, at in reached)],
        "rejected_rows": rejected,
    }


def waiting(form: UploadForm, now: datetime) -> dict[str, Any]:
    """Return a form without a file, as the upload that it may become.

    Parameters
    ----------
    form
        Presigned form of the upload.
    now
        Current time, aware.
    """
    state = upload_forms.state(form, now)
    states = [_step(FormState.WAITING_FOR_FILE, form.created_at)]
    reason = ""
    if state is FormState.EXPIRED:
        states.append(_step(state, form.ends_at))
        reason = f"no file came before the form's end, {form.ends_at}; begin another upload"
    unknown = (
        "upload_id",
        "size_bytes",
        "rows_accepted",
        "rows_rejected",
        "rows_waiting",
        "waits_until",
        "known_from",
        "received_at",
        "run_id",
        "replaces",
        "same_as",
        "left_out",
    )
    return {
        "model": form.model,
        "upload": form.form_id,
        "table": form.table,
        "filename": form.filename,
        "state": state,
        "reason": reason,
        **dict.fromkeys(unknown),
        "states": states,
        "rejected_rows": [],
    }


def rejected_rows(spec: ModelSpec, table: str, lines: Iterable[bytes]) -> list[dict[str, Any]]:
    """Return the first rejected rows of an upload, without the values of private columns.

    Parameters
    ----------
    spec
        The model's spec.
    table
        Raw table of the upload; of a table that the spec no longer has, no value is shown.
    lines
        Lines of the upload's ``rows.jsonl``.
    """
    known = spec.raw_columns(table) if table in spec.table_names else ()
    shown = {column.name for column in known if not column.private}
    rows = [json.loads(line) for _, line in zip(range(REJECTED_ROWS), lines, strict=False)]
    for row in rows:
        for error in row["errors"]:
            if error["column"] not in shown:
                error["value"] = None
    return rows


def _step(state: str, at: str) -> dict[str, str]:
    return {"state": state, "at": at}
