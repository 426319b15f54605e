"""``relearn batch`` and ``batches``: score a whole file, and list a model's batches."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any

import typer

from cli.stage import target as targets
from cli.stage.api import connect
from cli.stage.follow import Look, Observation, follow
from cli.terminal.options import DEFAULT_TIMEOUT, Json, Model, Timeout
from cli.terminal.output import done, err, moment, print_json, print_table
from cli.terminal.predictions import as_said
from cli.terminal.progress_bar import watched
from relearn.figures import counted
from relearn_client import Batch, BatchBrief, BatchLine, Client, FailedLine

SHOWN_ERRORS = 10


def batch(
    ctx: typer.Context,
    model: Model,
    file: Annotated[
        Path, typer.Argument(help="JSON Lines, one instance a line.", exists=True, dir_okay=False)
    ],
    *,
    wait: Annotated[bool, typer.Option("--wait", help="Follow it to its end.")] = False,
    out: Annotated[
        Path | None,
        typer.Option(help="Where to put the result, a line for each line of the file; implies --wait."),
    ] = None,
    timeout: Timeout = DEFAULT_TIMEOUT,
    json_: Json = False,
) -> None:
    """Score a whole file with the version that serves."""
    target = targets.of(ctx)
    with connect(target) as api:
        with watched(file) as content:
            found = api.score(model, content)
        done(f"{file.name} is batch {found.batch} of {model}")
        code = 0
        if wait or out is not None:
            _, code = follow(
                _looks(api, found), what=f"batch {found.batch}", timeout=timeout, poll=target.poll_seconds
            )
            found = api.batch(model, found.batch)
        if out is not None and found.result is not None:
            _save(api.results(found), out)
    if json_:
        print_json(_plain(found))
    elif found.errors:
        _show_errors(found)
    elif not wait and out is None:
        err.print(f"see what becomes of it: relearn batches {model}", style="dim")
    raise typer.Exit(code)


def batches(ctx: typer.Context, model: Model, json_: Json = False) -> None:
    """List a model's newest batches, newest first."""
    with connect(targets.of(ctx)) as api:
        found = api.batches(model)
    if json_:
        print_json([_plain(one) for one in found])
        return
    columns = ("batch", "created (UTC)", "ended (UTC)", "state", "rows", "failed", "version", "reason")
    rows = [
        (
            one.batch,
            moment(one.created_at.isoformat()),
            moment(one.ended_at.isoformat()) if one.ended_at else "-",
            one.state,
            one.rows or "-",
            "-" if one.failed is None else one.failed,
            one.version or "-",
            one.reason,
        )
        for one in found
    ]
    print_table(f"Batches of {model}", columns, rows)


def _looks(api: Client, begun: Batch) -> Look:
    def look() -> Observation:
        seen = api.batch(begun.model, begun.batch)
        because = f": {seen.reason}" if seen.reason else ""
        by = f" by version {seen.version}" if seen.version else ""
        without = f", {seen.failed} without a prediction" if seen.failed else ""
        rows = f" ({counted(seen.rows, 'row')}{by}{without})" if seen.rows else ""
        text = f"batch {seen.batch} is {seen.state}{rows}{because}"
        return Observation(seen.state, text, ended=seen.ended, good=seen.result is not None)

    return look


def _show_errors(found: Batch) -> None:
    rows = [(error.line, error.pointer, error.detail) for error in found.errors[:SHOWN_ERRORS]]
    print_table("First wrong values", ("line", "pointer", "detail"), rows)


def _save(result: Iterable[BatchLine], out: Path) -> None:
    """Write the predictions to a file; an interrupted download leaves only a ``.part`` file."""
    part, count, failed = out.with_name(out.name + ".part"), 0, 0
    with part.open("w", encoding="utf-8") as lines:
        for one in result:
            lines.write(json.dumps(as_said(asdict(one)), ensure_ascii=False) + "\n")
            failed += isinstance(one, FailedLine)
            count += 1
    part.replace(out)
    without = f"; {failed} lines have none and say why" if failed else ""
    done(f"{count - failed} predictions are in {out}{without}")


def _plain(found: BatchBrief) -> dict[str, Any]:
    """Return a batch without its presigned form and link, each of which grants access."""
    return {name: value for name, value in asdict(found).items() if name not in ("form", "result")}
