"""Train and evaluate classifiers and regressors of scikit-learn, on rows of features and a target."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd

from relearn.errors import ArtifactError, DataError
from relearn.figures import counted
from relearn.lifecycle.comparison import Comparison
from relearn.lifecycle.power import Power
from relearn.spec.columns import LARGEST_FLOAT32, quoted
from relearn.spec.model import ModelSpec
from relearn.spec.policies import LABEL_METRICS
from scoring.container import Job
from scoring.encode import Array
from scoring.progress import say
from scoring.scorer import Scorer, Scores
from training import catalog
from training.data import leakage
from training.data.dataset import Dataset, Table
from training.fitting import agreement, coverage, decision_threshold, onnx_export, tabular_page, thresholds
from training.fitting import evaluate as measuring
from training.fitting.comparison import (
    Measured,
    between,
    interval,
    of_labels,
    of_losses,
    of_precisions,
    of_probabilities,
    of_values,
    planned,
)
from training.fitting.fit import Code, fit, frame
from training.fitting.tasks import Answers, Candidate
from training.fitting.terms import terms

LIBRARIES = ("duckdb", "numpy", "onnx", "onnxruntime", "pandas", "scikit-learn", "skl2onnx")
"""Libraries whose versions model.json records."""
FALL_CONFIDENCE = 0.999
"""One-sided confidence with which the champion has to fall on new rows before they are doubted."""
OF_ANY_CLASSES = ("accuracy", "balanced_accuracy", "f1_weighted", "log_loss")
"""Metrics of a classification that rows without one of some class have too."""
FEWEST_ROWS = 2
"""Fewest rows of which a difference has a variance."""


def refuse_unusable(spec: ModelSpec, dataset: Dataset) -> None:
    """Refuse a split with an empty side or wrong classes, and a feature that leaks the target.

    Raises
    ------
    DataError
        ``too_few_rows``, ``schema`` (unknown label), ``missing_class`` or ``leakage``; the message names the
        side.
    """
    for name, table in {"train": dataset.train, "holdout": dataset.holdout}.items():
        share = f"the split keeps {len(table)} of {len(dataset.train) + len(dataset.holdout)} rows for {name}"
        if dataset.latest is not None:
            share += f" ({dataset.latest.words})"
        if not len(table):
            raise DataError("too_few_rows", f"{share}: too few rows to train and to measure; upload more")
        labels = set(table.target) if spec.kind == "classification" else set()
        if unknown := sorted(labels - set(spec.classes)):
            raise DataError(
                "schema",
                f"{spec.target.name} has {quoted(spec.target, unknown[0])}; allowed: one of {', '.join(spec.classes)}",
            )
        if lacking := [label for label in spec.classes if label not in labels]:
            raise DataError(
                "missing_class", f"{share}, none of them {' or '.join(lacking)}; upload more rows of it"
            )
    leakage.refuse(spec, dataset)


def make_candidate(spec: ModelSpec, job: Job, dataset: Dataset) -> Candidate:
    """Fit the model of ``spec``, export it, and check that the ONNX graph agrees with the estimator.

    Raises
    ------
    ArtifactError
        The estimator cannot be fitted or exported, the graph answers differently, or cannot answer what the
        spec allows.
    """
    code = Code.of(catalog.folder(spec.name))
    estimator = fit(spec, code, job.hyperparameters, dataset.train)
    say(f"fitted {type(estimator).__name__}")
    graph = (code.export or onnx_export.export)(estimator, spec)
    inputs = onnx_export.layout(graph, spec)
    onnx = graph.SerializeToString(deterministic=True)
    scorer = Scorer(onnx, spec, inputs)
    spread = float(dataset.train.target.std()) if spec.kind == "regression" else None
    reach = _covered(estimator, scorer, spec, dataset, spread)
    extra = thresholds.rows(graph, inputs, dataset.holdout)
    rows = dataset.holdout if extra is None else dataset.holdout.and_also(extra)
    threshold_rows = len(rows) - len(dataset.holdout)
    agreed = agreement.check(estimator, scorer, rows.columns, threshold_rows=threshold_rows, spread=spread)
    say(f"ONNX agrees with the estimator on {counted(agreed.rows, 'row')}, to {agreed.max_abs_diff:.2g}")
    classes = [str(label) for label in estimator.classes_] if spec.kind == "classification" else []
    threshold = decision_threshold.choose(spec, dataset.train, _out_of_fold(spec, code, job))
    if threshold is not None:
        scorer = scorer.at(threshold, classes.index(threshold.label))
        say(f"answers {threshold.label} from a probability of {threshold.probability:.4g} on")
    return Candidate(onnx, inputs, classes, scorer, agreed, terms(estimator), reach, threshold)


def _out_of_fold(spec: ModelSpec, code: Code, job: Job) -> decision_threshold.Fit:
    def fit_and_answer(rows: Table, asked: Table) -> Answers | None:
        estimator = fitted(spec, code, job.hyperparameters, rows)
        return None if estimator is None else answer(spec, estimator, asked, probable=True)

    return fit_and_answer


def _covered(
    estimator: Any, scorer: Scorer, spec: ModelSpec, dataset: Dataset, spread: float | None
) -> float | None:
    """Check the answers to what the spec allows; return the reach of unbounded numbers, None: any float32.

    This runs before the check on the holdout, which may contain such rows, because its errors name the
    corner.

    Raises
    ------
    CornerError
        Something that the spec allows has no answer, or a different one.
    """
    data = dataset.train.and_also(dataset.holdout)
    *further, last = coverage.reaches(spec, data)
    for reach in (*further, last):
        rows = coverage.rows(spec, dataset.holdout, reach)
        try:
            agreement.cover(estimator, scorer, rows, data.columns, spread=spread)
        except agreement.CornerError as error:
            if reach == last or not error.far:
                raise
        else:
            say(f"ONNX agrees with the estimator on {counted(len(rows), 'row')} that the spec allows")
            return reach if reach < LARGEST_FLOAT32 else None
    raise AssertionError("the last reach was tried")


def fitted(spec: ModelSpec, code: Code, hyperparameters: Mapping[str, float], rows: Table) -> Any:
    """Return the estimator of a model, fitted on rows; None where it cannot be fitted on them."""
    try:
        return fit(spec, code, hyperparameters, rows)
    except (ArtifactError, ValueError):  # too few rows, or a class is missing
        return None


def answer(spec: ModelSpec, estimator: Any, asked: Table, *, probable: bool) -> Answers:
    """Return what a fitted estimator answers to rows, without an export.

    Parameters
    ----------
    spec
        Spec of the model.
    estimator
        Fitted estimator.
    asked
        Rows to answer.
    probable
        Whether a classification answers probabilities, and the most probable class; else labels alone, which takes
        half the time.
    """
    given = frame(asked.columns)
    if spec.kind == "regression":
        return Answers(asked, Scores(np.asarray(estimator.predict(given), np.float64), None), ())
    classes = tuple(map(str, estimator.classes_))
    if not probable:
        return Answers(asked, Scores(np.asarray(estimator.predict(given)), None), classes)
    chances = np.asarray(estimator.predict_proba(given))
    return Answers(asked, Scores(np.asarray(estimator.classes_)[chances.argmax(axis=1)], chances), classes)


def make_evaluation_set(spec: ModelSpec, dataset: Dataset) -> Table:  # noqa: ARG001 - of any spec
    """Return the held-out rows."""
    return dataset.holdout


def evaluate(
    spec: ModelSpec, evaluation_set: Table, scores: Scores, classes: Sequence[str]
) -> dict[str, Any]:
    """Return the metrics of answers, from `training.fitting.evaluate`."""
    return measuring.evaluate(spec, evaluation_set.target, scores, classes)


def duel(spec: ModelSpec, evaluation_set: Table, mine: Scores, theirs: Scores) -> tuple[int, int]:
    """Count the rows on which the first is better, and worse: by label, or by distance from the true value."""
    if spec.kind == "classification":
        first, second = (
            np.asarray(one.predictions != evaluation_set.target, np.float64) for one in (mine, theirs)
        )
    else:
        first, second = (
            np.abs(one.predictions - evaluation_set.target.astype(np.float64)) for one in (mine, theirs)
        )
    return int((first < second).sum()), int((first > second).sum())


def compare(spec: ModelSpec, mine: Answers, theirs: Answers) -> Comparison | None:
    """Return the difference in the deciding metric on the same rows; None where the metric is undefined."""
    return compared(
        spec, mine, theirs, np.ones(len(mine.evaluation_set.target), bool), spec.metric.confidence
    )


def compared(
    spec: ModelSpec, mine: Answers, theirs: Answers, rows: Array, confidence: float
) -> Comparison | None:
    """Return the difference in the deciding metric on some rows; None where the metric is undefined on them.

    Parameters
    ----------
    spec
        Spec of the models.
    mine, theirs
        Answers of both to the same evaluation set.
    rows
        Mask of the compared rows, shape (rows,).
    confidence
        One-sided confidence of each bound, 0.5 to below 1.
    """
    first, second = (measured(spec, spec.metric.name, part(coded(spec, one), rows)) for one in (mine, theirs))
    return None if first is None or second is None else interval(first, second, confidence)


def compare_parts(spec: ModelSpec, mine: Answers, theirs: Answers, new: Array) -> dict[str, Comparison]:
    """Return the comparison on the known and the new rows, and how far the second model falls on the new ones."""
    sides = {"known": np.asarray(~new), "new": np.asarray(new)}
    mine, theirs = coded(spec, mine), coded(spec, theirs)
    found = {name: compare(spec, part(mine, rows), part(theirs, rows)) for name, rows in sides.items()}
    right = "accuracy" if spec.kind == "classification" else "mae"
    known, fresh = (measured(spec, right, part(theirs, rows)) for rows in sides.values())
    found["fall"] = None if known is None or fresh is None else between(fresh, known, FALL_CONFIDENCE)
    return {name: one for name, one in found.items() if one is not None}


def plan(spec: ModelSpec, answers: Answers) -> Power | None:
    """Return the smallest difference that the rows will show; None where the metric is undefined."""
    found = measured(spec, spec.metric.name, answers)
    return None if found is None else planned(found, spec.metric.confidence)


def part(answers: Answers, rows: Array) -> Answers:
    """Return the answers to some rows, given by a mask of shape (rows,)."""
    scores = answers.scores
    chosen = Scores(
        scores.predictions[rows], None if scores.probabilities is None else scores.probabilities[rows]
    )
    return Answers(answers.evaluation_set.where(rows), chosen, answers.classes)


def value_on(spec: ModelSpec, answers: Answers, rows: Array) -> float | None:
    """Return the deciding metric on some rows, as people read it: an error is not negated.

    Parameters
    ----------
    spec
        Spec of the model.
    answers
        Answers of the model.
    rows
        Mask of the rows, shape (rows,).

    Returns
    -------
    float or None
        None where the metric is undefined on the rows, or is a mean over classes of which one is absent.
    """
    chosen, name = part(answers, rows), spec.metric.name
    if name not in OF_ANY_CLASSES and not set(spec.classes) <= set(chosen.evaluation_set.target):
        return None
    found = measured(spec, name, chosen)
    return None if found is None else measuring.signed(spec.metric, found.value)


def measured(spec: ModelSpec, metric: str, answers: Answers) -> Measured | None:
    """Return a metric of answers; None where it is undefined, such as the area under a curve of one class.

    Where the spec names an entity, its rows count as one unit of chance; rows of one entity alone have no variance.
    """
    found, groups = _measured(spec, metric, answers), answers.evaluation_set.entity
    if found is None or groups is None:
        return found
    found = replace(found, groups=groups)
    return found if found.units >= FEWEST_ROWS else None


def _measured(spec: ModelSpec, metric: str, answers: Answers) -> Measured | None:
    truth, scores = answers.evaluation_set.target, answers.scores
    if len(truth) < FEWEST_ROWS:
        return None
    if spec.kind == "regression":
        values = np.asarray(scores.predictions, np.float64)
        return None if metric == "r2" and not np.ptp(truth) else of_values(metric, truth, values)
    if metric not in LABEL_METRICS:
        return _measured_by_probabilities(spec, metric, answers)
    if metric == "mcc" and len(np.unique(truth)) == 1:
        return None
    classes = list(spec.classes)
    return of_labels(metric, numbers(truth, classes), numbers(scores.predictions, classes), len(classes))


def _measured_by_probabilities(spec: ModelSpec, metric: str, answers: Answers) -> Measured | None:
    truth, probabilities = (
        numbers(answers.evaluation_set.target, answers.classes),
        answers.scores.probabilities,
    )
    if probabilities is None or not np.isfinite(probabilities).all():
        return None
    if metric == "log_loss":
        return of_losses(truth, probabilities)
    if len(answers.classes) == 1 or set(truth) != set(range(len(answers.classes))):
        return None
    if metric == "roc_auc":
        return of_probabilities(truth, probabilities)
    return of_precisions(
        truth, probabilities, [answers.classes.index(label) for label in measuring.positives(spec)]
    )


def coded(spec: ModelSpec, answers: Answers) -> Answers:
    """Return answers without the columns of the rows, and with numbers of classes instead of labels where these are enough.

    Measuring them, or parts of them, takes less time.
    """
    truth, scores = answers.evaluation_set.target, answers.scores
    entity = answers.evaluation_set.entity
    if spec.metric.name not in LABEL_METRICS or spec.kind == "regression":
        return Answers(Table({}, truth, entity=entity), scores, answers.classes)
    classes = list(spec.classes)
    table = Table({}, numbers(truth, classes), entity=entity)
    return Answers(table, Scores(numbers(scores.predictions, classes), None), answers.classes)


def numbers(labels: Array, classes: Sequence[str]) -> Array:
    """Return the place of each label in ``classes``; their number for one that is not there.

    Labels that are such places already are returned as they are.
    """
    if labels.dtype.kind == "i":
        return labels
    known, asked = (pd.Index(np.asarray(one, object), dtype=object) for one in (classes, labels))
    found = np.asarray(known.get_indexer(asked))
    return np.where(found < 0, len(classes), found)


def explain(spec: ModelSpec, evaluation_set: Table, candidate: Candidate) -> dict[str, float]:
    """Return the permutation importance of each feature for the deciding metric."""

    def good(rows: Table, scores: Scores) -> float:
        found = measured(
            spec, spec.metric.name, Answers(replace(rows, entity=None), scores, tuple(candidate.classes))
        )
        return math.nan if found is None else found.value

    return measuring.importance(good, candidate.scorer, evaluation_set)


def naive(spec: ModelSpec, answers: Answers) -> dict[str, Any] | None:  # noqa: ARG001 - of any spec
    """Return None: these kinds have no naive baseline, only the spec's bound."""
    return None


def sections(spec: ModelSpec, report: Mapping[str, Any], answers: Answers) -> list[str]:
    """Return the report's sections about the quality of the answers and the importance of the features."""
    return tabular_page.sections(spec, report, answers)
