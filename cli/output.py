"""What the command prints: results on standard output, progress and errors on standard error."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

out = Console(highlight=False, soft_wrap=True)
err = Console(stderr=True, highlight=False, soft_wrap=True)
WIDE = 240
"""Columns of a table that goes to a file or a pipe."""
COLOURS = {
    **dict.fromkeys(("TRAINED", "PROMOTED", "LIVE", "live", "SUCCEEDED", "accepted", "ok"), "green"),
    **dict.fromkeys(
        ("QUARANTINED", "FAILED", "REJECTED", "ROLLED_BACK", "conflict", "unknown", "late", "failed"), "red"
    ),
    "warning": "yellow",
    **dict.fromkeys(("SUPERSEDED", "PREVIOUS", "RETIRED", "EMPTY"), "dim"),
}


def fail(message: str) -> None:
    """Print an error's one line."""
    err.print(Text(f"error: {' '.join(message.split())}", style="red"))


def note(message: str) -> None:
    """Print a line of progress."""
    err.print(Text(message, style="dim"))


def done(message: str) -> None:
    """Print a success that is no result."""
    err.print(Text(message, style="green"))


def print_json(value: Any) -> None:
    """Print a result for a script."""
    out.print(json.dumps(value, indent=2, ensure_ascii=False, default=_iso), markup=False)


def _iso(value: Any) -> str:
    """Write a time; anything else has no place in a result."""
    if isinstance(value, datetime):
        return value.isoformat()
    raise TypeError(f"{type(value).__name__} is not JSON")


def print_table(title: str, columns: Sequence[str], rows: Iterable[Sequence[Any]]) -> None:
    """Print a table; cells are shown as plain text, states in their colour."""
    table = Table(title=title, title_justify="left", header_style="bold", box=None, padding=(0, 2, 0, 0))
    for column in columns:
        table.add_column(column, overflow="fold")
    for row in rows:
        table.add_row(*(state(str(cell)) for cell in row))
    console = out if out.is_terminal else Console(width=WIDE, highlight=False)
    console.print(table, soft_wrap=False)


def state(word: str) -> Text:
    """Colour a state; other words stay as they are."""
    return Text(word, style=COLOURS.get(word, ""))


def moment(iso: str) -> str:
    """Show an ISO 8601 time to the second; it is UTC."""
    return iso[:19].replace("T", " ")
