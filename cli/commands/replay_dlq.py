"""``relearn replay-dlq``: send messages of dead-letter queues to their source again."""

from __future__ import annotations

import json
from collections.abc import Callable
from contextlib import suppress
from typing import Annotated, Any

import typer

from cli.stage import target as targets
from cli.stage.dead_letters import MOST, DeadLetter, Replayer, dead_letter_queues
from cli.stage.ledger import Ledger
from cli.stage.target import Target
from cli.terminal.options import Json
from cli.terminal.output import done, moment, note, print_json, print_table
from relearn.lifecycle import retries
from relearn.lifecycle.uploads import Upload
from relearn.naming import ids, resources, s3_keys

Why = Callable[[DeadLetter], str]


def replay_dlq(
    ctx: typer.Context,
    queue: Annotated[
        str | None,
        typer.Argument(
            help="Whose dead letters: ingest, scheduled_run, record, trial or batch_event; none: everyone's."
        ),
    ] = None,
    *,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Show them, and leave them where they are.")
    ] = False,
    json_: Json = False,
) -> None:
    """Replay dead letters to their queues and functions, and show each with the reason of its failure, where known."""
    target = targets.of(ctx)
    replayer = Replayer(target)
    why = _why(target)
    found = [
        _handled(replayer, letter, why, dry_run)
        for dlq in dead_letter_queues(target, queue)
        for letter in replayer.letters(dlq)
    ]
    if json_:
        print_json(found)
        return
    _tell(found, queue, dry_run=dry_run)


def _handled(replayer: Replayer, letter: DeadLetter, why: Why, dry_run: bool) -> dict[str, Any]:
    about = {
        "queue": letter.dlq.name,
        "sent_at": letter.sent_at,
        "why": why(letter),
        "body": letter.body,
        "replayed_before": letter.replayed or None,
        "replayed": not dry_run,
    }
    if dry_run:
        replayer.put_back(letter)
    else:
        replayer.replay(letter)
    return about


def _tell(found: list[dict[str, Any]], queue: str | None, *, dry_run: bool) -> None:
    where = f"of {queue}" if queue else "in any queue of the stage"
    if not found:
        done(f"no dead letters {where}: there is nothing to replay")
        return
    columns = ("queue", "sent (UTC)", "replayed before", "why it failed", "message")
    rows = [
        (
            one["queue"],
            moment(one["sent_at"]),
            one["replayed_before"] or "-",
            one["why"],
            _short(one["body"]),
        )
        for one in found
    ]
    print_table(f"Dead letters {where}", columns, rows)
    if dry_run:
        note(
            f"{len(found)} left where they are; send them back: relearn replay-dlq{' ' + queue if queue else ''}"
        )
        return
    done(f"{len(found)} sent back; what was done already changes nothing")
    if len(found) >= MOST:
        note(f"one call takes {MOST} of a queue at most: repeat it for the rest")
    note(
        "what fails again is here again after its tries: relearn replay-dlq --dry-run; uploads: relearn uploads MODEL"
    )
    if any(one["replayed_before"] for one in found):
        note(
            "some were replayed before and failed again: their cause has not gone. See the function's log, deploy what "
            "mends it, then replay"
        )


def _why(target: Target) -> Why:
    """Return a function that finds the reason of a failure: from the message, the ledger, or else a log to read."""
    ledger = Ledger(target)

    def why(letter: DeadLetter) -> str:
        if letter.said:
            return letter.said
        if (told := _of_uploads(ledger, letter)) is not None:
            return told
        log = f"the log of {resources.function(target.stage, letter.dlq.name)}"
        return f"not known here: see {log} from {letter.sent_at} on"

    return why


def _of_uploads(ledger: Ledger, letter: DeadLetter) -> str | None:
    """Describe the uploads in a message to ingest, from the ledger; None for other messages."""
    if letter.dlq.name != "ingest":
        return None
    try:
        message = json.loads(letter.body)
        return _about(ledger, message)
    except (ValueError, LookupError, TypeError, AttributeError):
        return "it is no event of an upload: it cannot succeed, and is forgotten after 14 days"


def _about(ledger: Ledger, message: Any) -> str:
    detail = message["detail"]
    if message.get("detail-type") == retries.ASKED:
        model, asked = retries.parse_detail(detail)
        return "; ".join(_upload(ledger.upload(model, one), one) for one in asked)
    found = detail["object"]
    incoming = s3_keys.parse_incoming(found["key"])
    if incoming is None:
        return f"{found['key']} is no upload, and is ignored"
    upload_id = ids.upload_id(detail["bucket"]["name"], found["key"], found.get("version-id") or "null")
    return _upload(ledger.upload(incoming.model, upload_id), upload_id)


def _upload(upload: Upload | None, upload_id: str) -> str:
    if upload is None:
        return f"upload {upload_id[:12]} is not in the ledger yet"
    reason = f": {upload.reason}" if upload.reason else ""
    return f"upload {upload.upload_id[:12]} of {upload.model} is {upload.state}{reason}"


def _short(body: str) -> str:
    with suppress(ValueError, LookupError, TypeError):
        return str(json.loads(body)["detail"]["object"]["key"])
    return body if len(body) <= 60 else f"{body[:60]} ..."  # noqa: PLR2004 - a line of a table
