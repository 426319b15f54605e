"""``relearn remove-model``: remove a model from a stage, and on request its data."""

from __future__ import annotations

import sys
from typing import Annotated, Any

import typer

from cli.stage import removal
from cli.stage import target as targets
from cli.stage.holdings import Counts, Holdings
from cli.terminal.errors import FAILED
from cli.terminal.options import Json, Model
from cli.terminal.output import done, fail, note, print_json, print_table
from relearn.errors import RelearnError


def remove_model(
    ctx: typer.Context,
    model: Model,
    *,
    yes: Annotated[
        bool, typer.Option("--yes", help="Do it; without, it is only said what would go.")
    ] = False,
    delete_objects: Annotated[
        bool,
        typer.Option(
            "--delete-objects",
            help="Its data goes too, for good: every version of its objects, and its items of the ledger.",
        ),
    ] = False,
    confirm: Annotated[
        str | None,
        typer.Option(
            metavar="MODEL", help="With --delete-objects: its name again, where nobody can be asked."
        ),
    ] = None,
    json_: Json = False,
) -> None:
    """Remove a model's route, endpoints, versions and registered packages.

    Its data and history stay, unless told otherwise.

    No run starts from then on, until the model is deployed again.
    """
    target = targets.of(ctx)
    held = Holdings(target, model) if delete_objects else None
    counts = held.count() if held else {}
    if yes and delete_objects:
        _confirm(model, counts, confirm)
    told = removal.remove(target, model, only_tell=not yes)
    refused = told.get("refused")
    if held and yes and not refused:
        held.delete(keep_lock=told["deployed"])
    if json_:
        data = {"data": counts} if held else {}
        print_json({"model": model, "removed": yes and not refused, **told, **data})
    elif not refused:
        _print(model, told, counts, removed=yes, data=delete_objects)
    if refused:
        fail(str(refused))
        raise typer.Exit(FAILED)


def _confirm(model: str, counts: Counts, given: str | None) -> None:
    """Require the model's name before its data is deleted, which cannot be undone.

    Raises
    ------
    RelearnError
        When another name is given, or standard input is no terminal and none is given.
    """
    if given is None and sys.stdin.isatty():
        print_table(f"Will be deleted of {model}, for good", ("what", "how many"), list(counts.items()))
        given = typer.prompt(f"To delete it, type the name of the model ({model})")
    if given != model:
        raise RelearnError(
            f"nothing was removed: got {given!r} as the name of the model whose data is to be deleted; needed: --confirm {model}"
        )


def _print(model: str, told: dict[str, Any], counts: Counts, *, removed: bool, data: bool) -> None:
    rows = [
        ("serves", told["serves"] or "-"),
        ("versions", ", ".join(map(str, told["versions"])) or "-"),
        ("endpoints", ", ".join(told["endpoints"]) or "-"),
        ("registered packages", told["packages"]),
        *counts.items(),
    ]
    print_table(f"{'Removed' if removed else 'Would go'} of {model}", ("what", "which"), rows)
    if removed:
        what = " with its data" if data else "; its data stays"
        done(f"{model} is removed{what}. To keep it so: take training/models/{model} out and deploy")
    else:
        more = " --delete-objects" if data else ""
        note(f"nothing was removed; to do it: relearn remove-model {model} --yes{more}")
