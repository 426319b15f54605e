"""``relearn approve`` and ``reject``: decide about a version that waits for approval before its deployment."""

from __future__ import annotations

from dataclasses import asdict
from typing import Annotated

import typer

from cli.stage import target as targets
from cli.stage.api import connect
from cli.terminal.options import Json, Model
from cli.terminal.output import done, print_json
from relearn_client import Version

Number = Annotated[int, typer.Argument(min=1, help="The version that waits.")]


def approve(
    ctx: typer.Context,
    model: Model,
    version: Number,
    why: Annotated[str, typer.Option("--why", help="The reason, kept with the version.")] = "",
    json_: Json = False,
) -> None:
    """Approve a version that waits for approval: it is deployed, tried and promoted."""
    with connect(targets.of(ctx)) as api:
        _tell(model, api.approve(model, version, why=why), "its run goes on", json_=json_)


def reject(
    ctx: typer.Context,
    model: Model,
    version: Number,
    why: Annotated[str, typer.Option("--why", help="The reason, kept with the version and its uploads.")],
    json_: Json = False,
) -> None:
    """Reject a version that waits for approval: it never serves, and the new uploads of its run are not tried again."""
    with connect(targets.of(ctx)) as api:
        _tell(model, api.reject(model, version, why=why), "its run ends", json_=json_)


def _tell(model: str, found: Version, then: str, *, json_: bool) -> None:
    if json_:
        print_json(asdict(found))
        return
    asked = found.approval
    said = f"{asked.state.lower()} by {asked.who}" if asked else found.state
    done(f"version {found.version} of {model} {said}; {then}: relearn wait {model} --run {found.run_id}")
