"""What the command prints: results on standard output, progress and errors on standard error."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any

from rich.console import Console, ConsoleOptions, RenderableType  # noqa: TID251 - here
from rich.segment import Segment
from rich.status import Status
from rich.table import Table
from rich.text import Text

from relearn import visible


class Terminal(Console):
    """Where the command prints: whatever is printed, no character of it steers the terminal or turns text around.

    A text is printed as one line, as it is: it has no markup, and no names of emoji.
    """

    def __init__(self, **settings: Any) -> None:
        super().__init__(highlight=False, markup=False, emoji=False, **settings)

    def print(self, *objects: Any, **settings: Any) -> None:
        """Print texts, each shown as one line, and what rich can show."""
        super().print(*(visible.line(one) if isinstance(one, str) else one for one in objects), **settings)

    def render(self, renderable: RenderableType, options: ConsoleOptions | None = None) -> Iterable[Segment]:
        """Show what nobody made visible before: the last place that everything comes by."""
        for segment in super().render(renderable, options):
            yield segment if segment.control else segment._replace(text=visible.lines(segment.text))

    def waiting(self, what: str) -> Status:
        """Show that something is waited for, as a spinner where there is a terminal."""
        return self.status(waiting_for(what))


out = Terminal(soft_wrap=True)
err = Terminal(stderr=True, soft_wrap=True)
_SPACE = re.compile(r"[ \t\r\n]+")
WIDE = 240
"""Columns of a table that goes to a file or a pipe."""
COLOURS = {
    **dict.fromkeys(("TRAINED", "PROMOTED", "LIVE", "live", "SUCCEEDED", "accepted", "ok"), "green"),
    **dict.fromkeys(
        ("QUARANTINED", "FAILED", "REJECTED", "ROLLED_BACK", "conflict", "unknown", "late", "failed"), "red"
    ),
    "warning": "yellow",
    **dict.fromkeys(("SUPERSEDED", "EXCLUDED", "PREVIOUS", "RETIRED", "EMPTY"), "dim"),
}


def fail(message: str) -> None:
    """Print an error's one line."""
    err.print(plain(f"error: {_SPACE.sub(' ', message).strip()}", "red"))


def note(message: str) -> None:
    """Print a line of progress."""
    err.print(plain(message, "dim"))


def done(message: str) -> None:
    """Print a success that is no result."""
    err.print(plain(message, "green"))


def print_json(value: Any) -> None:
    """Print a result for a script: the same values, with what is not seen as JSON's own escapes."""
    text = json.dumps(value, indent=2, ensure_ascii=False, default=_iso)
    out.print(Text(visible.json_text(text)))


def _iso(value: Any) -> str:
    """Write a time; anything else has no place in a result."""
    if isinstance(value, datetime):
        return value.isoformat()
    raise TypeError(f"{type(value).__name__} is not JSON")


def print_table(title: str, columns: Sequence[str], rows: Iterable[Sequence[Any]]) -> None:
    """Print a table; cells are shown as plain text, states in their colour."""
    table = Table(
        title=plain(title),
        title_justify="left",
        header_style="bold",
        box=None,
        padding=(0, 2, 0, 0),
    )
    for column in columns:
        table.add_column(plain(column), overflow="fold")
    for row in rows:
        table.add_row(*(state(str(cell)) for cell in row))
    console = out if out.is_terminal else Terminal(width=WIDE)
    console.print(table, soft_wrap=False)


def state(word: str) -> Text:
    """Colour a state; other words stay as they are."""
    return plain(word, COLOURS.get(word, ""))


def plain(text: str, style: str = "") -> Text:
    """Make a text for one line of a terminal."""
    return Text(visible.line(text), style=style)


def waiting_for(what: str) -> Text:
    """Say what is waited for."""
    return plain(f"waiting for {what}")


def moment(iso: str) -> str:
    """Show an ISO 8601 time to the second; it is UTC."""
    return iso[:19].replace("T", " ")
