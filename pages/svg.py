"""Parts of charts as inline SVG, with colours from the page's style sheet.

Every chart has a caption, and a description for people who cannot see it; a table of the page has the same
figures.
"""

from __future__ import annotations

from pages.html import escape


def figure(title: str, description: str, width: float, height: float, body: str) -> str:
    """Return a figure with SVG elements on a canvas of ``width`` by ``height``.

    Parameters
    ----------
    title
        Caption below the chart.
    description
        Description of the chart for people who cannot see it.
    width, height
        Size in SVG units.
    body
        SVG elements.
    """
    return (
        f'<figure><svg viewBox="0 0 {width:g} {height:g}" role="img" aria-label="{escape(description)}" '
        f'style="max-width:{width:g}px">{body}</svg><figcaption>{escape(title)}</figcaption></figure>'
    )


def line(x1: float, y1: float, x2: float, y2: float, style: str) -> str:
    """Draw a line."""
    return f'<line x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}" class="{style}"/>'


def rect(x: float, y: float, width: float, height: float, style: str) -> str:
    """Draw a filled rectangle."""
    place = f'x="{x:.1f}" y="{y:.1f}" width="{max(width, 0):.1f}" height="{max(height, 0):.1f}"'
    return f'<rect {place} class="{style}"/>'


def text(x: float, y: float, words: str, style: str, *, turn: bool = False) -> str:
    """Draw a text; ``turn`` rotates it to read from the bottom upwards."""
    turned = f' transform="rotate(-90 {x:.1f} {y:.1f})"' if turn else ""
    return f'<text x="{x:.1f}" y="{y:.1f}" class="{style}"{turned}>{escape(words)}</text>'
