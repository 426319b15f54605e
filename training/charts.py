"""Charts as inline SVG: no library, no file beside the page, colours from its style sheet.

Every chart has a title and a description for those who can not see it; the figures it shows
also stand in a table of the report.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from training.encode import Array
from training.page.svg import LEFT, PLOT, TOP, at, canvas, figure, line, text
from training.page.svg import axes as frame

POINTS = 600  # of a scatter or a curve at most; more only make the page heavy


def heatmap(title: str, labels: Sequence[str], matrix: Sequence[Sequence[int]]) -> str:
    """Draw a confusion matrix: a row per true class, shaded by its share of the row."""
    count = len(labels)
    cell = max(16.0, min(84.0, 460 / count))
    left, top = 16 + 7.2 * max(map(len, labels)) + 18, 30
    parts = [text(left + cell * count / 2, 14, "answered", "axis")]
    parts.append(text(12, top + cell * count / 2, "true", "axis", turn=True))
    for row, (label, counts) in enumerate(zip(labels, matrix, strict=True)):
        middle = top + (row + 0.5) * cell
        parts.append(text(left - 8, middle + 4, label, "tick end"))
        parts.append(text(left + (row + 0.5) * cell, top + cell * count + 18, label, "tick"))
        for column, value in enumerate(counts):
            share = value / max(sum(counts), 1)
            x, y = left + column * cell, top + row * cell
            kind = "hit" if row == column else "miss"
            parts.append(_cell(x, y, cell, kind, share))
            if cell >= 24:  # noqa: PLR2004 - smaller cells have no room for a figure
                strong = " strong" if share > 0.55 else ""  # noqa: PLR2004 - where white reads better
                parts.append(text(x + cell / 2, y + cell / 2 + 5, f"{value}", f"count{strong}"))
    described = "; ".join(
        f"true {label}: {', '.join(f'{value} as {other}' for other, value in zip(labels, counts, strict=True))}"
        for label, counts in zip(labels, matrix, strict=True)
    )
    return figure(title, described, left + cell * count + 12, top + cell * count + 30, "".join(parts))


def bars(title: str, values: Sequence[tuple[str, float]], unit: str) -> str:
    """Draw horizontal bars from zero, the greatest first; negative ones to the left."""
    ordered = sorted(values, key=lambda pair: -pair[1])
    low, high = min([0.0, *(v for _, v in ordered)]), max([0.0, *(v for _, v in ordered)])
    span = (high - low) or 1.0
    left, width, step = 16 + 7.2 * max(len(name) for name, _ in ordered), 320, 28
    zero = left + 60 + width * -low / span
    parts = [line(zero, 4, zero, step * len(ordered) + 4, "rule")]
    for index, (name, value) in enumerate(ordered):
        y, length = 4 + index * step, width * abs(value) / span
        x = zero if value >= 0 else zero - length
        parts.append(text(left, y + 18, name, "tick end"))
        parts.append(
            f'<rect x="{x:.1f}" y="{y + 5:g}" width="{length:.1f}" height="{step - 10}" rx="2" '
            f'class="bar{"" if value >= 0 else " below"}"/>'
        )
        parts.append(text(zero + max(value, 0) / span * width + 6, y + 18, f"{value:.4g}", "tick start"))
    described = ", ".join(f"{name} {value:.4g}" for name, value in ordered)
    return figure(title, f"{unit}: {described}", left + width + 140, step * len(ordered) + 8, "".join(parts))


def curves(title: str, axes: tuple[str, str], lines: Sequence[tuple[str, Array, Array]]) -> str:
    """Draw curves in the unit square over the diagonal; each a name, its x and its y."""
    parts = [frame(axes, (0, 1), (0, 1)), line(*at(0, 0), *at(1, 1), "rule dashed")]
    for index, (name, xs, ys) in enumerate(lines):
        chosen = _thin(len(xs))
        path = " ".join(
            "{:.1f},{:.1f}".format(*at(x, y)) for x, y in zip(xs[chosen], ys[chosen], strict=True)
        )
        style = f"line c{index % 6}" + (" dashed" if index >= 6 else "")  # noqa: PLR2004 - colours in the style sheet
        parts.append(f'<polyline points="{path}" class="{style}"/>')
        y = TOP + PLOT - 14 - 18 * (len(lines) - 1 - index)
        parts.append(line(LEFT + PLOT - 190, y - 4, LEFT + PLOT - 170, y - 4, style))
        parts.append(text(LEFT + PLOT - 162, y, name, "tick start"))
    return figure(title, "; ".join(name for name, _, _ in lines), *canvas(), "".join(parts))


def scatter(title: str, axes: tuple[str, str], xs: Array, ys: Array, *, from_zero: bool = False) -> str:
    """Draw points on equal axes over the diagonal; ``from_zero``: none is negative, and the axes say so."""
    low, high = 0.0 if from_zero else float(min(xs.min(), ys.min())), float(max(xs.max(), ys.max()))
    span = (high - low) or 1.0
    parts = [frame(axes, (low, high), (low, high)), line(*at(0, 0), *at(1, 1), "rule dashed")]
    chosen = _thin(len(xs))
    for x, y in zip((xs[chosen] - low) / span, (ys[chosen] - low) / span, strict=True):
        cx, cy = at(x, y)
        parts.append(f'<circle cx="{cx:.1f}" cy="{cy:.1f}" r="3.2" class="dot"/>')
    described = f"{len(chosen)} points from {low:.4g} to {high:.4g}; on the diagonal both are equal"
    return figure(title, described, *canvas(), "".join(parts))


def histogram(title: str, axis: str, values: Array, bins: int = 21) -> str:
    """Draw how often values fall between equal steps around zero."""
    reach = float(np.abs(values).max()) or 1.0
    counts, _ = np.histogram(values, bins=bins, range=(-reach, reach))
    highest = 4 * -(-int(counts.max()) // 4)  # so that the four grid lines stand at whole rows
    parts = [frame((axis, "rows"), (-reach, reach), (0, highest))]
    for index, count in enumerate(counts):
        x, y = at(index / bins, count / highest)
        height = PLOT * count / highest
        parts.append(
            f'<rect x="{x + 1:.1f}" y="{y:.1f}" width="{PLOT / bins - 2:.1f}" height="{height:.1f}" class="bar"/>'
        )
    parts.append(line(*at(0.5, 0), *at(0.5, 1), "rule dashed"))
    return figure(title, f"{len(values)} rows, from {-reach:.4g} to {reach:.4g}", *canvas(), "".join(parts))


def _thin(count: int) -> Array:
    return np.unique(np.linspace(0, count - 1, min(count, POINTS)).astype(int))


def _cell(x: float, y: float, side: float, kind: str, share: float) -> str:
    place = f'x="{x:.1f}" y="{y:.1f}" width="{side - 2:.1f}" height="{side - 2:.1f}" rx="3"'
    return f'<rect {place} class="cell"/><rect {place} class="{kind}" fill-opacity="{share:.3f}"/>'
