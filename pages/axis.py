"""Axes and labels of charts: ticks at round numbers, formatted numbers, and estimated widths of text.

The steps are 1, 2 or 5 times a power of ten, as in Heckbert, "Nice numbers for graph labels" (Graphics Gems,
1990).
"""

from __future__ import annotations

import math
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate, takewhile
from typing import NamedTuple

SIZE = 12
"""Font size of tick labels and axis titles, in SVG units."""
APART = 12
"""Least gap between adjacent labels, in SVG units."""
_WIDE, _BROAD, _CAPITAL, _OTHER = 1.0, 1.0, 0.78, 0.65
"""Widths of letters relative to the font size; those of DejaVu, the widest font that browsers use for
``sans-serif``."""
_BROAD_LETTERS = frozenset("mwMW@%…—")
_DIGITS = 4
_LARGE, _SMALL = 1e15, 1e-4
_FACTORED_LARGE, _FACTORED_SMALL = 1e6, 1e-3
_MOST_DECIMALS = 4
_MOST = 1e300
_SAME = 1e-9
_NOTHING = 1e-12
_TIMES = "\N{MULTIPLICATION SIGN}"
_SUPERSCRIPT = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")


class Tick(NamedTuple):
    """Position on an axis, and its label."""

    value: float
    label: str


class Ticks(NamedTuple):
    """Ticks of an axis, and the power of ten that their labels leave out."""

    places: tuple[Tick, ...]
    exponent: int

    @property
    def width(self) -> float:
        """Width of the widest label, in SVG units."""
        return max((width(tick.label) for tick in self.places), default=0.0)


@dataclass(frozen=True, kw_only=True)
class Axis:
    """Axis of a chart.

    Parameters
    ----------
    name
        Quantity, with its unit.
    low, high
        Ends, finite; when both are the same value, the axis is extended on both sides.
    whole
        Whether only integers are meaningful, as for counts.
    """

    name: str
    low: float
    high: float
    whole: bool = False

    def __post_init__(self) -> None:
        low, high = (max(-_MOST, min(_MOST, float(end))) for end in (self.low, self.high))
        if high - low <= _NOTHING * max(abs(low), abs(high)):
            beyond = 1.0 if self.whole else max(abs(low), abs(high)) / 10 or 0.5
            low, high = low - beyond, high + beyond
        object.__setattr__(self, "low", low)
        object.__setattr__(self, "high", high)

    def share(self, value: float) -> float:
        """Return the position of a value: 0 at the low end, 1 at the high end."""
        return (value - self.low) / (self.high - self.low)

    def ticks(self, at_most: int = 6) -> Ticks:
        """Return ticks at round numbers between the ends.

        Parameters
        ----------
        at_most
            Approximate maximum number of ticks.
        """
        step = _step((self.high - self.low) / at_most)
        if self.whole:
            step = max(1.0, step)
        first = math.ceil(self.low / step - _SAME)
        last = math.floor(self.high / step + _SAME)
        values = [number * step for number in range(first, last + 1)]
        exponent = _factored(max(map(abs, values), default=0.0), step)
        decimals = _decimals(step, exponent)
        labels = (_plain(value / 10.0**exponent, decimals) for value in values)
        return Ticks(tuple(map(Tick, values, labels)), exponent)

    def ticks_within(self, length: float) -> Ticks:
        """Return as many ticks as have room for their labels along ``length`` SVG units."""
        for at_most in (6, 5, 4, 3, 2):
            found = self.ticks(at_most)
            gaps = max(1, len(found.places) - 1)
            apart = length * (self.share(found.places[-1].value) - self.share(found.places[0].value)) / gaps
            if len(found.places) == 1 or found.width + APART <= apart:
                return found
        return found._replace(places=found.places[:1])

    def title(self, ticks: Ticks) -> str:
        """Return the name of the axis, with the power of ten that its labels leave out."""
        return f"{self.name} ({_power(ticks.exponent)})" if ticks.exponent else self.name


def top_of(count: int) -> int:
    """Return a round upper end, at least 1, for an axis of counts."""
    step = int(max(1.0, _step(count / 4)))
    return max(1, -(-count // step)) * step


def number(value: float) -> str:
    """Format a number with four significant digits and thousands separators, or with a power of ten.

    The power of ten replaces many zeros.

    >>> number(151000.0), number(0.05)
    ('151,000', '0.05')
    """
    size = abs(value)
    if size == 0:
        return "0"
    if not math.isfinite(value):
        return str(value)
    if not _SMALL <= size < _LARGE:
        mantissa, _, exponent = f"{value:.{_DIGITS - 1}e}".partition("e")
        return f"{_stripped(mantissa)}{_power(int(exponent))}"
    return _stripped(_plain(value, max(0, _DIGITS - 1 - math.floor(math.log10(size)))))


def width(words: str, size: float = SIZE) -> float:
    """Return an upper estimate of the width of a text, in SVG units."""
    return size * sum(map(_letter, words))


def cut(words: str, most: float, size: float = SIZE) -> str:
    """Truncate a text to a width of at most ``most`` SVG units, with an ellipsis.

    >>> cut("a name that is long", 60)
    'a name…'
    """
    if width(words, size) <= most:
        return words
    room = most - width("…", size)
    ends = accumulate(width(letter, size) for letter in words)
    kept = sum(1 for _ in takewhile(lambda end: end <= room, ends))
    return f"{words[:kept].rstrip()}…"


def widest(words: Sequence[str], size: float = SIZE) -> float:
    """Return the width of the widest text, in SVG units; 0 for none."""
    return max((width(one, size) for one in words), default=0.0)


def _letter(letter: str) -> float:
    if unicodedata.category(letter) in {"Mn", "Me", "Cf"}:
        return 0.0
    if unicodedata.east_asian_width(letter) in {"W", "F", "A"} and not letter.isascii():
        return _WIDE
    if letter in _BROAD_LETTERS:
        return _BROAD
    return _CAPITAL if letter.isupper() else _OTHER


def _step(least: float) -> float:
    """Return the least of 1, 2, 5 and 10 times a power of ten that is at least ``least``."""
    if least <= 0:
        return 1.0
    power = 10.0 ** math.floor(math.log10(least))
    return next(
        (times * power for times in (1.0, 2.0, 5.0) if times * power >= least * (1 - _SAME)), 10.0 * power
    )


def _factored(largest: float, step: float) -> int:
    """Return the power of ten, a multiple of three, that labels leave out; 0 unless it shortens them."""
    if largest == 0 or _FACTORED_SMALL <= largest < _FACTORED_LARGE:
        return 0
    exponent = 3 * math.floor(math.log10(largest) / 3)
    return exponent if _decimals(step, exponent) <= _MOST_DECIMALS or largest >= _LARGE else 0


def _decimals(step: float, exponent: int) -> int:
    return max(0, exponent - math.floor(math.log10(step) + _SAME))


def _plain(value: float, decimals: int) -> str:
    return f"{value + 0.0:,.{decimals}f}" if round(value, decimals) else f"{0:.{decimals}f}"


def _stripped(digits: str) -> str:
    return digits.rstrip("0").rstrip(".") if "." in digits else digits


def _power(exponent: int) -> str:
    return f"{_TIMES}10{str(exponent).translate(_SUPERSCRIPT)}"
