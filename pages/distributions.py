"""Charts of profiles: distribution of a column's values, now and before."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

from pages.axis import Axis, cut, number, widest
from pages.svg import figure, line, rect, text
from relearn.data.profiles import LOG_GAMMA, SHIFTED, SKETCHED, SMALLEST, ColumnProfile

WIDTH, HEIGHT = 320, 150
"""Size of a chart, in SVG units."""
STEPS = 24
"""Number of bars in a histogram."""
MOST_VALUES = 12
"""Maximum number of bars for a category; the rarest values share one more."""
ROW = 26
"""Height of a bar's row, in SVG units."""
NAMED = 160
"""Maximum width of a value's name, in SVG units."""
LEAST_WHOLE = 2
"""Least span from which on a column with integer ends gets ticks at integers only."""


def column_chart(name: str, now: ColumnProfile, before: ColumnProfile | None) -> str:
    """Return a chart of a column's distribution; empty for a column whose values are not counted."""
    if before is not None and before.type != now.type:
        before = None
    if not now.counts and not (before and before.counts):
        return ""
    if now.type in SKETCHED:
        return _histogram(name, now, before)
    return _values(name, now, before)


def missing_chart(
    columns: Mapping[str, ColumnProfile], rows: int, before: Mapping[str, ColumnProfile], rows_before: int
) -> str:
    """Return a chart of the share of missing values per column; empty when none is missing."""
    now = {name: column.missing / rows for name, column in columns.items()} if rows else {}
    old = {name: before[name].missing / rows_before for name in now if name in before} if rows_before else {}
    if not any((*now.values(), *old.values())):
        return ""
    return _pairs("Rows that lack a value", now, old or None)


def _histogram(name: str, now: ColumnProfile, before: ColumnProfile | None) -> str:
    columns = [column for column in (now, before) if column is not None and column.counts]
    low = min(float(column.low or 0) for column in columns)
    high = max(float(column.high or 0) for column in columns)
    drawn = [_steps(column, low, high) for column in (now, before) if column is not None]
    highest = max(max(shares) for shares in drawn) or 1.0
    left, width = 46.0, WIDTH / STEPS
    parts = [
        line(left, HEIGHT + 8, left + WIDTH, HEIGHT + 8, "rule"),
        text(left - 6, 18, f"{highest:.0%}", "tick end"),
    ]
    for index, share in enumerate(drawn[0]):
        height = HEIGHT * share / highest
        parts.append(rect(left + index * width + 1, HEIGHT + 8 - height, width - 2, height, "bar"))
    if len(drawn) > 1:
        path = " ".join(
            f"{left + (index + side) * width:.1f},{HEIGHT + 8 - HEIGHT * share / highest:.1f}"
            for index, share in enumerate(drawn[1])
            for side in (0, 1)
        )
        parts.append(f'<polyline points="{path}" class="was"/>')
    title = f"{name}, in characters" if now.type == "text" else name
    whole = low.is_integer() and high.is_integer() and high - low >= LEAST_WHOLE
    axis = Axis(name=title, low=low, high=high, whole=whole)
    ticks = axis.ticks_within(WIDTH)
    for value, label in ticks.places:
        x = left + axis.share(value) * WIDTH
        parts += [line(x, HEIGHT + 8, x, HEIGHT + 12, "rule"), text(x, HEIGHT + 26, label, "tick")]
    room = left + WIDTH + max(8.0, ticks.width / 2)
    return figure(axis.title(ticks), _told(now, before), room, HEIGHT + 34, "".join(parts))


def _steps(column: ColumnProfile, low: float, high: float) -> list[float]:
    """Distribute the bins of a sketch over equal steps, each bin evenly between its edges."""
    whole, steps = column.present, [0.0] * STEPS
    span = (high - low) or 1.0
    for code, count in column.bins():
        start, end = (max(low, min(high, edge)) for edge in _edges(code))
        first, last = (start - low) / span * STEPS, (end - low) / span * STEPS
        if int(first) >= int(min(last, STEPS - 1)):
            steps[min(int(first), STEPS - 1)] += count
            continue
        for step in range(int(first), min(math.ceil(last), STEPS)):
            steps[step] += count * (min(last, step + 1) - max(first, step)) / (last - first)
    return [count / whole if whole else 0.0 for count in steps]


def _edges(code: int) -> tuple[float, float]:
    if code == 0:
        return -SMALLEST, SMALLEST
    near, far = (math.exp((abs(code) - SHIFTED - back) * LOG_GAMMA) for back in (1, 0))
    return (near, far) if code > 0 else (-far, -near)


def _values(name: str, now: ColumnProfile, before: ColumnProfile | None) -> str:
    order = [*now.counts, *(value for value in (before.counts if before else ()) if value not in now.counts)]
    if now.type == "datetime":
        order.sort()
    kept = order[-MOST_VALUES:] if now.type == "datetime" else order[:MOST_VALUES]
    shares = [_shares(column, kept) for column in (now, before) if column is not None]
    title = f"{name}, the last {len(kept)} months" if now.type == "datetime" else name
    return _pairs(title, shares[0], shares[1] if len(shares) > 1 else None)


def _shares(column: ColumnProfile, kept: Sequence[str]) -> dict[str, float]:
    whole = column.present or 1
    shares = {value: column.counts.get(value, 0) / whole for value in kept}
    rest = 1 - sum(shares.values()) if column.present and column.type != "datetime" else 0.0
    return {**shares, "all others": rest} if len(column.counts) > len(kept) and rest > 0 else shares


def _pairs(title: str, now: Mapping[str, float], before: Mapping[str, float] | None) -> str:
    """Return a chart of shares as bars, each with a mark at its share before."""
    names = list(now)
    shown = [cut(name, NAMED) for name in names]
    left = 12 + widest(shown)
    highest = max([*now.values(), *(before or {}).values()]) or 1.0
    parts = [line(left, 2, left, ROW * len(names) + 6, "rule")]
    for index, name in enumerate(names):
        y, length = 4 + index * ROW, WIDTH * 0.75 * now[name] / highest
        parts.append(text(left - 8, y + 17, shown[index], "tick end"))
        parts.append(rect(left, y + 5, length, ROW - 10, "bar"))
        mark = length
        if before is not None and name in before:
            mark = WIDTH * 0.75 * before[name] / highest
            parts.append(line(left + mark, y + 2, left + mark, y + ROW - 2, "was"))
        parts.append(text(left + max(length, mark) + 8, y + 17, f"{now[name]:.1%}", "tick start"))
    told = ", ".join(
        f"{name} {share:.1%}" + (f" (before {before[name]:.1%})" if before and name in before else "")
        for name, share in now.items()
    )
    return figure(title, told, left + WIDTH * 0.75 + 70, ROW * len(names) + 10, "".join(parts))


def _told(now: ColumnProfile, before: ColumnProfile | None) -> str:
    def words(column: ColumnProfile) -> str:
        figures = [column.low, column.quantile(0.5), column.high]
        return " to ".join(number(value) for value in figures if isinstance(value, float | int))

    was = f"; before {words(before)}" if before is not None and before.counts else ""
    return f"minimum to median to maximum: {words(now)}{was}"
