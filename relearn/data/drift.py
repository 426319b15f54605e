"""Drift of a column between two profiles: the population stability index (PSI).

PSI is the sum of ``(now - before) * ln(now / before)`` over the shares of bins; `relearn.spec.quality` has
its usual reading. Numbers and lengths of texts are binned by the tenths of the earlier profile, everything
else by value; missing values have a bin too. Half a row is added to every bin, so that an empty bin does not
make the index infinite.
"""

from __future__ import annotations

import math
from bisect import bisect_left
from collections.abc import Sequence

from relearn.data.profiles import COMPARED, SKETCHED, ColumnProfile

TENTHS = 10
"""Number of quantile bins."""


def index(before: ColumnProfile, now: ColumnProfile) -> float | None:
    """Return the population stability index; None for types that are not compared, or without rows."""
    if before.type != now.type or before.type not in COMPARED:
        return None
    old, new = shares(before, now)
    if not sum(old) or not sum(new):
        return None
    return sum((b - a) * math.log(b / a) for a, b in zip(_smooth(old), _smooth(new), strict=True))


def shares(before: ColumnProfile, now: ColumnProfile) -> tuple[list[int], list[int]]:
    """Return the counts of rows of both profiles in the same bins; the last bin is of missing values."""
    if before.type in SKETCHED:
        edges = _tenths(before)
        return _between(edges, before), _between(edges, now)
    values = sorted({*before.counts, *now.counts})
    counted = [[column.counts.get(value, 0) for value in values] for column in (before, now)]
    return [*counted[0], before.missing], [*counted[1], now.missing]


def _tenths(column: ColumnProfile) -> list[int]:
    """Return the upper edges of bins with a tenth of the rows each, or more where many are equal.

    Values below all others and above all others have bins too.
    """
    bins = column.bins()
    edges, below, passed = [bins[0][0] - 1] if bins else [], 0, 0
    for code, count in bins:
        below += count
        if (tenth := below * TENTHS // column.present) > passed:
            edges.append(code)
            passed = tenth
    return edges


def _between(edges: Sequence[int], column: ColumnProfile) -> list[int]:
    counts = [0] * (len(edges) + 1)
    for code, count in column.bins():
        counts[bisect_left(edges, code)] += count
    return [*counts, column.missing]


def _smooth(counts: Sequence[int]) -> list[float]:
    whole = sum(counts) + len(counts) / 2
    return [(count + 0.5) / whole for count in counts]
