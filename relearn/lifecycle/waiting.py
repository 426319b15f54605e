"""Uploads of a model that are not settled yet, were refused lately, or wait for a decision."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from datetime import datetime

from relearn.lifecycle import decisions
from relearn.lifecycle import uploads as life
from relearn.lifecycle.runs import Run, RunState
from relearn.lifecycle.uploads import Upload, UploadState


def decision_on(run: Run | None) -> str:
    """Describe the decision that a model's newest run waits for; empty when it waits for none."""
    if run is None or run.state is not RunState.AWAITING_APPROVAL:
        return ""
    return f"version {run.version}: {decisions.how_to(run.model, run.version)}"


def explained(upload: Upload, run: Run | None, now: datetime) -> Upload:
    """Return an upload with its reasons to wait, a decision about a run and dates in its rows, or why a run left it out.

    Parameters
    ----------
    upload
        Upload as the ledger has it.
    run
        Newest run of its model; None before the first.
    now
        Current time, time-zone aware.
    """
    reason = upload.reason
    if upload.state is UploadState.ACCEPTED and run is not None and (waited := decision_on(run)):
        had = upload.upload_id in run.uploads
        reason = (
            f"trained on; someone has to decide about {waited}"
            if had
            else f"the next run starts when someone has decided about {waited}"
        )
    late = life.waiting(upload, now) if upload.state in (UploadState.ACCEPTED, UploadState.TRAINED) else ""
    old = ""
    if run is not None and upload.upload_id in run.left_out:
        old = f"run {run.run_id} left it out, as it is older than the spec keeps"
    return replace(upload, reason="; ".join(filter(None, (reason, late, old))))


def to_come(uploads: Iterable[Upload], run: Run | None) -> list[Upload]:
    """Return the uploads that the newest run has not settled.

    They are those being checked, and those for the next run. Uploads that a failed run leaves are not among
    them, nor those that a run came to no decision about: they wait for the next upload, or for a person.

    Parameters
    ----------
    uploads
        Uploads of the model.
    run
        Newest run of the model; None before the first.
    """
    had = set() if run is None else set(run.uploads)
    return [
        one
        for one in uploads
        if one.state is UploadState.RECEIVED
        or (one.state is UploadState.ACCEPTED and one.upload_id not in had and not life.is_undecided(one))
    ]


def refused_since(uploads: Iterable[Upload], run: Run | None) -> list[Upload]:
    """Return the QUARANTINED and FAILED uploads since the start of the newest run, newest first.

    Uploads of the run itself, which have the run's reason, and uploads of which the object has a newer
    version are left out.

    Parameters
    ----------
    uploads
        Uploads of the model.
    run
        Newest run of the model; None before the first.
    """
    newest: dict[str, Upload] = {}
    for one in uploads:
        newest[one.key] = life.newer(newest.get(one.key, one), one)
    had = set() if run is None else set(run.uploads)
    found = [
        (ended, one)
        for one in newest.values()
        if one.state in (UploadState.QUARANTINED, UploadState.FAILED) and one.upload_id not in had
        if (ended := datetime.fromisoformat(one.times.get(one.state, one.received_at)))
        and (run is None or ended >= datetime.fromisoformat(run.started_at))
    ]
    return [one for _, one in sorted(found, key=lambda pair: pair[0], reverse=True)]
