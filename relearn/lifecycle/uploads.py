"""The life of an upload: states and legal transitions.

::

    RECEIVED ─► ACCEPTED ─► TRAINED
        │           ├─────► SUPERSEDED(by)    a newer version of the same object was accepted
        │           └─────► FAILED(reason)    the run it was in was rejected, or failed too often
        │   └─ TRAINED too ─► EXCLUDED(by whom, why)   a person took it out of all later snapshots
        ├─────► QUARANTINED(reason)
        ├─────► SUPERSEDED(by)
        └─────► FAILED(reason)

A TRAINED upload whose object is replaced becomes SUPERSEDED too: the next snapshot holds the
new content instead of the old. What is QUARANTINED, FAILED or EXCLUDED stays so by itself; a person may have it
tried again (`relearn.lifecycle.retries`), and how it ended before is kept.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from enum import StrEnum

from relearn.figures import counted
from relearn.lifecycle import transitions

MAX_ATTEMPTS = 3
"""Failed runs an accepted upload may be part of before it is FAILED itself."""
MAX_SILENT = 4
"""Checks of an upload that may end without a word, as a function does that is killed, before it is given up: more than
the ingest queue tries, so that the dead letter is seen first, and chance is not taken for the file's doing."""
MAX_CHECKS = 18
"""Checks of an upload before it is given up, whatever kept them from deciding; with the pauses between, some six hours."""
FIRST_PAUSE, LONGEST_PAUSE = timedelta(minutes=20), timedelta(minutes=40)
"""How long an undecided upload is let alone before it is sent to ingest again: at first longer than a check may take."""


TOO_SLOW = "too_slow"
"""What the reason begins with of an upload whose check came to the end of its time."""


class UploadState(StrEnum):
    """Where an upload stands."""

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


@dataclass(frozen=True, kw_only=True, slots=True)
class Upload:
    """One version of one object under ``incoming/<model>/``.

    Parameters
    ----------
    upload_id
        See `relearn.naming.ids.upload_id`.
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
    rows_waiting, waits_until
        How many of its accepted rows were dated later than the clock of its check: a run sees each from its time on. And
        when the last of them is known, ISO 8601, UTC; empty when there is none.
    known_from
        When the first of its rows is known, ISO 8601, UTC, if all of them wait; empty when its check knew one already, and
        of uploads that are older than this.
    attempts
        Failed runs it was part of.
    checks, silent
        Checks of it that were begun, and those of them that ended without a word.
    checking_until
        When the check that was begun last has come to its end, whatever becomes of it; ISO 8601, UTC. Empty when that
        one said how it ended.
    sends, sent_at
        How often the sweep sent it to ingest again because it stayed undecided, and when it last did; a time to come when
        it was put off until then (`relearn.lifecycle.turns`).
    replaces
        Id of the version of the same object whose rows this one's take the place of, once a run has used them; empty
        when there was none.
    sha256
        SHA-256 (hex) of the object's bytes; empty until it was read.
    same_as
        Id of an earlier upload with the same content, whose rows count for both; empty when there is none.
    run_id
        The run that trained on it, or was rejected with it; empty until there is one.
    times
        When each state was reached: state to ISO 8601, UTC.
    predicts
        What the model predicted when it was accepted (`relearn.spec.model.ModelSpec.predicts`); empty until then, and of uploads that
        are older than this.
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
    rows_waiting: int = 0
    waits_until: str = ""
    known_from: str = ""
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
    """Refuse a step that an upload's life does not have.

    Raises
    ------
    IllegalTransitionError
        ``new`` cannot follow ``old``.
    """
    transitions.check("an upload", old, new, TRANSITIONS)


def begin_check(upload: Upload, now: datetime, until: datetime) -> Upload:
    """Count a check that begins, before it does any work: one that is killed has counted.

    Another delivery of the same upload while a check may still be at work is not counted; what both do is done once.

    Parameters
    ----------
    upload
        RECEIVED.
    now, until
        When the check begins, and when at the latest it ends; aware.
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
    """Say why an upload whose check was begun is given up instead; empty when it is not.

    Parameters
    ----------
    upload
        As `begin_check` gave it, with the reason that the check before left.
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
    """Tell whether an earlier check of an undecided upload came to the end of its time, with a word or without."""
    told = any(one["reason"].startswith(f"{TOO_SLOW}: ") for one in upload.earlier)
    return told or upload.silent > 0 or bool(upload.checking_until)


def is_known(upload: Upload, now: datetime) -> bool:
    """Tell whether a run that begins now would see a row of an upload.

    Parameters
    ----------
    now
        Aware.
    """
    return not upload.known_from or datetime.fromisoformat(upload.known_from) <= now


def known(uploads: Iterable[Upload], now: datetime) -> list[Upload]:
    """Keep the uploads that a run which begins now would see a row of: the others neither ask for it nor join it."""
    return [upload for upload in uploads if is_known(upload, now)]


def waiting(upload: Upload, now: datetime) -> str:
    """Say that rows of an upload wait for their time; empty when none does any more.

    Parameters
    ----------
    now
        Aware.
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
    """Tell whether the sweep sends an undecided upload to ingest again; the pauses grow with every time it did.

    Parameters
    ----------
    now
        Aware.
    """
    began = upload.times.get(UploadState.RECEIVED, upload.received_at)
    since = max(datetime.fromisoformat(at) for at in (began, upload.sent_at) if at)
    return now - since > min(FIRST_PAUSE * (1 << min(upload.sends, 8)), LONGEST_PAUSE)


def newer(first: Upload, second: Upload) -> Upload:
    """Of two versions of one object, give the newer.

    S3's sequencers are hexadecimal strings of unequal length that compare when padded on the
    right (S3 user guide, "Event message structure").
    """
    width = max(len(first.sequencer), len(second.sequencer))
    return max(first, second, key=lambda upload: upload.sequencer.upper().ljust(width, "0"))


def replaced_by(upload: Upload, others: Iterable[Upload]) -> Upload | None:
    """Find the version of the same object that an upload replaces: the newest of those before it that count.

    Parameters
    ----------
    upload
        Which is about to be accepted.
    others
        Those of its model that are ACCEPTED or TRAINED.
    """
    before: Upload | None = None
    for other in others:
        same = (other.table, other.key) == (upload.table, upload.key) and other.upload_id != upload.upload_id
        if same and newer(other, upload) is upload:
            before = other if before is None else newer(before, other)
    return before


def same_content(upload: Upload, others: Iterable[Upload]) -> Upload | None:
    """Find the upload whose content an upload repeats: of those that count, one that was trained on, else the oldest.

    The same bytes with other counts of rows, or for another target, are not the same: the spec is another since.

    Parameters
    ----------
    upload
        Which is about to be accepted, with its digest and counts.
    others
        Those of its model that are ACCEPTED or TRAINED.
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
    """Give what uploads with the same content have in common; None of one that was not read."""
    if not upload.sha256:
        return None
    return upload.table, upload.sha256, upload.predicts, upload.rows_accepted, upload.rows_rejected


def repeating(before: Upload) -> str:
    """Say what an upload repeats, and that nobody has to do anything."""
    name = before.key.rpartition("/")[2]
    return (
        f"the same content as upload {before.upload_id[:12]} ({name}, received {before.received_at[:19]}Z): "
        "its rows count once"
    )


def replacing(before: Upload) -> str:
    """Say what an upload that was accepted replaces, and when."""
    return (
        f"replaces upload {before.upload_id[:12]} ({counted(before.rows_accepted, 'row')}, received {before.received_at[:19]}Z), "
        "which counts until a run has used this one; to keep both, upload it under another name"
    )


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
