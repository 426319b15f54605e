"""Formatting of numbers in text, with enough digits to distinguish different numbers."""

from __future__ import annotations

import math

_MOST_DECIMALS, _SIGNIFICANT, _LARGE = 12, 2, 1e15


def apart(*values: float, decimals: int = 4) -> list[str]:
    """Format numbers that are read together, so that different numbers look different.

    All get the same number of decimals: at least as many as asked for, and enough to distinguish different
    numbers and to show two digits of the smallest. Where 12 decimals are not enough, each is written in full.

    Parameters
    ----------
    values
        Numbers, finite or not.
    decimals
        Minimum number of decimals.

    Returns
    -------
    list of str
        In the order of ``values``, e.g. ``["0.94841", "0.94838"]``.
    """
    different = len(set(map(repr, values)))
    finite = [abs(value) for value in values if math.isfinite(value)]
    smallest = min((size for size in finite if size), default=1.0)
    needed = max(decimals, _SIGNIFICANT - 1 - math.floor(math.log10(smallest)))
    if max(finite, default=0.0) < _LARGE:
        for more in range(needed, _MOST_DECIMALS + 1):
            written = [f"{value:.{more}f}" for value in values]
            if len(set(written)) == different:
                return written
    return [repr(float(value)) for value in values]


def percents(*shares: float, decimals: int = 1) -> list[str]:
    """Format shares, 0 to 1, as percentages by the rule of `apart`, e.g. ``["1.04%", "1.00%"]``."""
    return [f"{written}%" for written in apart(*(100 * share for share in shares), decimals=decimals)]


_WHOLE = 1e15
"""Integers below it are written without an exponent."""


def exact(value: float) -> str:
    """Format a declared bound: short where that is exact, e.g. ``"0.9"`` and ``"1000000"``, else in full."""
    if float(value).is_integer() and abs(value) < _WHOLE:
        return f"{value:.0f}"
    short = f"{value:g}"
    return short if float(short) == value else repr(value)


def counted(count: int, what: str) -> str:
    """Format a count with its noun, e.g. ``"1 shard"`` and ``"2,000 rows"``; ``what`` is in the singular."""
    return f"{count:,} {what}{'' if count == 1 else 's'}"
