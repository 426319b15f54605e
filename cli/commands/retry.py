"""``relearn retry``: try a failed upload or run again."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from typing import Annotated, Any

import typer

from cli.stage import target as targets
from cli.stage.dead_letters import dead_letter_queues
from cli.stage.follow import follow, upload_looks
from cli.stage.ledger import Ledger
from cli.stage.lookup import find_upload, models
from cli.stage.target import Target
from cli.terminal.errors import FAILED
from cli.terminal.options import DEFAULT_TIMEOUT, Json, Timeout
from cli.terminal.output import done, note, print_json
from relearn.errors import NotFoundError
from relearn.lifecycle import retries
from relearn.lifecycle.uploads import Upload

TAKEN_UP_SECONDS = 60.0
"""How long the command waits for the retry to begin, in seconds."""
_RUN = re.compile(r"\d{8}t\d{6}-[0-9a-f]{6}")


def retry(
    ctx: typer.Context,
    what: Annotated[
        str,
        typer.Argument(
            metavar="UPLOAD|RUN", help="An upload's id (its first characters will do), or a run's."
        ),
    ],
    *,
    model: Annotated[str | None, typer.Option(help="Whose; none: every model is looked through.")] = None,
    wait: Annotated[bool, typer.Option("--wait", help="Follow it until it has ended.")] = False,
    timeout: Timeout = DEFAULT_TIMEOUT,
    json_: Json = False,
) -> None:
    """Try an upload again with the code that is deployed now, or the uploads of a failed or rejected run."""
    target = targets.of(ctx)
    ledger = Ledger(target)
    names = [model] if model else models(target)
    found = _of_run(ledger, names, what) if _RUN.fullmatch(what) else [_upload(ledger, names, what)]
    for line in dict.fromkeys(retries.outlook(one, datetime.now(UTC)) for one in found):
        note(line)
    if ledger.route(found[0].model).frozen:
        note(
            f"the route of {found[0].model} is frozen: no run starts before relearn unfreeze {found[0].model}"
        )
    _send(target, found)
    begun = _taken_up(target, ledger, found)
    codes = (
        [_follow(target, ledger, one, timeout) for one in found]
        if wait and begun
        else [0 if begun else FAILED]
    )
    if json_:
        print_json({"model": found[0].model, "uploads": [one.upload_id for one in found], "begun": begun})
    raise typer.Exit(max(codes))


def _upload(ledger: Ledger, names: Sequence[str], start: str) -> Upload:
    found = find_upload(ledger, names, start)
    retries.begins_again(found)
    return found


def _of_run(ledger: Ledger, models: Sequence[str], run_id: str) -> list[Upload]:
    """Return the uploads of a run that can be tried again.

    Raises
    ------
    NotFoundError
        When none of the models has the run.
    """
    for model in models:
        try:
            run = ledger.run(model, run_id)
        except NotFoundError:
            continue
        return retries.of_run(run, ledger.uploads(model))
    raise NotFoundError(f"none of {', '.join(models)} has a run {run_id}; see relearn runs MODEL")


def _send(target: Target, uploads: Sequence[Upload]) -> None:
    """Send the requests to ingest's queue; the caller needs no permission but to send there."""
    (dlq,) = dead_letter_queues(target, "ingest")
    for part in _parts(uploads):
        message: dict[str, Any] = retries.message(part[0].model, part)
        target.client("sqs").send_message(QueueUrl=dlq.queue, MessageBody=json.dumps(message))


def _parts(uploads: Sequence[Upload]) -> Iterator[Sequence[Upload]]:
    for first in range(0, len(uploads), retries.MOST):
        yield uploads[first : first + retries.MOST]


def _taken_up(target: Target, ledger: Ledger, asked: Sequence[Upload]) -> bool:
    """Wait until the first upload has begun again; return whether it has."""
    first, end = asked[0], time.monotonic() + TAKEN_UP_SECONDS
    name = f"upload {first.upload_id[:12]} of {first.model}"
    if retries.begins_again(first) is first.state:
        done(f"{name} is {first.state}, and goes on now; follow it: {_wait(first)}")
        return True
    while time.monotonic() < end:
        now = ledger.upload(first.model, first.upload_id)
        if now is not None and len(now.earlier) > len(first.earlier):
            more = f" and {len(asked) - 1} more" if len(asked) > 1 else ""
            done(f"{name}{more}: tried again, after it was {first.state}; follow it: {_wait(first)}")
            return True
        time.sleep(target.poll_seconds)
    note(
        f"asked, and not begun within {TAKEN_UP_SECONDS:g} s: ingest is busy, or failed: relearn replay-dlq ingest --dry-run"
    )
    return False


def _wait(upload: Upload) -> str:
    return f"relearn wait {upload.model} --upload {upload.upload_id[:12]}"


def _follow(target: Target, ledger: Ledger, upload: Upload, timeout: float) -> int:
    look = upload_looks(ledger, upload.model, upload.upload_id)
    what = f"upload {upload.upload_id[:12]}"
    return follow(look, what=what, timeout=timeout, poll=target.poll_seconds)[1]
