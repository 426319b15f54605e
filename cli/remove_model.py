"""``relearn remove-model``: what runs made of a model goes; before its folder does, or after."""

from __future__ import annotations

import json
from typing import Annotated, Any

import typer
from botocore.config import Config

from cli import target as targets
from cli.errors import FAILED
from cli.identity import who
from cli.options import Json, Model
from cli.output import done, fail, note, print_json, print_table
from cli.target import Target
from relearn import names
from relearn.errors import RelearnError

READ_SECONDS = 900
"""As long as the function may take."""


def remove_model(
    ctx: typer.Context,
    model: Model,
    *,
    yes: Annotated[
        bool, typer.Option("--yes", help="Do it; without, it is only said what would go.")
    ] = False,
    json_: Json = False,
) -> None:
    """Remove a model's route, endpoints, versions and registered packages; its data and history stay.

    No run starts from then on, until the model is deployed again.
    """
    target = targets.of(ctx)
    told = _ask(target, model, only_tell=not yes)
    refused = told.get("refused")
    if json_:
        print_json({"model": model, "removed": yes and not refused, **told})
    elif not refused:
        _print(model, told, removed=yes)
    if refused:
        fail(str(refused))
        raise typer.Exit(FAILED)


def _ask(target: Target, model: str, *, only_tell: bool) -> dict[str, Any]:
    """Call the function that takes stages down: it has the permissions, whoever asks needs to call it alone."""
    config = Config(read_timeout=READ_SECONDS, retries={"total_max_attempts": 1})
    client = target.session.client("lambda", endpoint_url=target.endpoint_url, config=config)
    asked = {"remove_model": {"model": model, "only_tell": only_tell, "who": who(target)}}
    answer = client.invoke(
        FunctionName=names.function(target.stage, "lifecycle"), Payload=json.dumps(asked).encode()
    )
    told = json.loads(answer["Payload"].read())
    if "FunctionError" in answer:
        raise RelearnError(f"{model} was not removed: {told.get('errorMessage', told)}")
    return dict(told)


def _print(model: str, told: dict[str, Any], *, removed: bool) -> None:
    rows = [
        ("serves", told["serves"] or "-"),
        ("versions", ", ".join(map(str, told["versions"])) or "-"),
        ("endpoints", ", ".join(told["endpoints"]) or "-"),
        ("registered packages", told["packages"]),
    ]
    print_table(f"{'Removed' if removed else 'Would go'} of {model}", ("what", "which"), rows)
    if removed:
        done(
            f"{model} is removed; its data stays. To keep it so: take training/models/{model} out and deploy"
        )
    else:
        note(f"nothing was removed; to do it: relearn remove-model {model} --yes")
