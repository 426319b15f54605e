"""Output of the command: results on standard output, progress and errors on standard error."""

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
    """A console on which no printed character can control the terminal or reverse text.

    A text is printed as one line, verbatim: without markup and emoji codes.
    """

    def __init__(self, **settings: Any) -> None:
        super().__init__(highlight=False, markup=False, emoji=False, **settings)

    def print(self, *objects: Any, **settings: Any) -> None:
        """Print texts, each as one line, and other objects that rich can render."""
        super().print(*(visible.line(one) if isinstance(one, str) else one for one in objects), **settings)

    def render(self, renderable: RenderableType, options: ConsoleOptions | None = None) -> Iterable[Segment]:
        """Escape control characters in everything that is rendered, as the last safeguard."""
        for segment in super().render(renderable, options):
            yield segment if segment.control else segment._replace(text=visible.lines(segment.text))

    def waiting(self, what: str) -> Status:
        """Return a status line for waiting, shown as a spinner on a terminal."""
        return self.status(waiting_for(what))


out = Terminal(soft_wrap=True)
err = Terminal(stderr=True, soft_wrap=True)
_SPACE = re.compile(r"[ \t\r\n]+")
WIDE = 240
"""Width in columns of a table that is written to a file or pipe."""
COLOURS = {
    **dict.fromkeys(("TRAINED", "PROMOTED", "LIVE", "live", "SUCCEEDED", "accepted", "ok"), "green"),
    **dict.fromkeys(
        ("QUARANTINED", "FAILED", "REJECTED", "ROLLED_BACK", "conflict", "unknown", "late", "failed"), "red"
    ),
    "warning": "yellow",
    **dict.fromkeys(("SUPERSEDED", "EXCLUDED", "PREVIOUS", "RETIRED", "EMPTY"), "dim"),
}


def fail(message: str) -> None:
    """Print an error as one line to standard error."""
    err.print(plain(f"error: {_SPACE.sub(' ', message).strip()}", "red"))


def note(message: str) -> None:
    """Print a line of progress to standard error."""
    err.print(plain(message, "dim"))


def done(message: str) -> None:
    """Print a success to standard error; results go to standard output."""
    err.print(plain(message, "green"))


def print_json(value: Any) -> None:
    """Print a result for scripts as JSON; invisible characters are written as JSON escapes."""
    text = json.dumps(value, indent=2, ensure_ascii=False, default=_iso)
    out.print(Text(visible.json_text(text)))


def _iso(value: Any) -> str:
    """Return a time in ISO 8601; raise TypeError for any other type."""
    if isinstance(value, datetime):
        return value.isoformat()
    raise TypeError(f"{type(value).__name__} is not JSON")


def print_table(title: str, columns: Sequence[str], rows: Iterable[Sequence[Any]]) -> None:
    """Print a table of plain text; states have their colour."""
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
    """Return a word in the colour of its state; without colour when it is not a state."""
    return plain(word, COLOURS.get(word, ""))


def plain(text: str, style: str = "") -> Text:
    """Return a text as one line, with control characters escaped."""
    return Text(visible.line(text), style=style)


def waiting_for(what: str) -> Text:
    """Return the text of a status line."""
    return plain(f"waiting for {what}")


def moment(iso: str) -> str:
    """Return an ISO 8601 UTC time without fraction and zone: ``YYYY-MM-DD hh:mm:ss``."""
    return iso[:19].replace("T", " ")
