"""``relearn exclude``: remove an upload from all later snapshots; ``relearn retry`` takes it in again."""

from __future__ import annotations

import json
import time
from typing import Annotated

import typer

from cli.commands.retry import TAKEN_UP_SECONDS
from cli.stage import target as targets
from cli.stage.dead_letters import dead_letter_queues
from cli.stage.identity import who
from cli.stage.ledger import Ledger
from cli.stage.lookup import find_upload, models
from cli.stage.target import Target
from cli.terminal.errors import FAILED
from cli.terminal.options import Json
from cli.terminal.output import done, note, print_json
from relearn.lifecycle import exclusions
from relearn.lifecycle.exclusions import Exclusion
from relearn.lifecycle.uploads import Upload, UploadState


def exclude(
    ctx: typer.Context,
    upload: Annotated[str, typer.Argument(metavar="UPLOAD", help="Its id; the first characters will do.")],
    *,
    why: Annotated[str, typer.Option("--why", help="The reason, kept with the upload.")],
    model: Annotated[str | None, typer.Option(help="Whose; none: every model is looked through.")] = None,
    json_: Json = False,
) -> None:
    """Exclude an upload from training: it is in no later snapshot, until relearn retry takes it in again."""
    target = targets.of(ctx)
    ledger = Ledger(target)
    found = find_upload(ledger, [model] if model else models(target), upload)
    if found.state is not UploadState.EXCLUDED:
        exclusions.check(found)
        _send(target, found, why)
    begun = _excluded(target, ledger, found)
    if json_:
        print_json({"model": found.model, "upload": found.upload_id, "excluded": begun})
    raise typer.Exit(0 if begun else FAILED)


def _send(target: Target, upload: Upload, why: str) -> None:
    """Send the request to ingest's queue, as a retry does."""
    (dlq,) = dead_letter_queues(target, "ingest")
    asked = Exclusion(model=upload.model, upload_id=upload.upload_id, why=why, who=who(target))
    target.client("sqs").send_message(QueueUrl=dlq.queue, MessageBody=json.dumps(exclusions.message(asked)))


def _excluded(target: Target, ledger: Ledger, upload: Upload) -> bool:
    name, end = f"upload {upload.upload_id[:12]} of {upload.model}", time.monotonic() + TAKEN_UP_SECONDS
    while time.monotonic() < end:
        now = ledger.upload(upload.model, upload.upload_id)
        if now is not None and now.state is UploadState.EXCLUDED:
            done(
                f"{name} is EXCLUDED {now.reason}; to train on it again: relearn retry {upload.upload_id[:12]}"
            )
            if upload.state is UploadState.TRAINED:
                note(
                    "versions that were trained on it stay until a run without it replaces them: upload more, or roll back"
                )
            return True
        time.sleep(target.poll_seconds)
    note(
        f"asked, and not done within {TAKEN_UP_SECONDS:g} s: ingest is busy, or failed: relearn replay-dlq ingest --dry-run"
    )
    return False
