"""``relearn token``: print a token of the laptop cloud's issuer."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated, get_args

import typer

from cli.stage import target as targets
from cli.stage.api import laptop_token
from relearn.api import operations

Scope = StrEnum("Scope", {scope.upper(): scope for scope in get_args(operations.Scope)})  # type: ignore[misc]


def token(
    ctx: typer.Context,
    *,
    scope: Annotated[
        list[Scope] | None, typer.Option(help="What it allows; may be given more than once. Default: all.")
    ] = None,
    expires_in: Annotated[int, typer.Option(help="Seconds for which it is valid.")] = 3600,
) -> None:
    """Print a token for the laptop cloud's API, where that takes tokens (api_auth jwt)."""
    print(laptop_token(targets.of(ctx), scope or get_args(operations.Scope), expires_in=str(expires_in)))  # noqa: T201
