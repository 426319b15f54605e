"""Moves a run's uploads when it ends: to trained, to failed, or back to pending with one more try counted.

Every function is idempotent, as all steps that end a run are.
"""

from __future__ import annotations

from collections.abc import Collection

from lambdas.aws.dynamo.ledger import Ledger
from relearn.lifecycle.runs import Run
from relearn.lifecycle.uploads import Upload, UploadState, newer


def keep(ledger: Ledger, run: Run) -> None:
    """Mark the uploads that the run trained on TRAINED, and those that they replaced SUPERSEDED.

    A version of an object that arrived during the run is newer than the one trained on, and waits for the
    next run.
    """
    found = ledger.uploads(run.model, UploadState.ACCEPTED, UploadState.TRAINED)
    trained_on, new = set(run.snapshot), set(run.uploads)
    chosen = {upload.key: upload for upload in found if upload.upload_id in trained_on}
    for upload in found:
        if upload.state is UploadState.ACCEPTED and upload.upload_id in new:
            ledger.move_upload(upload, UploadState.TRAINED, run_id=run.run_id)
        elif (by := chosen.get(upload.key)) and by is not upload and newer(upload, by) is by:
            ledger.move_upload(upload, UploadState.SUPERSEDED, f"by {by.upload_id}")


def leave(ledger: Ledger, run: Run, reason: str) -> None:
    """Record that the run came to no decision about its new uploads, which stay for the next run."""
    for upload in _pending_of(ledger, run):
        ledger.leave_undecided(upload, run.run_id, reason)


def give_up_blamed(ledger: Ledger, run: Run, reason: str) -> None:
    """Mark the run's new uploads that are to blame FAILED, each with its figures; the others stay pending."""
    for upload in _pending_of(ledger, run):
        if figures := run.blamed.get(upload.upload_id):
            ledger.move_upload(upload, UploadState.FAILED, f"{reason}: {figures}", run_id=run.run_id)


def give_up(ledger: Ledger, run: Run, reason: str, tables: Collection[str] | None) -> None:
    """Mark the run's new uploads of the given tables (None: of all) FAILED; no later snapshot includes them."""
    for upload in _pending_of(ledger, run):
        if tables is None or upload.table in tables:
            ledger.move_upload(upload, UploadState.FAILED, reason, run_id=run.run_id)


def count_failed(ledger: Ledger, run: Run, reason: str) -> None:
    """Count a failed try for each of the run's new uploads, unless a person has frozen the route."""
    if ledger.route(run.model).frozen:
        return
    for upload in _pending_of(ledger, run):
        ledger.count_failed_run(upload, run.run_id, reason)


def _pending_of(ledger: Ledger, run: Run) -> list[Upload]:
    new, pending = set(run.uploads), ledger.uploads(run.model, UploadState.ACCEPTED)
    return [upload for upload in pending if upload.upload_id in new]
