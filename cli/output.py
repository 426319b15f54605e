"""What the command prints: results on standard output, progress and errors on standard error."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

from relearn.policies import METRICS

out = Console(highlight=False, soft_wrap=True)
err = Console(stderr=True, highlight=False, soft_wrap=True)
WIDE = 240
"""Columns of a table that goes to a file or a pipe."""
HEADLINES = ("f1_macro", "accuracy", "r2", "mae", "ndcg_at_k", "recall_at_k")
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


def metrics(values: Mapping[str, float], names: Sequence[str] = HEADLINES) -> str:
    """Show some metrics in one cell."""
    return "  ".join(f"{name} {values[name]:.4f}" for name in names if name in values)


def all_metrics(values: Mapping[str, float]) -> str:
    """Show every metric, in the order reports have."""
    known = [name for names in METRICS.values() for name in names]
    return metrics(values, [*known, *(name for name in values if name not in known)])


def moment(iso: str) -> str:
    """Show an ISO 8601 time to the second; it is UTC."""
    return iso[:19].replace("T", " ")
