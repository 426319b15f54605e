"""Lifecycle of a batch: one file scored by one version.

::

    WAITING_FOR_FILE ─► RUNNING ─► SUCCEEDED
            │              └─────► FAILED(reason)    the transform job failed, was stopped, or never started
            └────────────────────► FAILED(reason)    no line fits the spec, no file came, or no version serves any more

A line that does not fit the spec, or that the version cannot score, does not affect the other lines: its own
output line says why it has no prediction.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum

from relearn.cutting import cut
from relearn.errors import FieldError, InvalidBatchError, LineError
from relearn.lifecycle import signing, transitions
from relearn.spec.columns import shown
from relearn.spec.fields import MAX_ERRORS, pointer

MAX_BYTES = 100_000_000
"""Maximum size of a batch's file, in bytes."""
LOST_AFTER = timedelta(minutes=30)
"""Time after which a running batch without a transform job never gets one: by then no retry of the start is
left."""
EVENT_LATE = timedelta(minutes=2)
"""Time for which the sweep leaves a file without a decision alone: its S3 event may be on its way, or the
file is being checked."""
GIVEN_UP_AFTER = timedelta(hours=6)
"""Time after which the sweep fails a batch whose file nobody decided on, instead of sending the file
again."""
EXPIRED_AFTER = timedelta(seconds=signing.SECONDS, minutes=45)
"""Time after which no file can arrive: an upload that began while the form was valid has ended by then."""
MAX_REASON = 1000
"""Maximum length of a reason, in bytes."""


def check_request(body: object) -> None:
    """Refuse a request body that has any field.

    The file of a batch is sent with the presigned form in the response, so there is nothing to say in the
    body.

    Parameters
    ----------
    body
        Parsed JSON.

    Raises
    ------
    InvalidBatchError
        The body is not an empty JSON object.
    """
    if not isinstance(body, dict):
        raise InvalidBatchError((FieldError("", f"got {shown(body)}; allowed: no body, or an empty object"),))
    if body:
        allowed = "unknown field; allowed: none, the file is sent with the form that the answer gives"
        raise InvalidBatchError(tuple(FieldError(pointer(name), allowed) for name in [*body][:MAX_ERRORS]))


class Repair(StrEnum):
    """Repair of a batch that waits for its file."""

    HAND_ON = "HAND_ON"
    GIVE_UP = "GIVE_UP"
    EXPIRE = "EXPIRE"


class BatchState(StrEnum):
    """State of a batch."""

    WAITING_FOR_FILE = "WAITING_FOR_FILE"
    RUNNING = "RUNNING"
    SUCCEEDED = "SUCCEEDED"
    FAILED = "FAILED"


TRANSITIONS: dict[BatchState, frozenset[BatchState]] = {
    BatchState.WAITING_FOR_FILE: frozenset({BatchState.RUNNING, BatchState.FAILED}),
    BatchState.RUNNING: frozenset({BatchState.SUCCEEDED, BatchState.FAILED}),
    BatchState.SUCCEEDED: frozenset(),
    BatchState.FAILED: frozenset(),
}
"""State to the states that may follow it."""


NOT_COUNTED = -1
"""Value of `Batch.failed` while the rows without a prediction are not counted."""
ROWS_A_RECORD = 1000
"""Rows whose predictions share one prediction record (`relearn.records.predictions`)."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Batch:
    """One file to score.

    Parameters
    ----------
    batch_id, model
        Id of the batch, and name of its model.
    created_at
        Time of the request: ISO 8601, UTC.
    state, reason
        State of the batch, and its reason; the reason is empty unless the batch failed.
    errors
        The first errors of lines that do not fit the spec.
    version
        Version that scores the file; 0 until the batch runs.
    input_version
        S3 version id of the file that is scored; empty until the batch runs. A file that is uploaded later
        changes nothing.
    rows
        Rows in the file; 0 until known.
    failed
        Rows without a prediction; `NOT_COUNTED` until the batch succeeds, and for batches of earlier
        releases.
    times
        State to the time at which it was reached: ISO 8601, UTC.
    """

    batch_id: str
    model: str
    created_at: str
    state: BatchState = BatchState.WAITING_FOR_FILE
    reason: str = ""
    errors: tuple[LineError, ...] = ()
    version: int = 0
    input_version: str = ""
    rows: int = 0
    failed: int = NOT_COUNTED
    times: dict[str, str] = field(default_factory=dict)


def check_transition(old: BatchState, new: BatchState) -> None:
    """Refuse an illegal transition of a batch.

    Raises
    ------
    IllegalTransitionError
        ``new`` cannot follow ``old``.
    """
    transitions.check("a batch", old, new, TRANSITIONS)


def outcome(status: str, reason: str) -> tuple[BatchState, str] | None:
    """Return the final state of a batch from the status of its transform job.

    Parameters
    ----------
    status
        TransformJobStatus of SageMaker.
    reason
        FailureReason of SageMaker; may be empty.

    Returns
    -------
    tuple or None
        Final state and reason; None while the job is under way. Only ``Completed`` is a success.
    """
    match status:
        case "Completed":
            return BatchState.SUCCEEDED, ""
        case "Stopped":
            return BatchState.FAILED, "the transform job was stopped"
        case "Failed":
            return BatchState.FAILED, cut(
                f"the transform job failed: {reason or 'no reason given'}", MAX_REASON
            )
        case _:
            return None


def is_lost(batch: Batch, now: datetime) -> bool:
    """Return whether a running batch that has no transform job will never get one.

    Parameters
    ----------
    batch
        Batch in the state RUNNING.
    now
        Current time, time-zone aware.
    """
    return now - datetime.fromisoformat(batch.times[BatchState.RUNNING]) > LOST_AFTER


def repair(batch: Batch, stored_at: datetime | None, now: datetime) -> Repair | None:
    """Return the repair that a batch which waits for its file needs.

    Parameters
    ----------
    batch
        Batch in the state WAITING_FOR_FILE.
    stored_at
        Time at which S3 stored its file, time-zone aware; None when there is no file.
    now
        Current time, time-zone aware.

    Returns
    -------
    Repair or None
        HAND_ON: start the batch as the S3 event would have. GIVE_UP or EXPIRE: fail the batch. None: keep
        waiting.
    """
    if stored_at is None:
        begun = datetime.fromisoformat(batch.created_at)
        return Repair.EXPIRE if now - begun > EXPIRED_AFTER else None
    if now - stored_at > GIVEN_UP_AFTER:
        return Repair.GIVE_UP
    return Repair.HAND_ON if now - stored_at > EVENT_LATE else None
