"""Render the report's sections about a recommender."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from pages.axis import Axis
from pages.html import escape, figure, section, table
from pages.plot import Plot
from pages.svg import figure as drawn
from relearn.figures import counted
from scoring.encode import Array
from training.fitting import charts
from training.fitting.ranking.evaluate import NOTHING
from training.fitting.ranking.evaluation_set import RankingEvaluationSet

SAMPLES = 5
"""Visitors whose recommendations are shown."""
SHOWN_MET = 6  # items shown that a sampled visitor had met
HIT = " ✓"


def sections(
    report: Mapping[str, Any], evaluation_set: RankingEvaluationSet, lists: Array, popular: Mapping[str, Any]
) -> list[str]:
    """Return the HTML sections of the report.

    Parameters
    ----------
    report
        Report from `training.job.report.document`.
    evaluation_set
        Evaluation set of the candidate.
    lists
        Lists of the candidate: item numbers of shape (visitors, k).
    popular
        Results of the popularity baseline, in the form of ``report["candidate"]``.
    """
    pictures = _by_length(report["candidate"], popular) + _spread(evaluation_set, lists)
    return [
        section("Against what is popular", _against(report)),
        section("How good the lists are", f'<div class="charts">{pictures}</div>{_lengths(report, popular)}'),
        section("Some recommendations", _samples(evaluation_set, lists)),
    ]


def _against(report: Mapping[str, Any]) -> str:
    naive, mine = report["naive"], report["candidate"]["metrics"]
    lead = naive["lead"]
    rows = [
        (
            name,
            figure(value),
            figure(naive["metrics"][name]),
            f"{value - naive['metrics'][name]:+.4f}",
            f"at least {lead['low']:+.4f}, {lead['confidence']:.0%} sure" if name == lead["metric"] else "",
        )
        for name, value in mine.items()
    ]
    asked = f"On the {counted(report['candidate']['visitors'], 'visitor')} held out who met something new"
    return table(asked, ["Metric", "Candidate", "Popularity", "Lead", "Lead over all visitors"], rows)


def _by_length(mine: Mapping[str, Any], popular: Mapping[str, Any]) -> str:
    """Draw NDCG by the length of the list, for candidate and popularity."""
    lines = [("candidate", mine["ndcg_by_k"]), ("popularity", popular["ndcg_by_k"])]
    highest = max(0.01, *(max(values) for _, values in lines))
    count = len(mine["ndcg_by_k"])
    plot = Plot(
        Axis(name="items in the list", low=1, high=count, whole=True),
        Axis(name="NDCG", low=0, high=highest),
        [name for name, _ in lines],
    )
    parts = [plot.frame()]
    parts += [plot.path(list(enumerate(values, start=1)), index) for index, (_, values) in enumerate(lines)]
    said = "; ".join(f"{name} {values[-1]:.4f} at {count}" for name, values in lines)
    return drawn("NDCG by the length of the list", said, *plot.size, "".join(parts))


def _spread(evaluation_set: RankingEvaluationSet, lists: Array) -> str:
    """Draw the share of lists that each item is in against the share of visitors who have met it."""
    count = len(evaluation_set.known.items)
    recommended = np.bincount(lists[lists != NOTHING], minlength=count) / len(lists)
    title = "Each item: how many have met it, and in how many lists it is"
    axes_of = ("share of visitors", "share of lists")
    return charts.scatter(title, axes_of, evaluation_set.known.popularity, recommended, from_zero=True)


def _lengths(report: Mapping[str, Any], popular: Mapping[str, Any]) -> str:
    pairs = zip(report["candidate"]["ndcg_by_k"], popular["ndcg_by_k"], strict=True)
    rows = [(f"{at}", figure(mine), figure(theirs)) for at, (mine, theirs) in enumerate(pairs, start=1)]
    return table("The same in figures", ["Items", "Candidate", "Popularity"], rows)


def _samples(evaluation_set: RankingEvaluationSet, lists: Array) -> str:
    """Show the recommendations of some visitors, without their names."""
    told = f"To the first visitors held out, best first;{HIT} is what they went on to meet."
    chosen = [
        place
        for place, truth in enumerate(evaluation_set.truths)
        if len(truth) and len(evaluation_set.met[place])
    ][:SAMPLES]
    shown = []
    for number, who in enumerate(chosen, start=1):
        more = len(evaluation_set.met[who]) - SHOWN_MET
        met = _names(evaluation_set, evaluation_set.met[who][:SHOWN_MET]) + (
            f" and {more} more" if more > 0 else ""
        )
        hits = f"{int(np.isin(evaluation_set.truths[who], lists[who]).sum())} of {len(evaluation_set.truths[who])}"
        shown += [
            (f"{number}. had met", met),
            ("is recommended", _names(evaluation_set, lists[who], hits=evaluation_set.truths[who])),
            ("of what they met next", hits),
        ]
    items = "".join(f"<dt>{escape(word)}</dt><dd>{escape(said)}</dd>" for word, said in shown)
    return f'<p>{told}</p><dl class="lineage">{items}</dl>'


def _names(evaluation_set: RankingEvaluationSet, items: Array, hits: Sequence[int] | Array = ()) -> str:
    return ", ".join(
        f"{evaluation_set.known.items[item]}{HIT if item in hits else ''}"
        for item in items
        if item != NOTHING
    )
