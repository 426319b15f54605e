"""What of a model's uploads is still to come, what was refused meanwhile, and whom an accepted one waits for."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from datetime import datetime

from relearn.lifecycle import decisions
from relearn.lifecycle import uploads as life
from relearn.lifecycle.runs import Run, RunState
from relearn.lifecycle.uploads import Upload, UploadState


def decision_on(run: Run | None) -> str:
    """Say which decision a model's newest run waits for; empty when it waits for none."""
    if run is None or run.state is not RunState.AWAITING_APPROVAL:
        return ""
    return f"version {run.version}: {decisions.how_to(run.model, run.version)}"


def explained(upload: Upload, run: Run | None, now: datetime) -> Upload:
    """Give an accepted upload its reasons to wait: a decision about the newest run, and the time that is in its rows.

    Parameters
    ----------
    upload
        As the ledger knows it.
    run
        The newest of its model; None before the first.
    now
        Aware.
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
    return replace(upload, reason="; ".join(filter(None, (reason, late))))


def to_come(uploads: Iterable[Upload], run: Run | None) -> list[Upload]:
    """Choose the uploads that a model's newest run has not settled: those being checked, and those for the next run.

    What a failed run leaves is not among them: it waits for the next upload, or for a person.

    Parameters
    ----------
    uploads
        Those of the model.
    run
        The newest; None before the first.
    """
    had = set() if run is None else set(run.uploads)
    return [
        one
        for one in uploads
        if one.state is UploadState.RECEIVED
        or (one.state is UploadState.ACCEPTED and one.upload_id not in had)
    ]


def refused_since(uploads: Iterable[Upload], run: Run | None) -> list[Upload]:
    """Choose the uploads that ended badly after a model's newest run began, the newest first.

    One that was in the run has the run's reason and is not among them, nor is one whose object has a newer version.

    Parameters
    ----------
    uploads
        Those of the model.
    run
        The newest; None before the first.
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
