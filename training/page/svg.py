"""Parts of charts as inline SVG: colours from the page's style sheet.

Every chart has a title and a description for those who can not see it; the figures it shows
also stand in a table of the page.
"""

from __future__ import annotations

from html import escape

PLOT = 320
"""Side of a square plot, in SVG units."""
LEFT, BOTTOM, TOP, RIGHT = 52, 44, 12, 12
LETTER = 7.2
"""Width of a letter, about."""


def figure(title: str, description: str, width: float, height: float, body: str) -> str:
    """Wrap SVG elements of a canvas of ``width`` by ``height``."""
    return (
        f'<figure><svg viewBox="0 0 {width:g} {height:g}" role="img" style="max-width:{width:g}px">'
        f"<title>{escape(title)}</title><desc>{escape(description)}</desc>{body}</svg>"
        f"<figcaption>{escape(title)}</figcaption></figure>"
    )


def axes(names: tuple[str, str], x_range: tuple[float, float], y_range: tuple[float, float]) -> str:
    """Draw the frame of a square plot, a grid of quarters, and what they stand for."""
    parts = [f'<rect x="{LEFT}" y="{TOP}" width="{PLOT}" height="{PLOT}" class="frame"/>']
    for share in (0.0, 0.25, 0.5, 0.75, 1.0):
        x, y = at(share, share)
        parts.append(line(x, TOP, x, TOP + PLOT, "grid") + line(LEFT, y, LEFT + PLOT, y, "grid"))
        parts.append(
            text(x, TOP + PLOT + 16, f"{x_range[0] + share * (x_range[1] - x_range[0]):.3g}", "tick")
        )
        value = y_range[0] + share * (y_range[1] - y_range[0])
        parts.append(text(LEFT - 6, y + 4, f"{value:.3g}", "tick end"))
    parts.append(text(LEFT + PLOT / 2, TOP + PLOT + 36, names[0], "axis"))
    parts.append(text(12, TOP + PLOT / 2, names[1], "axis", turn=True))
    return "".join(parts)


def at(x: float, y: float) -> tuple[float, float]:
    """Give the place of a point of the unit square in a square plot."""
    return LEFT + x * PLOT, TOP + (1 - y) * PLOT


def canvas() -> tuple[float, float]:
    """Give width and height of a square plot with its axes."""
    return LEFT + PLOT + RIGHT, TOP + PLOT + BOTTOM


def line(x1: float, y1: float, x2: float, y2: float, style: str) -> str:
    """Draw a line."""
    return f'<line x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}" class="{style}"/>'


def rect(x: float, y: float, width: float, height: float, style: str) -> str:
    """Draw a filled rectangle."""
    place = f'x="{x:.1f}" y="{y:.1f}" width="{max(width, 0):.1f}" height="{max(height, 0):.1f}"'
    return f'<rect {place} class="{style}"/>'


def text(x: float, y: float, words: str, style: str, *, turn: bool = False) -> str:
    """Write words; ``turn``: from the bottom upwards."""
    turned = f' transform="rotate(-90 {x:.1f} {y:.1f})"' if turn else ""
    return f'<text x="{x:.1f}" y="{y:.1f}" class="{style}"{turned}>{escape(words)}</text>'
