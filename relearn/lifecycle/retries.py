"""Retry of failed uploads and runs, on the request of a person.

A retry is a message in the ingest queue, so the caller needs permission to send there and nothing else; the
ingest function does the work. The message holds how often each upload was retried before: one that is
delivered twice, or late, finds another number and changes nothing.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any

from relearn.errors import NothingToRetryError
from relearn.lifecycle import runs
from relearn.lifecycle.blame import TO_BLAME
from relearn.lifecycle.runs import Run, RunState
from relearn.lifecycle.uploads import Upload, UploadState, is_known, waiting

ASKED = "Relearn Retry Asked"
"""``detail-type`` of the message."""
SOURCE = "relearn.retry"
"""``source`` of the message."""
MOST = 1000
"""Maximum number of uploads in one message, so that it fits into the queue."""
KEPT_REASONS = 20
"""Earlier ends of an upload that are kept with their reasons: all of them share one item of the ledger."""
_UNDECIDED = (UploadState.RECEIVED, UploadState.ACCEPTED)


def begins_again(upload: Upload) -> UploadState:
    """Return the state in which a retry of an upload begins.

    An upload that was accepted once has its shard, which never changes, and begins as ACCEPTED: a run trains
    on it again. Any other begins as RECEIVED: it is checked again by the code that is deployed now.

    Raises
    ------
    NothingToRetryError
        The upload was trained on, or was superseded by a newer version of its object.
    """
    name = f"upload {upload.upload_id[:12]} of {upload.model}"
    if upload.state is UploadState.TRAINED:
        raise NothingToRetryError(
            f"{name} is TRAINED, by run {upload.run_id or '-'}: there is nothing to retry"
        )
    if upload.state is UploadState.SUPERSEDED:
        raise NothingToRetryError(
            f"{name} is SUPERSEDED {upload.reason}: a newer version of {upload.key} counts; to have this content "
            "again, upload it again"
        )
    if upload.state is UploadState.ACCEPTED:
        return UploadState.ACCEPTED
    was_accepted = (
        upload.state in (UploadState.FAILED, UploadState.EXCLUDED) and UploadState.ACCEPTED in upload.times
    )
    return UploadState.ACCEPTED if was_accepted else UploadState.RECEIVED


def begin_again(upload: Upload, now: str) -> dict[str, Any]:
    """Return the attributes that the ledger changes when an upload is retried.

    Parameters
    ----------
    upload
        Upload before the retry.
    now
        Current time: ISO 8601, UTC.

    Raises
    ------
    NothingToRetryError
        The upload has not ended, was trained on, or was superseded.
    """
    if (state := begins_again(upload)) is upload.state:
        raise NothingToRetryError(f"upload {upload.upload_id[:12]} is {upload.state}: it has not ended")
    ended = {"state": upload.state.value, "reason": upload.reason, "at": upload.times.get(upload.state, "")}
    first = {UploadState.RECEIVED: upload.times.get(UploadState.RECEIVED, upload.received_at)}
    return {
        "state": state,
        "reason": "",
        "attempts": 0,
        "checks": 0,
        "silent": 0,
        "checking_until": "",
        "sends": 0,
        "sent_at": "",
        "run_id": "",
        "times": {**first, state: now},
        "earlier": (
            *(one | {"reason": ""} for one in upload.earlier[: 1 - KEPT_REASONS]),
            *upload.earlier[1 - KEPT_REASONS :],
            ended,
        ),
    }


def outlook(upload: Upload, now: datetime) -> str:
    """Describe what a retry of an upload does, and when it cannot succeed.

    Parameters
    ----------
    upload
        Upload before the retry.
    now
        Current time, time-zone aware.

    Raises
    ------
    NothingToRetryError
        The upload was trained on, or was superseded.
    """
    begins = begins_again(upload)
    if begins is UploadState.ACCEPTED and not is_known(upload, now):
        return f"its shard stands, and it is in a run when its time has come: {waiting(upload, now)}"
    if upload.state is UploadState.FAILED and TO_BLAME in upload.reason:
        return (
            "its shard stands and a run trains on it again; if it is to blame again, and no other upload is, the version waits "
            "for a person's approval"
        )
    return _outlook(upload.state, begins)


def _outlook(state: UploadState, begins: UploadState) -> str:
    match state, begins:
        case UploadState.QUARANTINED, _:
            return (
                "its object version is checked again by the code that is deployed now; the same code refuses the same "
                "bytes again: where the file is wrong, mend it and upload it"
            )
        case UploadState.EXCLUDED, _:
            return "its shard stands, and it is in the next snapshot again"
        case UploadState.FAILED, UploadState.ACCEPTED:
            return (
                "its shard stands and a run trains on it again; the same data and code end the same way: what helps is "
                "more data, or code that was deployed since"
            )
        case UploadState.FAILED, _:
            return "its object version is read again; one that was deleted fails again: upload the file anew"
        case UploadState.RECEIVED, _:
            return "it is checked at once, not only when the queue or the sweep comes to it again"
    return "a run is started now, unless one is under way: then it is in the next"


def of_run(run: Run, uploads: Iterable[Upload]) -> list[Upload]:
    """Return the uploads of a failed or rejected run that can be retried.

    Parameters
    ----------
    run
        Run that is retried.
    uploads
        Uploads of its model.

    Raises
    ------
    NothingToRetryError
        The run has not ended, was promoted, had nothing to train on, or has no upload left to retry.
    """
    name = f"run {run.run_id} of {run.model}"
    if run.state not in runs.FINAL:
        raise NothingToRetryError(
            f"{name} is {run.state}: it has not ended; follow it: relearn wait {run.model} --run {run.run_id}"
        )
    if run.state in {RunState.PROMOTED, RunState.EMPTY}:
        raise NothingToRetryError(f"{name} is {run.state}: there is nothing to retry")
    asked = set(run.uploads)
    found = [one for one in uploads if one.upload_id in asked]
    left = [one for one in found if one.state in {UploadState.FAILED, *_UNDECIDED}]
    if not left:
        now = ", ".join(f"{one.upload_id[:12]} {one.state}" for one in found) or "none is known"
        raise NothingToRetryError(f"{name} has no upload left to retry: {now}; upload more data")
    return left


def message(model: str, uploads: Iterable[Upload]) -> dict[str, Any]:
    """Return the message that retries uploads of one model, at most `MOST`."""
    listed = [{"upload_id": one.upload_id, "retries": len(one.earlier)} for one in uploads]
    return {"source": SOURCE, "detail-type": ASKED, "detail": {"model": model, "uploads": listed}}


def parse_detail(detail: Mapping[str, Any]) -> tuple[str, dict[str, int]]:
    """Read the detail of a message that `message` wrote.

    Returns
    -------
    tuple
        Model, and upload id to the number of earlier retries at the time of writing.
    """
    return str(detail["model"]), {str(one["upload_id"]): int(one["retries"]) for one in detail["uploads"]}
