"""Measure a model month by month, where rows have a time: a metric over all rows hides how it falls with age."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import numpy as np

from relearn.spec.model import ModelSpec
from scoring.encode import Array
from training.fitting import tabular
from training.fitting.tasks import Answers

if TYPE_CHECKING:
    from training.fitting.shared import Shared

MOST_MONTHS = 120
"""Most months that a report has, the newest of them."""


def of(
    spec: ModelSpec, mine: Answers, theirs: Answers | None, shared: Shared | None = None
) -> list[dict[str, Any]]:
    """Return the deciding metric by month of the rows, in UTC.

    Parameters
    ----------
    spec
        Spec of the models.
    mine, theirs
        Answers of the candidate and the champion; None without a champion.
    shared
        Rows and classes that ``theirs`` is about; None: the same as ``mine``.

    Returns
    -------
    list
        ``month`` (``"2026-05"``), ``rows``, and the metric of ``candidate`` and ``champion``, oldest first; None where
        there is no such model, or the metric is undefined on the rows. ``shared`` has the ``rows`` that the champion's
        figure is of, and the metric of the ``candidate`` on them; None: all. Empty where rows have no time; at most
        `MOST_MONTHS`.
    """
    time = getattr(mine.evaluation_set, "time", None)
    if time is None:
        return []
    found = []
    own = mine if shared is None else shared.of(mine)
    for month, rows in _months(time):
        value, part = tabular.value_on(spec, mine, rows), None
        asked, compared = (spec, rows) if shared is None else (shared.spec, rows[shared.rows])
        if theirs is not None and shared is not None:
            part = {"rows": int(compared.sum()), "candidate": tabular.value_on(asked, own, compared)}
        champion = None if theirs is None else tabular.value_on(asked, theirs, compared)
        month_of = {"month": str(month), "rows": int(rows.sum()), "candidate": value}
        found.append({**month_of, "champion": champion, "shared": part})
    return found


def _months(time: Array) -> Iterator[tuple[np.datetime64, Array]]:
    """Yield the newest months, oldest first, each with the mask of its rows."""
    months = time.astype("datetime64[M]")
    for month in np.unique(months)[-MOST_MONTHS:]:
        yield month, months == month
