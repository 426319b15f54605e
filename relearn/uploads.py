"""The life of an upload: states and legal transitions.

::

    RECEIVED ─► ACCEPTED ─► TRAINED
        │           ├─────► SUPERSEDED(by)    a newer version of the same object was accepted
        │           └─────► FAILED(reason)    the run it was in was rejected, or failed too often
        ├─────► QUARANTINED(reason)
        ├─────► SUPERSEDED(by)
        └─────► FAILED(reason)

A TRAINED upload whose object is replaced becomes SUPERSEDED too: the next snapshot holds the
new content instead of the old. What is QUARANTINED or FAILED stays so by itself; a person may have it
tried again (`relearn.retries`), and how it ended before is kept.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum

from relearn import transitions

MAX_ATTEMPTS = 3
"""Failed runs an accepted upload may be part of before it is FAILED itself."""


class UploadState(StrEnum):
    """Where an upload stands."""

    RECEIVED = "RECEIVED"
    ACCEPTED = "ACCEPTED"
    TRAINED = "TRAINED"
    QUARANTINED = "QUARANTINED"
    SUPERSEDED = "SUPERSEDED"
    FAILED = "FAILED"


TRANSITIONS: dict[UploadState, frozenset[UploadState]] = {
    UploadState.RECEIVED: frozenset(
        {UploadState.ACCEPTED, UploadState.QUARANTINED, UploadState.SUPERSEDED, UploadState.FAILED}
    ),
    UploadState.ACCEPTED: frozenset({UploadState.TRAINED, UploadState.SUPERSEDED, UploadState.FAILED}),
    UploadState.TRAINED: frozenset({UploadState.SUPERSEDED}),
    UploadState.QUARANTINED: frozenset(),
    UploadState.SUPERSEDED: frozenset(),
    UploadState.FAILED: frozenset(),
}


@dataclass(frozen=True, kw_only=True, slots=True)
class Upload:
    """One version of one object under ``incoming/<model>/``.

    Parameters
    ----------
    upload_id
        See `relearn.ids.upload_id`.
    model, table, key, version_id
        Which object it is.
    sequencer
        S3's sequencer: of two versions of one key, the greater (as padded hex) is the newer.
    size_bytes
        Size of the object.
    state, reason
        Where it stands, and why.
    received_at
        ISO 8601, UTC.
    rows_accepted, rows_rejected
        Counts of rows, 0 until known.
    attempts
        Failed runs it was part of.
    run_id
        The run that trained on it, or was rejected with it; empty until there is one.
    times
        When each state was reached: state to ISO 8601, UTC.
    earlier
        Ends after which a person had it tried again, oldest first: ``state``, ``reason`` and ``at``.
    """

    upload_id: str
    model: str
    table: str
    key: str
    version_id: str
    sequencer: str
    size_bytes: int
    received_at: str
    state: UploadState = UploadState.RECEIVED
    reason: str = ""
    rows_accepted: int = 0
    rows_rejected: int = 0
    attempts: int = 0
    run_id: str = ""
    times: dict[str, str] = field(default_factory=dict)
    earlier: tuple[dict[str, str], ...] = ()


def check_transition(old: UploadState, new: UploadState) -> None:
    """Refuse a step that an upload's life does not have.

    Raises
    ------
    IllegalTransitionError
        ``new`` can not follow ``old``.
    """
    transitions.check("an upload", old, new, TRANSITIONS)


def newer(first: Upload, second: Upload) -> Upload:
    """Of two versions of one object, give the newer.

    S3's sequencers are hexadecimal strings of unequal length that compare when padded on the
    right (S3 user guide, "Event message structure").
    """
    width = max(len(first.sequencer), len(second.sequencer))
    return max(first, second, key=lambda upload: upload.sequencer.upper().ljust(width, "0"))


def after_failed_run(upload: Upload, reason: str) -> tuple[UploadState, str, int]:
    """Say what a failed run makes of an upload that was in it.

    Returns
    -------
    tuple
        State, reason and attempts: pending again, or FAILED after `MAX_ATTEMPTS`.
    """
    attempts = upload.attempts + 1
    if attempts >= MAX_ATTEMPTS:
        return UploadState.FAILED, f"{attempts} runs with it failed; the last: {reason}", attempts
    return upload.state, upload.reason, attempts
