"""Square plot with axes and a legend, and margins as wide as its labels."""

from __future__ import annotations

from collections.abc import Sequence

from pages.axis import APART, Axis, cut, width
from pages.svg import line, text

SIDE = 320
"""Side of the square, in SVG units."""
COLOURS = 6
"""Number of line colours in the style sheet."""
_TOP, _RIGHT = 12, 12
_BELOW = 48
_ROW = 18
_SAMPLE = 20


class Plot:
    """Square between two axes, which maps values to positions.

    Parameters
    ----------
    x, y
        Horizontal and vertical axis.
    legend
        Names of the lines; the legend is below the plot, so that it covers nothing.
    """

    def __init__(self, x: Axis, y: Axis, legend: Sequence[str] = ()) -> None:
        self._x, self._y, self._legend = x, y, legend
        self._across, self._up = x.ticks_within(SIDE), y.ticks()
        first = self._across.places[0]
        self.left = max(
            2 * APART + self._up.width + 8, width(first.label) / 2 - SIDE * x.share(first.value) + APART
        )
        last = self._across.places[-1]
        overhang = width(last.label) / 2 - SIDE * (1 - x.share(last.value))
        self.size = (
            self.left + SIDE + max(_RIGHT, overhang + 2),
            _TOP + SIDE + _BELOW + (_ROW * len(legend) + 6 if legend else 0),
        )

    def at(self, x: float, y: float) -> tuple[float, float]:
        """Return the position of a pair of values, in SVG units."""
        return self.left + self._x.share(x) * SIDE, _TOP + (1 - self._y.share(y)) * SIDE

    def frame(self) -> str:
        """Draw the frame, grid lines at the ticks, labels, titles and legend."""
        low, high = (self._x.low, self._y.low), (self._x.high, self._y.high)
        bottom, right = _TOP + SIDE, self.left + SIDE
        parts = [f'<rect x="{self.left:.1f}" y="{_TOP}" width="{SIDE}" height="{SIDE}" class="frame"/>']
        for tick in self._across.places:
            x, _ = self.at(tick.value, low[1])
            parts += [line(x, _TOP, x, bottom, "grid"), text(x, bottom + 20, tick.label, "tick")]
        for tick in self._up.places:
            _, y = self.at(low[0], tick.value)
            parts += [
                line(self.left, y, right, y, "grid"),
                text(self.left - 6, y + 4, tick.label, "tick end"),
            ]
        middle = self.at((low[0] + high[0]) / 2, (low[1] + high[1]) / 2)
        parts.append(text(middle[0], bottom + 40, cut(self._x.title(self._across), SIDE), "axis"))
        parts.append(text(12, middle[1], cut(self._y.title(self._up), SIDE), "axis", turn=True))
        return "".join([*parts, *self._named()])

    def diagonal(self) -> str:
        """Draw the line on which both axes have the same share."""
        start, end = self.at(self._x.low, self._y.low), self.at(self._x.high, self._y.high)
        return line(*start, *end, "rule dashed")

    def path(self, places: Sequence[tuple[float, float]], index: int) -> str:
        """Draw a line through pairs of values, in the style of the legend's entry ``index``."""
        points = " ".join("{:.1f},{:.1f}".format(*self.at(x, y)) for x, y in places)
        return f'<polyline points="{points}" class="{_style(index)}"/>'

    def mark(self, place: tuple[float, float], index: int) -> str:
        """Draw a circle around a pair of values, in the style of the legend's entry ``index``."""
        x, y = self.at(*place)
        return f'<circle cx="{x:.1f}" cy="{y:.1f}" r="5" class="mark {_style(index)}"/>'

    def _named(self) -> list[str]:
        parts = []
        for index, name in enumerate(self._legend):
            y = _TOP + SIDE + _BELOW + _ROW * (index + 1)
            parts.append(line(self.left, y - 4, self.left + _SAMPLE, y - 4, _style(index)))
            start = self.left + _SAMPLE + 8
            parts.append(text(start, y, cut(name, SIDE - _SAMPLE - 8), "tick start"))
        return parts


def _style(index: int) -> str:
    return f"line c{index % COLOURS}" + (" dashed" if index >= COLOURS else "")
