"""Chart of a difference with its confidence interval."""

from __future__ import annotations

from pages.axis import SIZE, Axis, number, width
from pages.svg import figure, line, rect, text

LENGTH = 420
"""Length of the axis, in SVG units."""
_TOP, _MIDDLE, _BOTTOM = 10, 36, 62
_HALF_END = 8
_PADDING = 0.08


def chart(name: str, low: float, difference: float, high: float, tolerance: float) -> str:
    """Draw the difference of two models on an axis with 0 and the loss that does not matter.

    Parameters
    ----------
    name
        Quantity, for the axis and the caption.
    low, difference, high
        The difference and its bounds, in ascending order, finite.
    tolerance
        Loss that does not matter, 0 or more, in the same unit.
    """
    least, most = min(low, -tolerance), max(high, tolerance)
    padding = _PADDING * (most - least)
    axis = Axis(name=name, low=least - padding, high=most + padding)
    ticks = axis.ticks_within(LENGTH)
    left = max(width(tick.label) for tick in ticks.places) / 2 + SIZE

    def at(value: float) -> float:
        return left + axis.share(value) * LENGTH

    parts = [rect(at(-tolerance), _TOP, at(0) - at(-tolerance), _BOTTOM - _TOP, "cell")]
    for tick in ticks.places:
        x = at(tick.value)
        parts += [line(x, _TOP, x, _BOTTOM, "grid"), text(x, _BOTTOM + 18, tick.label, "tick")]
    parts += [
        line(at(0), _TOP, at(0), _BOTTOM, "rule"),
        line(at(low), _MIDDLE, at(high), _MIDDLE, "line c0"),
        *(line(at(end), _MIDDLE - _HALF_END, at(end), _MIDDLE + _HALF_END, "line c0") for end in (low, high)),
        f'<circle cx="{at(difference):.1f}" cy="{_MIDDLE}" r="4.5" class="bar"/>',
        text(left + LENGTH / 2, _BOTTOM + 38, axis.title(ticks), "axis"),
    ]
    told = f"{number(difference)}, between {number(low)} and {number(high)}"
    return figure(
        f"{name}: {told}. Right of 0 the candidate is better; the box is a loss that does not matter.",
        f"{name} {told}",
        left * 2 + LENGTH,
        _BOTTOM + 44,
        "".join(parts),
    )
