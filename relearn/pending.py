"""Why an upload that was accepted is not trained on yet, in words, when a person is waited for."""

from __future__ import annotations

from dataclasses import replace

from relearn import approval
from relearn.runs import Run, RunState
from relearn.uploads import Upload, UploadState


def decision_on(run: Run | None) -> str:
    """Say which decision a model's newest run waits for; empty when it waits for none."""
    if run is None or run.state is not RunState.AWAITING_APPROVAL:
        return ""
    return f"version {run.version}: {approval.how_to(run.model, run.version)}"


def explained(upload: Upload, run: Run | None) -> Upload:
    """Give an accepted upload its reason to wait, if a decision about the newest run is it."""
    waited = decision_on(run)
    if run is None or not waited or upload.state is not UploadState.ACCEPTED:
        return upload
    if upload.upload_id in run.uploads:
        return replace(upload, reason=f"trained on; someone has to decide about {waited}")
    return replace(upload, reason=f"the next run starts when someone has decided about {waited}")
