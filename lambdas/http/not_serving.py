"""Explains to callers what a model that does not serve yet waits for."""

from __future__ import annotations

from datetime import datetime

from lambdas.aws.dynamo.ledger import Ledger
from relearn.errors import NotServingError
from relearn.lifecycle import runs
from relearn.lifecycle import uploads as life
from relearn.lifecycle.runs import Run, RunState
from relearn.lifecycle.uploads import Upload, UploadState

SOON, LATER = 15, 300
"""Seconds after which to retry: when a step is under way, and when a person must act first."""
_REASON_LENGTH = 300
_STEPS = {
    RunState.DEBOUNCING: "is waiting for more uploads",
    RunState.TRAINING: "is training",
    RunState.JUDGING: "is being judged",
    RunState.AWAITING_APPROVAL: "waits for someone to approve it",
    RunState.DEPLOYING: "is being deployed",
    RunState.WATCHING: "is being watched",
}


def why(ledger: Ledger, model: str) -> NotServingError:
    """Return the error that explains what a model without a champion waits for."""
    found = explain(ledger.latest_run(model), ledger.uploads(model), ledger.now())
    return NotServingError(found.waiting_for, found.retry_after_seconds, model)


def explain(run: Run | None, uploads: list[Upload], now: datetime) -> NotServingError:
    """Return the error that explains what must happen before a model serves.

    Parameters
    ----------
    run
        The newest run, if any.
    uploads
        All uploads of the model.
    now
        Current time, aware.
    """
    states = {upload.state for upload in uploads}
    if run is not None and run.state not in runs.FINAL:
        return NotServingError(f"the first version {_STEPS[run.state]} (run {run.run_id})", SOON)
    if UploadState.RECEIVED in states:
        return NotServingError("an upload is being checked", SOON)
    if (late := _late(uploads, now)) is not None:
        return NotServingError(f"the time of upload {late.upload_id[:12]}: {life.waiting(late, now)}", LATER)
    if UploadState.ACCEPTED in states and (run is None or run.state is not RunState.FAILED):
        return NotServingError("a run is about to start", SOON)
    return _to_be_sent(run, uploads)


def _to_be_sent(run: Run | None, uploads: list[Upload]) -> NotServingError:
    """Explain which data a person has to send, when nothing is under way."""
    if run is not None and run.state in (RunState.FAILED, RunState.REJECTED):
        reason = run.reason[:_REASON_LENGTH]
        wanted = (
            "a run that ends well: the last one failed"
            if run.state is RunState.FAILED
            else "better data: the last run was rejected"
        )
        return NotServingError(f"{wanted}: {reason}", LATER)
    if refused := [upload for upload in uploads if upload.state is UploadState.QUARANTINED]:
        last = max(refused, key=lambda upload: upload.received_at)
        reason = last.reason[:_REASON_LENGTH]
        return NotServingError(f"data that can be used: the last upload was refused: {reason}", LATER)
    return NotServingError("the first upload", LATER)


def _late(uploads: list[Upload], now: datetime) -> Upload | None:
    """Return the upload whose time the first run waits for, or None: all rows of its table are dated later."""
    usable = [upload for upload in uploads if upload.state in (UploadState.ACCEPTED, UploadState.TRAINED)]
    there = {upload.table for upload in life.known(usable, now)}
    late = [upload for upload in usable if upload.table not in there]
    return min(late, key=lambda upload: upload.known_from, default=None)
