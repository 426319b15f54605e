"""How far a column moved between two profiles: the population stability index.

PSI is the sum of ``(now - before) * ln(now / before)`` over the shares of bins; `relearn.spec.quality` says how it is read.
Numbers and lengths of texts are compared in the tenths of what was before, everything else value by value; rows
without a value are a bin too. Half a row is added to every bin, so that an empty one does not make it infinite.
"""

from __future__ import annotations

import math
from bisect import bisect_left
from collections.abc import Sequence

from relearn.data.profiles import MIXED, SKETCHED, ColumnProfile

TENTHS = 10
NOT_COMPARED = ("id", "datetime", MIXED)


def index(before: ColumnProfile, now: ColumnProfile) -> float | None:
    """Give the population stability index; None for what is not compared, or has no rows."""
    if before.type != now.type or before.type in NOT_COMPARED:
        return None
    old, new = shares(before, now)
    if not sum(old) or not sum(new):
        return None
    return sum((b - a) * math.log(b / a) for a, b in zip(_smooth(old), _smooth(new), strict=True))


def shares(before: ColumnProfile, now: ColumnProfile) -> tuple[list[int], list[int]]:
    """Count both columns' rows in the same bins; the last bin is the missing ones."""
    if before.type in SKETCHED:
        edges = _tenths(before)
        return _between(edges, before), _between(edges, now)
    values = sorted({*before.counts, *now.counts})
    counted = [[column.counts.get(value, 0) for value in values] for column in (before, now)]
    return [*counted[0], before.missing], [*counted[1], now.missing]


def _tenths(column: ColumnProfile) -> list[int]:
    """Bins that each end a tenth of the rows, or more where many are equal; less and more than ever end one too."""
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
