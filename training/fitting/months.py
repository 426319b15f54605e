"""Measure a model month by month, where rows have a time: a metric over all rows hides how it falls with age."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from relearn.spec.model import ModelSpec
from scoring.encode import Array
from training.fitting import tabular
from training.fitting.tasks import Answers

MOST_MONTHS = 120
"""Most months that a report has, the newest of them."""


def of(spec: ModelSpec, mine: Answers, theirs: Answers | None) -> list[dict[str, Any]]:
    """Return the deciding metric by month of the rows, in UTC.

    Parameters
    ----------
    spec
        Spec of the models.
    mine, theirs
        Answers of the candidate and the champion to the same evaluation set; None without a champion.

    Returns
    -------
    list
        ``month`` (``"2026-05"``), ``rows``, and the metric of ``candidate`` and ``champion``, oldest first; None where
        there is no such model, or the metric is undefined on the rows. Empty where rows have no time; at most
        `MOST_MONTHS`.
    """
    time = getattr(mine.evaluation_set, "time", None)
    if time is None:
        return []
    return [
        {
            "month": str(month),
            "rows": int(rows.sum()),
            "candidate": tabular.value_on(spec, mine, rows),
            "champion": None if theirs is None else tabular.value_on(spec, theirs, rows),
        }
        for month, rows in _months(time)
    ]


def _months(time: Array) -> Iterator[tuple[np.datetime64, Array]]:
    """Yield the newest months, oldest first, each with the mask of its rows."""
    months = time.astype("datetime64[M]")
    for month in np.unique(months)[-MOST_MONTHS:]:
        yield month, months == month
