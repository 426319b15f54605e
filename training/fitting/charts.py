"""Draw charts as inline SVG, without a library or external files; the style sheet of the page sets the colours.

Every chart has a caption and a description for readers who cannot see it. Its figures are also in a table of
the report.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from pages.axis import Axis, cut, number, top_of, widest, width
from pages.plot import SIDE, Plot
from pages.svg import figure, line, text
from scoring.encode import Array

POINTS = 600  # most points of a scatter or curve; more only make the page large
NAMED = 160
"""Largest width of a name, in SVG units."""
COUNT_SIZE = 15
"""Font size of the figures in a cell, as in the style sheet."""
LEAST_CELL = 24
"""Smallest side of a cell that has room for a figure, in SVG units."""
_SHORT = ((1e9, "G"), (1e6, "M"), (1e3, "k"))


def heatmap(title: str, labels: Sequence[str], matrix: Sequence[Sequence[int]]) -> str:
    """Draw a confusion matrix: one row per true class, shaded by the share of the row."""
    count = len(labels)
    cell = max(16.0, min(84.0, 460 / count))
    names = [cut(label, NAMED) for label in labels]
    left, top = 24 + widest(names) + 16, 30
    upright = widest(names) + 8 > cell  # horizontal names would overlap
    below = (widest(names) if upright else 12) + 16
    parts = [text(left + cell * count / 2, 14, "answered", "axis")]
    parts.append(text(12, top + cell * count / 2, "true", "axis", turn=True))
    for row, (name, counts) in enumerate(zip(names, matrix, strict=True)):
        middle = top + (row + 0.5) * cell
        parts.append(text(left - 8, middle + 4, name, "tick end"))
        along, under = left + (row + 0.5) * cell, top + cell * count
        parts.append(
            text(along + 4, under + 8, name, "tick end", turn=True)
            if upright
            else text(along, under + 18, name, "tick")
        )
        for column, value in enumerate(counts):
            share = value / max(sum(counts), 1)
            x, y = left + column * cell, top + row * cell
            kind = "hit" if row == column else "miss"
            parts.append(_cell(x, y, cell, kind, share))
            told = _fitting(value, cell - 6) if cell >= LEAST_CELL else ""
            if told:
                strong = " strong" if share > 0.55 else ""  # noqa: PLR2004 - where white reads better
                parts.append(text(x + cell / 2, y + cell / 2 + 5, told, f"count{strong}"))
    described = "; ".join(
        f"true {label}: {', '.join(f'{value} as {other}' for other, value in zip(labels, counts, strict=True))}"
        for label, counts in zip(labels, matrix, strict=True)
    )
    return figure(title, described, left + cell * count + 12, top + cell * count + below, "".join(parts))


def bars(title: str, values: Sequence[tuple[str, float]], unit: str) -> str:
    """Draw horizontal bars from zero, the largest value first; negative bars go to the left."""
    ordered = sorted(values, key=lambda pair: -pair[1])
    low, high = min([0.0, *(v for _, v in ordered)]), max([0.0, *(v for _, v in ordered)])
    span = (high - low) or 1.0
    names = [cut(name, NAMED) for name, _ in ordered]
    left, length_of_all, step = 8 + widest(names), 240, 28
    zero = left + 12 + length_of_all * -low / span
    parts = [line(zero, 4, zero, step * len(ordered) + 4, "rule")]
    for index, (name, (_, value)) in enumerate(zip(names, ordered, strict=True)):
        y, length = 4 + index * step, length_of_all * abs(value) / span
        x = zero if value >= 0 else zero - length
        parts.append(text(left, y + 18, name, "tick end"))
        parts.append(
            f'<rect x="{x:.1f}" y="{y + 5:g}" width="{length:.1f}" height="{step - 10}" rx="2" '
            f'class="bar{"" if value >= 0 else " below"}"/>'
        )
        end = zero + max(value, 0) / span * length_of_all
        parts.append(text(end + 6, y + 18, number(value), "tick start"))
    described = ", ".join(f"{name} {number(value)}" for name, value in ordered)
    whole = left + 12 + length_of_all + 6 + widest([number(value) for _, value in ordered]) + 8
    return figure(title, f"{unit}: {described}", whole, step * len(ordered) + 8, "".join(parts))


def curves(title: str, axes: tuple[str, str], lines: Sequence[tuple[str, Array, Array]]) -> str:
    """Draw curves in the unit square with its diagonal; each is a name, its x and its y values."""
    x, y = (Axis(name=name, low=0, high=1) for name in axes)
    plot = Plot(x, y, [name for name, _, _ in lines])
    parts = [plot.frame(), plot.diagonal()]
    for index, (_, xs, ys) in enumerate(lines):
        chosen = _thin(len(xs))
        parts.append(plot.path(list(zip(xs[chosen], ys[chosen], strict=True)), index))
    return figure(title, "; ".join(name for name, _, _ in lines), *plot.size, "".join(parts))


def calibration(
    title: str, axes: tuple[str, str], lines: Sequence[tuple[str, Sequence[float], Sequence[float]]]
) -> str:
    """Draw few points of each line in the unit square with its diagonal; each is a name, its x and its y values."""
    return _unit_square(title, axes, lines, [list(zip(xs, ys, strict=True)) for _, xs, ys in lines])


def marked_curves(
    title: str,
    axes: tuple[str, str],
    lines: Sequence[tuple[str, Sequence[float], Sequence[float]]],
    marks: Sequence[tuple[float, float | None]],
) -> str:
    """Draw curves in the unit square, each with a circle at a point; a point without y has none."""
    circles = [[] if y is None else [(x, y)] for x, y in marks]
    return _unit_square(title, axes, lines, circles, diagonal=False)


def _unit_square(
    title: str,
    axes: tuple[str, str],
    lines: Sequence[tuple[str, Sequence[float], Sequence[float]]],
    marks: Sequence[Sequence[tuple[float, float]]],
    *,
    diagonal: bool = True,
) -> str:
    x, y = (Axis(name=name, low=0, high=1) for name in axes)
    plot = Plot(x, y, [name for name, _, _ in lines])
    parts = [plot.frame(), plot.diagonal() if diagonal else ""]
    for index, ((_, xs, ys), circles) in enumerate(zip(lines, marks, strict=True)):
        parts.append(plot.path(list(zip(xs, ys, strict=True)), index))
        parts += [plot.mark(point, index) for point in circles]
    return figure(title, "; ".join(name for name, _, _ in lines), *plot.size, "".join(parts))


def scatter(title: str, axes: tuple[str, str], xs: Array, ys: Array, *, from_zero: bool = False) -> str:
    """Draw points on equal axes with the diagonal; ``from_zero``: both axes start at zero."""
    low, high = 0.0 if from_zero else float(min(xs.min(), ys.min())), float(max(xs.max(), ys.max()))
    across, up = (Axis(name=name, low=low, high=high) for name in axes)
    plot = Plot(across, up)
    parts = [plot.frame(), plot.diagonal()]
    chosen = _thin(len(xs))
    for x, y in zip(xs[chosen], ys[chosen], strict=True):
        cx, cy = plot.at(float(x), float(y))
        parts.append(f'<circle cx="{cx:.1f}" cy="{cy:.1f}" r="3.2" class="dot"/>')
    described = f"{len(chosen)} points from {number(low)} to {number(high)}; on the diagonal both are equal"
    return figure(title, described, *plot.size, "".join(parts))


def histogram(title: str, axis: str, values: Array, bins: int = 21) -> str:
    """Draw a histogram of values with equal bins, symmetric around zero."""
    reach = float(np.abs(values).max()) or 1.0
    counts, edges = np.histogram(values, bins=bins, range=(-reach, reach))
    rows = Axis(name="rows", low=0, high=top_of(int(counts.max())), whole=True)
    plot = Plot(Axis(name=axis, low=-reach, high=reach), rows)
    parts = [plot.frame()]
    for edge, count in zip(edges[:-1], counts, strict=True):
        x, y = plot.at(float(edge), float(count))
        height = SIDE * rows.share(float(count))
        parts.append(
            f'<rect x="{x + 1:.1f}" y="{y:.1f}" width="{SIDE / bins - 2:.1f}" height="{height:.1f}" class="bar"/>'
        )
    parts.append(line(*plot.at(0, 0), *plot.at(0, rows.high), "rule dashed"))
    described = f"{len(values)} rows, from {number(-reach)} to {number(reach)}"
    return figure(title, described, *plot.size, "".join(parts))


def _thin(count: int) -> Array:
    return np.unique(np.linspace(0, count - 1, min(count, POINTS)).astype(int))


def _fitting(value: int, room: float) -> str:
    """Write a count so that it fits: whole, else in thousands, millions or billions, else empty."""
    written = [f"{value:,}", *(f"{value / size:.3g}{unit}" for size, unit in _SHORT if value >= size)]
    return next((one for one in written if width(one, COUNT_SIZE) <= room), "")


def _cell(x: float, y: float, side: float, kind: str, share: float) -> str:
    place = f'x="{x:.1f}" y="{y:.1f}" width="{side - 2:.1f}" height="{side - 2:.1f}" rx="3"'
    return f'<rect {place} class="cell"/><rect {place} class="{kind}" fill-opacity="{share:.3f}"/>'
