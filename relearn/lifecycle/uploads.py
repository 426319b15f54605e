"""Lifecycle of an upload: states and legal transitions.

::

    RECEIVED ─► ACCEPTED ─► TRAINED
        │           ├─────► SUPERSEDED(by)    a newer version of the same object was accepted
        │           └─────► FAILED(reason)    the run it was in was rejected, or failed too often
        │   │  └─ stays ACCEPTED(run_id): the run with it was rejected without a sure loss
        │   └─ TRAINED too ─► EXCLUDED(by whom, why)   a person took it out of all later snapshots
        ├─────► QUARANTINED(reason)
        ├─────► SUPERSEDED(by)
        └─────► FAILED(reason)

A TRAINED upload whose object is replaced becomes SUPERSEDED too: the next snapshot holds the new content
instead of the old. QUARANTINED, FAILED and EXCLUDED uploads stay so until a person retries them
(`relearn.lifecycle.retries`); the earlier ends of a retried upload are kept.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from enum import StrEnum

from relearn.figures import counted
from relearn.lifecycle import transitions

MAX_ATTEMPTS = 3
"""Failed runs that an accepted upload may be part of before it becomes FAILED itself."""
MAX_SILENT = 4
"""Checks of an upload that may end without a result, as when the function is killed, before the upload fails.
It is one less than the deliveries of a message of the ingest queue: the last delivery finds that all before it
were cut off and records the reason, so that such a message does not become a dead letter, whose upload would say
nothing. A delivery that Lambda throttles begins no check and is not counted."""
MAX_CHECKS = 18
"""Checks of an upload, whatever their result, before it fails; with the pauses between them about six
hours."""
FIRST_PAUSE, LONGEST_PAUSE = timedelta(minutes=20), timedelta(minutes=40)
"""Time for which an undecided upload is left alone before the sweep sends it to ingest again: the first pause
and the longest. The first is longer than a check may take."""


TOO_SLOW = "too_slow"
"""Prefix of the reason of an upload whose check reached its time limit."""


class UploadState(StrEnum):
    """State of an upload."""

    RECEIVED = "RECEIVED"
    ACCEPTED = "ACCEPTED"
    TRAINED = "TRAINED"
    QUARANTINED = "QUARANTINED"
    SUPERSEDED = "SUPERSEDED"
    FAILED = "FAILED"
    EXCLUDED = "EXCLUDED"


TRANSITIONS: dict[UploadState, frozenset[UploadState]] = {
    UploadState.RECEIVED: frozenset(
        {UploadState.ACCEPTED, UploadState.QUARANTINED, UploadState.SUPERSEDED, UploadState.FAILED}
    ),
    UploadState.ACCEPTED: frozenset(
        {UploadState.TRAINED, UploadState.SUPERSEDED, UploadState.FAILED, UploadState.EXCLUDED}
    ),
    UploadState.TRAINED: frozenset({UploadState.SUPERSEDED, UploadState.EXCLUDED}),
    UploadState.QUARANTINED: frozenset(),
    UploadState.SUPERSEDED: frozenset(),
    UploadState.FAILED: frozenset(),
    UploadState.EXCLUDED: frozenset(),
}
"""State to the states that may follow it."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Upload:
    """One version of one object under ``incoming/<model>/``.

    Parameters
    ----------
    upload_id
        Hash of bucket, key and version id, see `relearn.naming.ids.upload_id`.
    model, table, key, version_id
        Model, raw table, and S3 key and version id of the object.
    sequencer
        Sequencer of the S3 event: of two versions of one key, the greater (as padded hex) is the newer.
    size_bytes
        Size of the object, in bytes.
    state, reason
        State of the upload, and its reason; the reason may be empty.
    received_at
        Time of the upload: ISO 8601, UTC.
    rows_accepted, rows_rejected
        Numbers of rows; 0 until known.
    rows_waiting, waits_until
        Number of accepted rows that are dated after their check, and the latest of their dates (ISO 8601,
        UTC; empty when there are none). A run uses such a row only from its date on.
    known_from
        Earliest date of its rows, ISO 8601, UTC, if all of them are dated after their check; otherwise empty,
        as for uploads of earlier releases.
    newest
        Time of its newest row, ISO 8601, UTC; empty where rows have no time, and for uploads of earlier releases.
    attempts
        Failed runs that it was part of.
    checks, silent
        Checks that were begun, and how many of these ended without a result.
    checking_until
        Deadline of the check that was begun last: ISO 8601, UTC. Empty when that check recorded its result.
    sends, sent_at
        How often the sweep sent it to ingest again because it stayed undecided, and when it last did (ISO
        8601, UTC). The time is in the future when the upload was put off until then
        (`relearn.lifecycle.turns`).
    replaces
        Id of the upload of the same object whose rows are replaced by this one's once a run has used these;
        empty when there is none.
    sha256
        SHA-256 (hex) of the object's bytes; empty until it was read.
    same_as
        Id of an earlier upload with the same content, whose rows count for both; empty when there is none.
    run_id
        Run that trained on it, or was rejected with it; empty until there is one. An ACCEPTED upload has the last
        run that came to no decision about it: it starts no run by itself, and joins the next.
    times
        State to the time at which it was reached: ISO 8601, UTC.
    predicts
        What the model predicted when the upload was accepted (`relearn.spec.model.ModelSpec.predicts`); empty
        until then, and for uploads of earlier releases.
    earlier
        Ends before each retry, oldest first: ``state``, ``reason`` and ``at``.
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
    rows_waiting: int = 0
    waits_until: str = ""
    known_from: str = ""
    newest: str = ""
    attempts: int = 0
    checks: int = 0
    silent: int = 0
    checking_until: str = ""
    sends: int = 0
    sent_at: str = ""
    replaces: str = ""
    sha256: str = ""
    same_as: str = ""
    run_id: str = ""
    times: dict[str, str] = field(default_factory=dict)
    predicts: str = ""
    earlier: tuple[dict[str, str], ...] = ()


def check_transition(old: UploadState, new: UploadState) -> None:
    """Refuse an illegal transition of an upload.

    Raises
    ------
    IllegalTransitionError
        ``new`` cannot follow ``old``.
    """
    transitions.check("an upload", old, new, TRANSITIONS)


def begin_check(upload: Upload, now: datetime, until: datetime) -> Upload:
    """Count a check before it does any work, so that a check that is killed is counted too.

    A second delivery of the upload before the deadline of the last check is not counted: the work of both
    checks is idempotent.

    Parameters
    ----------
    upload
        Upload in the state RECEIVED.
    now, until
        Begin and deadline of the check, time-zone aware.
    """
    ended_by = datetime.fromisoformat(upload.checking_until) if upload.checking_until else None
    if ended_by is not None and now < ended_by:
        return upload
    return replace(
        upload,
        checks=upload.checks + 1,
        silent=upload.silent + (ended_by is not None),
        checking_until=until.isoformat(timespec="milliseconds"),
    )


def hopeless(upload: Upload) -> str:
    """Return the reason why an upload fails instead of being checked again; empty when the check may go on.

    Parameters
    ----------
    upload
        Upload that `begin_check` returned, with the reason that the previous check left.
    """
    again = f"when the cause has gone: relearn retry {upload.upload_id[:12]}"
    if upload.silent >= MAX_SILENT:
        return (
            f"{upload.silent} checks of it were cut off without a word, as when the function's memory or time is used up; "
            f"split the file into smaller ones, or send it as Parquet; {again}"
        )
    if upload.checks > MAX_CHECKS:
        last = f"; the last: {upload.reason}" if upload.reason else ""
        return f"{MAX_CHECKS} checks of it came to no decision; {again}{last}"
    return ""


def was_slow(upload: Upload) -> bool:
    """Return whether an earlier check of an undecided upload reached its time limit.

    A check that ended without a result counts as one that did.
    """
    told = any(one["reason"].startswith(f"{TOO_SLOW}: ") for one in upload.earlier)
    return told or upload.silent > 0 or bool(upload.checking_until)


def is_undecided(upload: Upload) -> bool:
    """Return whether a run has judged an accepted upload without a decision, so that it waits for the next one."""
    return upload.state is UploadState.ACCEPTED and bool(upload.run_id)


def is_known(upload: Upload, now: datetime) -> bool:
    """Return whether a run that begins at ``now`` uses any row of an upload.

    Parameters
    ----------
    upload
        Accepted upload.
    now
        Time-zone aware.
    """
    return not upload.known_from or datetime.fromisoformat(upload.known_from) <= now


def known(uploads: Iterable[Upload], now: datetime) -> list[Upload]:
    """Return the uploads of which a run that begins at ``now`` uses any row.

    The others neither start a run nor join it.
    """
    return [upload for upload in uploads if is_known(upload, now)]


def waiting(upload: Upload, now: datetime) -> str:
    """Describe how many rows of an upload wait for the date that is in them; empty when none does.

    Parameters
    ----------
    upload
        Accepted upload.
    now
        Current time, time-zone aware.
    """
    if not upload.rows_waiting or datetime.fromisoformat(upload.waits_until) <= now:
        return ""
    if upload.rows_waiting == 1:
        what, last = "1 row waits", f"until {_shown(upload.waits_until)}"
    else:
        what, last = f"{upload.rows_waiting} rows wait", f"at the latest until {_shown(upload.waits_until)}"
    if is_known(upload, now):
        return f"{what} for the time that is in them, {last}"
    when = last if upload.rows_waiting == 1 else f"the first until {_shown(upload.known_from)}, {last}"
    return f"{what} for the time that is in them, {when}: until then no run uses this upload"


def _shown(at: str) -> str:
    return f"{at[:19]}Z"


def due_again(upload: Upload, now: datetime) -> bool:
    """Return whether the sweep sends an undecided upload to ingest again.

    The pause doubles with every time it did, up to the longest.

    Parameters
    ----------
    upload
        Upload in the state RECEIVED.
    now
        Current time, time-zone aware.
    """
    began = upload.times.get(UploadState.RECEIVED, upload.received_at)
    since = max(datetime.fromisoformat(at) for at in (began, upload.sent_at) if at)
    return now - since > min(FIRST_PAUSE * (1 << min(upload.sends, 8)), LONGEST_PAUSE)


def newer(first: Upload, second: Upload) -> Upload:
    """Return the newer of two versions of one object.

    S3's sequencers are hexadecimal strings of unequal length that compare when padded on the right (S3 user
    guide, "Event message structure").
    """
    width = max(len(first.sequencer), len(second.sequencer))
    return max(first, second, key=lambda upload: upload.sequencer.upper().ljust(width, "0"))


def replaced_by(upload: Upload, others: Iterable[Upload]) -> Upload | None:
    """Return the newest older upload of the same object; None when there is none.

    Parameters
    ----------
    upload
        Upload that is about to be accepted.
    others
        ACCEPTED and TRAINED uploads of its model.
    """
    before: Upload | None = None
    for other in others:
        same = (other.table, other.key) == (upload.table, upload.key) and other.upload_id != upload.upload_id
        if same and newer(other, upload) is upload:
            before = other if before is None else newer(before, other)
    return before


def same_content(upload: Upload, others: Iterable[Upload]) -> Upload | None:
    """Return an earlier upload with the same content; None when there is none.

    Of several, one that was trained on comes first, then the oldest. Uploads with the same bytes but
    different counts of rows, or another target, do not have the same content: the spec has changed.

    Parameters
    ----------
    upload
        Upload that is about to be accepted, with its digest and counts.
    others
        ACCEPTED and TRAINED uploads of its model.
    """
    mine = content(upload)
    if mine is None:
        return None
    return min(
        (other for other in others if other.upload_id != upload.upload_id and content(other) == mine),
        key=lambda one: (one.state is not UploadState.TRAINED, one.received_at, one.upload_id),
        default=None,
    )


def content(upload: Upload) -> tuple[str | int, ...] | None:
    """Return the values that uploads with the same content share; None for an upload that was not read."""
    if not upload.sha256:
        return None
    return upload.table, upload.sha256, upload.predicts, upload.rows_accepted, upload.rows_rejected


def repeating(before: Upload) -> str:
    """Describe which upload an upload repeats."""
    name = before.key.rpartition("/")[2]
    return (
        f"the same content as upload {before.upload_id[:12]} ({name}, received {before.received_at[:19]}Z): "
        "its rows count once"
    )


def replacing(before: Upload) -> str:
    """Describe which upload an accepted upload replaces, and when."""
    return (
        f"replaces upload {before.upload_id[:12]} ({counted(before.rows_accepted, 'row')}, received {before.received_at[:19]}Z), "
        "which counts until a run has used this one; to keep both, upload it under another name"
    )


def after_failed_run(upload: Upload, reason: str) -> tuple[UploadState, str, int]:
    """Return what an upload becomes after a failed run that it was part of.

    Returns
    -------
    tuple
        State, reason and attempts: pending again, or FAILED after `MAX_ATTEMPTS`.
    """
    attempts = upload.attempts + 1
    if attempts >= MAX_ATTEMPTS:
        return UploadState.FAILED, f"{attempts} runs with it failed; the last: {reason}", attempts
    return upload.state, upload.reason, attempts
