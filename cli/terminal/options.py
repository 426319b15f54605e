"""Arguments and options shared by several commands."""

from __future__ import annotations

from typing import Annotated

import typer

Model = Annotated[str, typer.Argument(help="The model's name.")]
Json = Annotated[bool, typer.Option("--json", help="Print JSON, for scripts.")]
Limit = Annotated[int, typer.Option(min=1, max=1000, help="How many to show at most, the newest first.")]
Timeout = Annotated[float, typer.Option(min=0, help="Seconds to wait at most.")]
DEFAULT_TIMEOUT = 3600.0
