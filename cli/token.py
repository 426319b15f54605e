"""``relearn token``: a token of the laptop cloud's issuer."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

import typer

from cli import target as targets
from cli.api import laptop_token
from relearn_client import laptop


class Scope(StrEnum):
    """What a token may allow."""

    PREDICT = "predict"
    UPLOAD = "upload"
    OPERATE = "operate"


def token(
    ctx: typer.Context,
    *,
    scope: Annotated[
        list[Scope] | None, typer.Option(help="What it allows; may be given more than once. Default: all.")
    ] = None,
    expires_in: Annotated[int, typer.Option(help="Seconds for which it is valid.")] = 3600,
) -> None:
    """Print a token for the laptop cloud's API, where that takes tokens (api_auth jwt)."""
    print(laptop_token(targets.of(ctx), scope or laptop.SCOPES, expires_in=str(expires_in)))  # noqa: T201
