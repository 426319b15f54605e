"""The life of a batch: a whole file scored by one version.

::

    WAITING_FOR_FILE ─► RUNNING ─► SUCCEEDED
            │              └─────► FAILED(reason)    the transform job failed, was stopped, or never began
            └────────────────────► FAILED(reason)    no line fits the spec, no file came, or nothing serves any more

A line that does not fit the spec, or to which the version has no answer, costs no other line its answer: its own says why.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum

from relearn.cutting import cut
from relearn.errors import FieldError, InvalidBatchError, LineError
from relearn.lifecycle import transitions
from relearn.spec.columns import shown
from relearn.spec.fields import MAX_ERRORS, pointer

MAX_BYTES = 100_000_000
"""Size of a batch's file at most."""
UPLOAD_SECONDS = 3600
"""How long a caller has to upload the file."""
LOST_AFTER = timedelta(minutes=30)
"""A running batch whose job does not exist after this never gets one: every retry of its start is over."""
EVENT_LATE = timedelta(minutes=2)
"""A file without a decision is let alone for so long: its event is on its way, or it is being checked."""
GIVEN_UP_AFTER = timedelta(hours=6)
"""A file on which nobody decided after this, however often it was handed on, is not tried again."""
EXPIRED_AFTER = timedelta(seconds=UPLOAD_SECONDS, minutes=30)
"""No file comes after this: what was begun while the form was good has arrived."""
MAX_REASON = 1000


def check_request(body: object) -> None:
    """Refuse a body that says anything: the file of a batch comes by the form that the answer gives.

    Parameters
    ----------
    body
        Parsed JSON.

    Raises
    ------
    InvalidBatchError
        It is no empty object.
    """
    if not isinstance(body, dict):
        raise InvalidBatchError((FieldError("", f"got {shown(body)}; allowed: no body, or an empty object"),))
    if body:
        allowed = "unknown field; allowed: none, the file is sent with the form that the answer gives"
        raise InvalidBatchError(tuple(FieldError(pointer(name), allowed) for name in [*body][:MAX_ERRORS]))


class Repair(StrEnum):
    """What a batch that waits for its file needs."""

    HAND_ON = "HAND_ON"
    GIVE_UP = "GIVE_UP"
    EXPIRE = "EXPIRE"


class BatchState(StrEnum):
    """Where a batch stands."""

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


NOT_COUNTED = -1
ROWS_A_RECORD = 1000
"""Rows whose predictions share a record, as of one request (`relearn.records.predictions`)."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Batch:
    """One file to score.

    Parameters
    ----------
    batch_id, model
        Which batch, of which model.
    created_at
        ISO 8601, UTC.
    state, reason
        Where it stands, and why.
    errors
        The first wrong values of the lines that do not fit the spec.
    version
        The version that scores it; 0 until it runs.
    input_version
        S3 version of the file it scores, empty until it runs: a file that comes later changes nothing.
    rows
        Rows in the file; 0 until known.
    failed
        Rows without a prediction; `NOT_COUNTED` until it succeeded, and in batches of earlier releases.
    times
        When each state was reached: state to ISO 8601, UTC.
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
    """Refuse a step that a batch's life does not have.

    Raises
    ------
    IllegalTransitionError
        ``new`` cannot follow ``old``.
    """
    transitions.check("a batch", old, new, TRANSITIONS)


def outcome(status: str, reason: str) -> tuple[BatchState, str] | None:
    """Say what the status of a transform job makes of its batch.

    Parameters
    ----------
    status
        SageMaker's word.
    reason
        Its FailureReason, if any.

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
    """Tell whether a running batch that has no job will never get one.

    Parameters
    ----------
    now
        Aware.
    """
    return now - datetime.fromisoformat(batch.times[BatchState.RUNNING]) > LOST_AFTER


def repair(batch: Batch, stored_at: datetime | None, now: datetime) -> Repair | None:
    """Say what a batch that waits for its file needs.

    Parameters
    ----------
    batch
        It waits.
    stored_at
        When S3 stored its file; None when there is none.
    now
        Aware, as ``stored_at``.

    Returns
    -------
    Repair or None
        Hand the file on as its event would have, or end the batch; None: it does well to wait.
    """
    if stored_at is None:
        begun = datetime.fromisoformat(batch.created_at)
        return Repair.EXPIRE if now - begun > EXPIRED_AFTER else None
    if now - stored_at > GIVEN_UP_AFTER:
        return Repair.GIVE_UP
    return Repair.HAND_ON if now - stored_at > EVENT_LATE else None
