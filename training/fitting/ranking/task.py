"""Train and evaluate recommenders; `training.fitting.tasks` documents what each function does."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from relearn.errors import DataError
from relearn.figures import counted
from relearn.lifecycle.comparison import Comparison
from relearn.lifecycle.power import Power
from relearn.spec.model import Id, ModelSpec
from relearn.spec.tables import WEIGHT
from scoring.container import Job
from scoring.encode import Array
from scoring.progress import say
from scoring.scorer import Scorer, Scores
from training import catalog
from training.data.dataset import Dataset
from training.fitting import onnx_export
from training.fitting.comparison import interval, of_entities, planned
from training.fitting.fit import Code
from training.fitting.ranking import agreement, graph, page
from training.fitting.ranking.evaluate import RankingScores, lead, measure, popular_lists
from training.fitting.ranking.evaluation_set import (
    RankingEvaluationSet,
    known_of,
    make_evaluation_set,
    ranking_of,
)
from training.fitting.ranking.fit import factors_of, fit
from training.fitting.ranking.interactions import numbers_of
from training.fitting.tasks import Answers, Candidate

__all__ = [
    "LIBRARIES",
    "compare",
    "compare_parts",
    "duel",
    "evaluate",
    "explain",
    "make_candidate",
    "make_evaluation_set",
    "naive",
    "plan",
    "refuse_unusable",
    "sections",
]

LIBRARIES = ("duckdb", "implicit", "numpy", "onnx", "onnxruntime", "pandas", "scipy")
"""Libraries whose versions model.json records."""
POPULARITY = "popularity"
"""Name of the naive baseline."""


def refuse_unusable(spec: ModelSpec, dataset: Dataset) -> None:
    """Refuse rows from which no recommender can be trained or evaluated.

    Raises
    ------
    DataError
        A side of the split is empty, a weight is not above 0, or there are no more items than a list has
        places.
    """
    for name, table in {"train": dataset.train, "holdout": dataset.holdout}.items():
        if not len(table):
            rows = len(dataset.train) + len(dataset.holdout)
            raise DataError("too_few_rows", f"the split keeps none of {rows} rows for {name}; upload more")
        if (wrong := int((table.columns[WEIGHT] <= 0).sum())) > 0:
            raise DataError("features", f"{wrong} of {len(table)} rows have a {WEIGHT} of 0; needed: above 0")
    items, k = len(set(dataset.train.target)), ranking_of(spec).k
    if items <= k:
        raise DataError(
            "too_few_rows",
            f"there are {items} different {spec.target.name}s to recommend; needed: more than the {k} of an answer",
        )


def make_candidate(spec: ModelSpec, job: Job, dataset: Dataset) -> Candidate:
    """Fit the factorisation, build the graph, and check that it recommends what the library does.

    Raises
    ------
    ArtifactError
        The factors cannot be served, or the graph answers differently.
    """
    known, target = known_of(spec, dataset.train), ranking_of(spec)
    build = Code.of(catalog.folder(spec.name)).build
    estimator = fit(spec.name, build, job.hyperparameters, known)
    say(
        f"fitted {type(estimator).__name__} on {counted(len(known.visitors), 'visitor')} and {counted(len(known.items), 'item')}"
    )
    draft = graph.Draft(known, factors_of(estimator), target.k)
    drawn = graph.build(draft, spec.name, visitor=str(spec.entity), similar_to=target.similar_to)
    inputs = onnx_export.layout(drawn, spec)
    onnx = drawn.SerializeToString(deterministic=True)
    scorer = Scorer(onnx, spec, inputs)
    pair = agreement.Pair(estimator, scorer, known, str(spec.entity), target.similar_to, target.k)
    agreed = agreement.check(pair, dataset.holdout.columns[str(spec.entity)])
    agreement.cover(pair, min(column.max_length for column in spec.columns if isinstance(column, Id)))
    say(f"ONNX agrees with the library on {counted(agreed.rows, 'row')}, to {agreed.max_abs_diff:.2g}")
    return Candidate(onnx, inputs, [], scorer, agreed)


def evaluate(
    spec: ModelSpec,  # noqa: ARG001 - of any spec
    evaluation_set: RankingEvaluationSet,
    scores: Scores,
    classes: Sequence[str],  # noqa: ARG001 - there are none
) -> dict[str, Any]:
    """Return the metrics of lists; ``ndcg_by_k`` has the NDCG of lists of 1 to k items."""
    return _as_report(evaluation_set, lists_of(evaluation_set, scores))


def duel(
    spec: ModelSpec, evaluation_set: RankingEvaluationSet, mine: Scores, theirs: Scores
) -> tuple[int, int]:
    """Count the visitors whose list is better, and worse, by the spec's metric."""
    first, second = (
        _measured(evaluation_set, lists_of(evaluation_set, one)).by_visitor(spec.metric.name)
        for one in (mine, theirs)
    )
    return int((first > second).sum()), int((first < second).sum())


def compare(spec: ModelSpec, mine: Answers, theirs: Answers) -> Comparison | None:
    """Return the difference in the deciding metric on the same visitors."""
    first, second = (
        _measured(one.evaluation_set, lists_of(one.evaluation_set, one.scores)) for one in (mine, theirs)
    )
    metric = spec.metric.name
    return interval(
        of_entities(first.by_visitor(metric)), of_entities(second.by_visitor(metric)), spec.metric.confidence
    )


def compare_parts(spec: ModelSpec, mine: Answers, theirs: Answers, new: Array) -> dict[str, Comparison]:
    """Return the comparison on the visitors who were held out before, and on the new ones.

    How far the second model falls on the new ones is not told: it falls on every visitor whom it has not met.
    """
    evaluation_set: RankingEvaluationSet = mine.evaluation_set
    asked = np.array([len(truth) > 0 for truth in evaluation_set.truths])
    fresh = new[evaluation_set.rows][asked]
    first, second = (
        _measured(evaluation_set, lists_of(evaluation_set, one.scores)).by_visitor(spec.metric.name)
        for one in (mine, theirs)
    )
    return {
        name: interval(of_entities(first[part]), of_entities(second[part]), spec.metric.confidence)
        for name, part in (("known", ~fresh), ("new", fresh))
        if part.sum() > 1
    }


def plan(spec: ModelSpec, answers: Answers) -> Power | None:
    """Return the smallest difference that the visitors will show; None of a single one."""
    found = _measured(answers.evaluation_set, lists_of(answers.evaluation_set, answers.scores))
    values = found.by_visitor(spec.metric.name)
    return planned(of_entities(values), spec.metric.confidence) if len(values) > 1 else None


def explain(spec: ModelSpec, evaluation_set: RankingEvaluationSet, candidate: Candidate) -> dict[str, float]:  # noqa: ARG001
    """Return nothing: a recommender has no features."""
    return {}


def naive(spec: ModelSpec, answers: Answers) -> dict[str, Any] | None:
    """Return the metrics of the popularity baseline, and the candidate's lead over it."""
    evaluation_set: RankingEvaluationSet = answers.evaluation_set
    theirs = _measured(
        evaluation_set,
        popular_lists(evaluation_set.known.by_popularity(), evaluation_set.met, ranking_of(spec).k),
    )
    mine = _measured(evaluation_set, lists_of(evaluation_set, answers.scores))
    metric = spec.metric.name
    found = lead(mine.by_visitor(metric), theirs.by_visitor(metric), metric)
    return {"method": POPULARITY, "metrics": theirs.metrics(), "lead": found.as_dict()}


def sections(spec: ModelSpec, report: Mapping[str, Any], answers: Answers) -> list[str]:
    """Return the report's HTML sections about the lists."""
    evaluation_set: RankingEvaluationSet = answers.evaluation_set
    lists = lists_of(evaluation_set, answers.scores)
    popular = popular_lists(evaluation_set.known.by_popularity(), evaluation_set.met, ranking_of(spec).k)
    return page.sections(report, evaluation_set, lists, _as_report(evaluation_set, popular))


def lists_of(evaluation_set: RankingEvaluationSet, scores: Scores) -> Array:
    """Return the item numbers of answers, as `training.fitting.ranking.evaluate` expects them."""
    items = np.asarray(scores.predictions, dtype=object)
    return numbers_of(items.ravel(), evaluation_set.known.items).reshape(items.shape)


def _measured(evaluation_set: RankingEvaluationSet, lists: Array) -> RankingScores:
    return measure(lists, evaluation_set.truths, len(evaluation_set.known.items))


def _as_report(evaluation_set: RankingEvaluationSet, lists: Array) -> dict[str, Any]:
    shorter = [_measured(evaluation_set, lists[:, : at + 1]) for at in range(lists.shape[1])]
    return {
        "metrics": shorter[-1].metrics(),
        "ndcg_by_k": [float(one.ndcg.mean()) for one in shorter],
        "visitors": len(shorter[-1].ndcg),
    }
