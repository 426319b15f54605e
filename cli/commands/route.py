"""``relearn route``, ``rollback``, ``promote``, ``freeze`` and ``unfreeze``: show and change which version serves."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import asdict
from typing import Annotated

import typer

from cli.stage import target as targets
from cli.stage.api import connect
from cli.terminal.errors import FAILED, TIMED_OUT
from cli.terminal.options import DEFAULT_TIMEOUT, Json, Model, Timeout
from cli.terminal.output import done, fail, moment, note, out, print_json, print_table
from relearn_client import Client, Restore, Route
from relearn_client.operations import Action

Why = Annotated[str, typer.Option("--why", help="The reason, kept in the route's history.")]
Version = Annotated[int, typer.Argument(min=1, help="The version that shall serve.")]
RESTORING = "RESTORING"


def route(ctx: typer.Context, model: Model, json_: Json = False) -> None:
    """Show which versions answer for a model, and who decided it."""
    with connect(targets.of(ctx)) as api:
        found = api.route(model)
    if json_:
        print_json(asdict(found))
        return
    out.print(_words(found))
    if found.restore is not None:
        out.print(_restore_words(found.restore))
    rows = [
        (one.revision, moment(one.at.isoformat()), one.what, one.champion or "-", one.who, one.why)
        for one in found.history
    ]
    columns = ("revision", "time (UTC)", "what", "champion", "who", "why")
    print_table(f"Newest writes of the route of {model}", columns, rows)


def rollback(
    ctx: typer.Context,
    model: Model,
    *,
    why: Why,
    to: Annotated[
        int | None,
        typer.Option(
            "--to",
            min=1,
            help="Another than the previous version; needed when that one was itself rolled back from.",
        ),
    ] = None,
    timeout: Timeout = DEFAULT_TIMEOUT,
    json_: Json = False,
) -> None:
    """Let the previous version, or the given one, serve again.

    One whose endpoint is gone is deployed first.
    """
    _change(ctx, model, "rollback", why, to, timeout=timeout, json_=json_)


def promote(
    ctx: typer.Context,
    model: Model,
    version: Version,
    *,
    why: Why,
    timeout: Timeout = DEFAULT_TIMEOUT,
    json_: Json = False,
) -> None:
    """Let a version serve, whatever a run decided about it."""
    _change(ctx, model, "promote", why, version, timeout=timeout, json_=json_)


def freeze(ctx: typer.Context, model: Model, why: Why, json_: Json = False) -> None:
    """Keep runs from changing which version serves; uploads wait until the route is unfrozen."""
    _change(ctx, model, "freeze", why, None, timeout=0, json_=json_)


def unfreeze(ctx: typer.Context, model: Model, why: Why, json_: Json = False) -> None:
    """Let runs change again which version serves; uploads that waited start one."""
    _change(ctx, model, "unfreeze", why, None, timeout=0, json_=json_)


def _change(
    ctx: typer.Context,
    model: str,
    action: Action,
    why: str,
    version: int | None,
    *,
    timeout: float,
    json_: bool,
) -> None:
    target = targets.of(ctx)
    with connect(target) as api:
        # The change names the revision that was read, so that of two concurrent changes the second is refused.
        seen = api.route(model)
        found = api.change_route(model, action, why=why, version=version, revision=seen.revision)
        found, code = _followed(api, found, timeout, target.poll_seconds)
    if json_:
        print_json(asdict(found))
    elif code == 0:
        done(_words(found))
    raise typer.Exit(code)


def _followed(
    api: Client, found: Route, timeout: float, poll: float, sleep: Callable[[float], None] = time.sleep
) -> tuple[Route, int]:
    """Wait for a version that must be deployed again first; return the last route and the exit code."""
    if found.restore is None or found.restore.state != RESTORING:
        return found, 0
    note(_restore_words(found.restore))
    end = time.monotonic() + timeout
    while found.restore is not None and found.restore.state == RESTORING:
        if time.monotonic() > end:
            fail(f"not ended within {timeout:g} s: {_restore_words(found.restore)}")
            return found, TIMED_OUT
        sleep(poll)
        found = api.route(found.model)
    if found.restore is None or found.restore.state != "DONE":
        fail(_restore_words(found.restore) if found.restore else f"the route of {found.model} was emptied")
        return found, FAILED
    return found, 0


def _words(found: Route) -> str:
    champion = f"version {found.champion} serves" if found.champion else "no version serves"
    parts = [f"{found.model}: {champion}, revision {found.revision}"]
    if found.previous:
        parts.append(f"before it version {found.previous}")
    if found.candidate:
        share = "copies of requests" if found.shadow else f"{found.weight} % of requests"
        parts.append(f"version {found.candidate} gets {share}")
    if found.frozen:
        parts.append("frozen: runs leave it alone")
    return "; ".join(parts)


def _restore_words(restore: Restore) -> str:
    told = {
        RESTORING: "is being deployed again",
        "DONE": "was deployed again",
        "FAILED": "was not deployed again",
    }
    reason = f": {restore.reason}" if restore.reason else ""
    return f"version {restore.version} {told[restore.state]}, {restore.what} by {restore.who}{reason}"
