"""Parts of an HTML page: the page itself, sections, tables and figures."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Sequence
from html import escape as _escaped  # noqa: TID251 - here
from pathlib import Path

from relearn import visible
from relearn.figures import apart

_WHOLE = 1e15
"""Integers below it are written without an exponent."""
LONG = 40
"""Length of a cell's text, in characters, beyond which it has several lines."""
STYLE = Path(__file__).with_name("report.css")
"""Style sheet of the pages."""


def escape(text: str) -> str:
    """Escape a text for HTML, including characters that would change the direction of text."""
    return _escaped(visible.lines(text))


def document(head: str, title: str, about: str, sections: Iterable[str]) -> str:
    """Return a whole page.

    Parameters
    ----------
    head
        Title of the browser tab.
    title, about
        Heading of the page, and the line below it.
    sections
        Sections that `section` returned.
    """
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>{escape(head)}</title><style>{STYLE.read_text(encoding='utf-8')}</style></head><body><main>"
        f'<h1>{escape(title)}</h1><p class="soft">{escape(about)}</p>{"".join(sections)}</main></body></html>\n'
    )


def section(title: str, content: str) -> str:
    """Return a section with its heading."""
    at = re.sub(r"[^a-z0-9]+", "-", title.lower()).strip("-")
    return f'<section aria-labelledby="{at}"><h2 id="{at}">{escape(title)}</h2>{content}</section>'


def table(caption: str, heads: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Return a table whose first column has the row headers.

    The caption is outside the scrolling element, so that it wraps with the page; inside it would be as wide
    as the table.
    """
    head = "".join(f'<th scope="col">{escape(word)}</th>' for word in heads)
    body = "".join(
        f'<tr><th scope="row">{escape(row[0])}</th>{"".join(map(_cell, row[1:]))}</tr>' for row in rows
    )
    return (
        f'<p class="caption" aria-hidden="true">{escape(caption)}</p>'
        f'<div class="scroll"><table aria-label="{escape(caption)}"><thead><tr>{head}</tr></thead>'
        f"<tbody>{body}</tbody></table></div>"
    )


def _cell(text: str) -> str:
    kind = ' class="words"' if len(text) > LONG else ""
    return f"<td{kind}>{escape(text)}</td>"


def figure(value: float | None) -> str:
    """Format a number with four decimals near 1 and two where it is large; empty for None."""
    return figures(value)[0]


def amount(value: float | None) -> str:
    """Format a value of the data: an integer without decimals, others as `figure` does; empty for None."""
    whole = value is not None and math.isfinite(value) and float(value).is_integer() and abs(value) < _WHOLE
    return f"{value:,.0f}" if whole else figure(value)


def figures(*values: float | None) -> list[str]:
    """Format numbers that are compared as `figure` does, with enough digits to distinguish them."""
    known = [value for value in values if value is not None]
    near = all(abs(value) < 10 for value in known)  # noqa: PLR2004
    written = iter(apart(*known, decimals=4 if near else 2))
    return ["" if value is None else _grouped(next(written)) for value in values]


def _grouped(number: str) -> str:
    """Insert thousands separators."""
    whole, point, rest = number.partition(".")
    return f"{int(whole):,}{point}{rest}" if whole.lstrip("-").isdigit() and whole != "-0" else number


def signed(difference: float) -> str:
    """Format a difference with its sign."""
    return f"{'+' if difference >= 0 else ''}{figure(difference)}"
