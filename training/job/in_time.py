"""What a training job's report says of time: which rows were examined, how they were weighed, the metric by month."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pages.html import escape, figure, figures, section, table
from relearn.spec.model import ModelSpec
from training.data.dataset import Dataset
from training.fitting.tasks import Answers
from training.job.champion import Rival

SHARED = ("Rows compared", "Candidate on these")
"""Heads of the columns with a comparison on a part of the rows."""


def look(spec: ModelSpec, dataset: Dataset, answers: Answers, rival: Rival) -> dict[str, Any] | None:
    """Return the report's ``time``; None where rows have no time.

    Parameters
    ----------
    spec, dataset
        Spec and rows of the model.
    answers
        Answers of the candidate to the evaluation set.
    rival
        Result of evaluating the champion.

    Returns
    -------
    dict or None
        ``column`` with the time of a row, ``latest`` (`training.data.window.Examined.as_dict`; None: rows of any time
        are examined), ``half_life_days`` (None: rows are not weighed), and ``months`` as `training.fitting.months.of`
        returns them.
    """
    if spec.row_time is None:
        return None
    from training.fitting import months  # noqa: PLC0415 - a recommender needs none of its libraries

    return {
        "column": spec.row_time,
        "latest": None
        if dataset.latest is None
        else {**dataset.latest.as_dict(), "words": dataset.latest.words},
        "half_life_days": spec.training.half_life_days,
        "months": months.of(spec, answers, *rival.beside),
    }


def sections(spec: ModelSpec, report: Mapping[str, Any]) -> list[str]:
    """Return the report's section about time; none where rows have no time."""
    found = report["time"]
    if found is None:
        return []
    rival, heads = report["champion"], ["Month", "Rows", "Candidate"]
    shared = any(month["shared"] for month in found["months"])
    if shared:
        heads += [*SHARED]
    if rival:
        heads.append(f"Champion, version {rival['version']}")
    rows = [
        (month["month"], *compared(month, champion=bool(rival), shared=shared)) for month in found["months"]
    ]
    half_life = found["half_life_days"]
    weighed = (
        "All rows count alike in a fit."
        if half_life is None
        else f"In a fit a row counts half as much as one that is {half_life:g} days younger."
    )
    latest = found["latest"]
    examined = "Rows of any time are examined." if latest is None else f"Examined: {latest['words']}."
    told = f"{examined} The time of a row is its {found['column']}, in UTC. {weighed}"
    listed = table(f"{spec.metric.name} on the rows held out, by month", heads, rows)
    return [section("By month", f"<p>{escape(told)}</p>{listed}")]


def compared(one: Mapping[str, Any], *, champion: bool, shared: bool) -> list[str]:
    """Return the cells of a month or a slice: rows and candidate, the same of the rows that both answer, and the champion."""
    rows, part = f"{one['rows']:,}", one["shared"]
    if not champion:
        return [rows, figure(one["candidate"])]
    if not shared:
        return [rows, *figures(one["candidate"], one["champion"])]
    return [
        rows,
        figure(one["candidate"]),
        f"{part['rows']:,}",
        *figures(part["candidate"], one["champion"]),
    ]
