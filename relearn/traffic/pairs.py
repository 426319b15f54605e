"""Test whether a shadow's answers differ from the champion's more often than the evaluation set predicts.

Both versions answered the held-out rows of the evaluation set, too. A candidate that learnt of new data gives other
answers to some of them, and to about as many requests. Where requests differ far more often, the candidate is
served otherwise than it was examined, or requests are unlike the rows it was examined on.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from statistics import NormalDist
from typing import Any, NamedTuple

from relearn.figures import apart, percents
from relearn.spec.rollout import Limits
from relearn.traffic import evidence
from relearn.traffic.evidence import Counts
from relearn.traffic.version_stats import Live

UNPREDICTED = 0.5
"""Share of flips that is assumed where the evaluation set predicts none: versions that agree by half are not strangers."""
STRANGERS = 50
"""Number of answered requests among which one answer at least has to be equal."""
_ROWS = 10**6
"""Rows that an assumed share counts as."""


class Predicted(NamedTuple):
    """Agreement of candidate and champion on the evaluation set.

    Parameters
    ----------
    rows
        Rows that both answered.
    flips
        How many of them with another label; for a ranking the sum of the shares of items that only one of them has.
    classes
        Label of the champion to its rows, and the flips among them.
    distance, distance_squares
        For a regression: sum of the absolute differences, and of their squares.
    """

    rows: int
    flips: float
    classes: Mapping[str, tuple[int, int]]
    distance: float = 0.0
    distance_squares: float = 0.0

    @classmethod
    def from_report(cls, report: Mapping[str, Any]) -> Predicted | None:
        """Read it from a training report; None where nothing was compared, or the report is of an earlier release."""
        told = (report.get("champion") or {}).get("agreement")
        if not told or not told["rows"]:
            return None
        classes = {label: (int(rows), int(flips)) for label, (rows, flips) in told["classes"].items()}
        return cls(told["rows"], told["flips"], classes, told["distance"], told["distance_squares"])


def disagrees(
    shadow: Live, predicted: Predicted | None, limits: Limits, baseline: Mapping[str, Any], false_alarm: float
) -> str | None:
    """Describe how the pairs of a shadow surely differ more than predicted, and by more than the limit; None otherwise.

    Flips are judged in all and by label of the champion, by Fisher's exact test and Bonferroni. The distance of values is
    judged by the normal approximation. The rows of a request depend on each other, so they count together as one.

    Parameters
    ----------
    shadow
        Statistics of the candidate in the step, with its pairs.
    predicted
        Agreement of the two on the evaluation set; without it `UNPREDICTED` flips are assumed, and the distance of
        values is held against the limit alone.
    limits
        Limits of the spec. `STRANGERS` answers of which not one is equal, or not one item of all lists, are beyond any limit below 1, whatever is
        predicted.
    baseline
        Distribution of the target in training; ``std`` is the unit of the distance of values.
    false_alarm
        Probability that pairs which flip as predicted are found to differ, in a single look.
    """
    if not shadow.compared:
        return None
    if shadow.rows:
        return _values_differ(shadow, predicted, limits, baseline, false_alarm)
    nothing = not shadow.equal if shadow.pairs else shadow.distance >= shadow.compared
    if nothing and limits.flips < 1 and _requests(shadow) >= STRANGERS:
        return f"not one of {shadow.compared} answers is the champion's"
    parts = list(_parts(shadow, predicted))
    for what, pairs, flips, rows, expected in parts:
        excess = flips / pairs - expected / rows
        if excess <= limits.flips:
            continue
        share = min(1.0, _requests(shadow) / shadow.compared)
        asked = max(1, int(pairs * share))
        block = Counts(asked, int(flips * share), rows, math.ceil(expected))
        if evidence.tail(block) <= false_alarm / len(parts):
            found, usual = percents(flips / pairs, expected / rows)
            (most,) = percents(expected / rows + limits.flips)
            origin = "the evaluation set predicts" if predicted is not None else "assumed are"
            return f"{found} of {pairs} answers{what} differ from the champion's; {origin} {usual}, allowed: {most}"
    return None


def _parts(shadow: Live, predicted: Predicted | None) -> Iterator[tuple[str, int, float, int, float]]:
    """Yield name, pairs and flips of the shadow, and rows and flips of the evaluation set: of all, and of each label."""
    ranked = not shadow.pairs and shadow.answers
    flips = shadow.distance if ranked else float(shadow.compared - shadow.equal)
    if predicted is None:
        yield "", shadow.compared, flips, _ROWS, UNPREDICTED * _ROWS
        return
    yield "", shadow.compared, flips, predicted.rows, predicted.flips
    for label, pairs in shadow.pairs.items():
        if label in predicted.classes and pairs:
            rows, expected = predicted.classes[label]
            if rows:
                yield f" where it says {label}", pairs, shadow.flips.get(label, 0), rows, expected


def _values_differ(
    shadow: Live, predicted: Predicted | None, limits: Limits, baseline: Mapping[str, Any], false_alarm: float
) -> str | None:
    spread = baseline.get("std")
    if not spread:
        return None
    mean = shadow.distance / shadow.compared
    error = _squared_error(shadow.distance, shadow.distance_squares, shadow.compared, _requests(shadow))
    usual = 0.0
    if predicted is not None:
        usual = predicted.distance / predicted.rows
        error += _squared_error(
            predicted.distance, predicted.distance_squares, predicted.rows, predicted.rows
        )
    beyond = mean - usual
    if beyond <= limits.flips * spread or beyond <= NormalDist().inv_cdf(1 - false_alarm) * math.sqrt(error):
        return None
    found, expected, most = apart(mean / spread, usual / spread, usual / spread + limits.flips, decimals=2)
    return (
        f"answers are {found} standard deviations from the champion's in the mean of {shadow.compared}; the evaluation "
        f"set predicts {expected}, allowed: {most}"
    )


def _squared_error(total: float, squares: float, rows: int, independent: int) -> float:
    """Return the variance of a mean of rows, of which only so many are independent."""
    return max(squares / rows - (total / rows) ** 2, 0.0) / max(independent - 1, 1)


def _requests(shadow: Live) -> int:
    return min(shadow.requests - shadow.errors, shadow.compared)
