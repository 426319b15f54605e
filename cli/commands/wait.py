"""``relearn wait``: wait for the end of a run, an upload or a version."""

from __future__ import annotations

from functools import partial
from typing import Annotated

import typer

from cli.stage import target as targets
from cli.stage.arriving import arriving
from cli.stage.follow import Look, follow, latest_looks, run_looks, upload_looks, version_looks
from cli.stage.ledger import Ledger
from cli.stage.target import Target
from cli.terminal.errors import USAGE
from cli.terminal.options import DEFAULT_TIMEOUT, Json, Model, Timeout
from cli.terminal.output import fail, print_json
from relearn.errors import NotFoundError


def wait(
    ctx: typer.Context,
    model: Model,
    *,
    run: Annotated[str | None, typer.Option(help="This run: good when it is PROMOTED.")] = None,
    upload: Annotated[
        str | None, typer.Option(help="This upload (its first characters will do): good when TRAINED.")
    ] = None,
    version: Annotated[int | None, typer.Option(min=1, help="This version: good when it serves.")] = None,
    timeout: Timeout = DEFAULT_TIMEOUT,
    json_: Json = False,
) -> None:
    """Wait, with live progress; without an option for all current work. The exit code gives the outcome.

    Without an option the newest run's outcome counts, unless an upload was refused since that run began.
    """
    if sum(option is not None for option in (run, upload, version)) > 1:
        fail("give at most one of --run, --upload and --version")
        raise typer.Exit(USAGE)
    target = targets.of(ctx)
    what, look = _choose(target, model, run, upload, version)
    seen, code = follow(look, what=what, timeout=timeout, poll=target.poll_seconds)
    if json_:
        print_json({"state": seen.state, "ended": seen.ended, "good": seen.good, "record": seen.record})
    raise typer.Exit(code)


def _choose(
    target: Target, model: str, run: str | None, upload: str | None, version: int | None
) -> tuple[str, Look]:
    ledger = Ledger(target)
    if run is not None:
        return f"run {run}", run_looks(ledger, model, run)
    if upload is not None:
        return f"upload {upload}", upload_looks(ledger, model, _whole_id(ledger, model, upload))
    if version is not None:
        return f"version {version} of {model}", version_looks(ledger, model, version)
    return f"what is under way for {model}", latest_looks(
        ledger, model, partial(arriving, target, ledger, model)
    )


def _whole_id(ledger: Ledger, model: str, start: str) -> str:
    if len(start) == 32:  # noqa: PLR2004 - a whole upload id; the ledger may not know it yet
        return start
    found = [one.upload_id for one in ledger.uploads(model) if one.upload_id.startswith(start)]
    if len(found) != 1:
        raise NotFoundError(
            f"{len(found)} uploads of {model} start with {start!r}; allowed: exactly one. See relearn uploads {model}"
        )
    return found[0]
