"""How a caller is shown an upload: in a list, alone, and while its file is waited for."""

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
"""Rejected rows shown of one upload at most."""
REJECTED_BYTES = 64 * 1024
"""How much of the rejected rows' file is read for that."""


def brief(upload: Upload) -> dict[str, Any]:
    """Show an upload in a list."""
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
    }


def whole(upload: Upload, rejected: list[dict[str, Any]], form: UploadForm | None = None) -> dict[str, Any]:
    """Show one upload: as in a list, with the way it went and its first rejected rows.

    Parameters
    ----------
    upload
        As the ledger knows it.
    rejected
        See `rejected_rows`.
    form
        The form that it came by and was asked for with, if so.
    """
    reached = sorted(upload.times.items(), key=lambda step: (step[1], step[0] == upload.state))
    begun = [] if form is None else [_step(FormState.WAITING_FOR_FILE, form.created_at)]
    return {
        **brief(upload),
        **({} if form is None else {"upload": form.form_id}),
        "states": [*begun, *(_step(state, at) for state, at in reached)],
        "rejected_rows": rejected,
    }


def waiting(form: UploadForm, now: datetime) -> dict[str, Any]:
    """Show a form to which no file came, as the upload that it may become.

    Parameters
    ----------
    form
        Form of the upload.
    now
        Aware.
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
    """Show the first rejected rows of an upload; of private columns without the values.

    Parameters
    ----------
    spec
        The model's spec.
    table
        Which raw table the upload is of; of one that the spec no longer has, no value is shown.
    lines
        Of the upload's ``rows.jsonl``.
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
