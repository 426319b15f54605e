"""What becomes of a run's uploads when it ends: trained on, given up for a reason, or tried again.

Each may be done twice, as everything may be that ends a run.
"""

from __future__ import annotations

from collections.abc import Collection

from lambdas.aws.dynamo.ledger import Ledger
from relearn.lifecycle.runs import Run
from relearn.lifecycle.uploads import Upload, UploadState, newer


def keep(ledger: Ledger, run: Run) -> None:
    """What the run trained on is TRAINED; what it replaced is SUPERSEDED.

    A version of an object that came during the run is newer than what was trained on, and waits for the next.
    """
    found = ledger.uploads(run.model, UploadState.ACCEPTED, UploadState.TRAINED)
    trained_on, new = set(run.snapshot), set(run.uploads)
    chosen = {upload.key: upload for upload in found if upload.upload_id in trained_on}
    for upload in found:
        if upload.state is UploadState.ACCEPTED and upload.upload_id in new:
            ledger.move_upload(upload, UploadState.TRAINED, run_id=run.run_id)
        elif (by := chosen.get(upload.key)) and by is not upload and newer(upload, by) is by:
            ledger.move_upload(upload, UploadState.SUPERSEDED, f"by {by.upload_id}")


def give_up(ledger: Ledger, run: Run, reason: str, tables: Collection[str] | None) -> None:
    """What was new in the run, of these tables or, with None, of all, never reaches a later snapshot."""
    for upload in _pending_of(ledger, run):
        if tables is None or upload.table in tables:
            ledger.move_upload(upload, UploadState.FAILED, reason, run_id=run.run_id)


def count_failed(ledger: Ledger, run: Run, reason: str) -> None:
    """Count a try for what was new in the run; where a person froze the route it was none, and it waits."""
    if ledger.route(run.model).frozen:
        return
    for upload in _pending_of(ledger, run):
        ledger.count_failed_run(upload, run.run_id, reason)


def _pending_of(ledger: Ledger, run: Run) -> list[Upload]:
    new, pending = set(run.uploads), ledger.uploads(run.model, UploadState.ACCEPTED)
    return [upload for upload in pending if upload.upload_id in new]
