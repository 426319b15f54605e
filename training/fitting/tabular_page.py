"""Render the report's sections about classifications and regressions."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sklearn import metrics

from pages.html import escape, figure, section, table
from relearn.spec.model import ModelSpec
from training.fitting import charts, terms
from training.fitting.tasks import Answers


def sections(spec: ModelSpec, report: Mapping[str, Any], answers: Answers) -> list[str]:
    """Return the HTML sections about the quality of the answers and the importance of the features.

    Parameters
    ----------
    spec
        Spec of the model.
    report
        Report from `training.job.report.document`.
    answers
        Answers of the candidate; their evaluation set is the holdout, a `training.data.dataset.Table`.
    """
    leans_on = section("What the model leans on", _importance(spec, report))
    if spec.kind == "regression":
        return [section("How close the answers are", _regression(spec, answers)), leans_on]
    candidate = report["candidate"]
    rows = [
        (label, *(figure(values[key]) for key in ("precision", "recall", "f1")), f"{values['support']:,}")
        for label, values in candidate["per_class"].items()
    ]
    per_class = table("Candidate, by class", ["Class", "Precision", "Recall", "F1", "Rows"], rows)
    drawn = [_confusion("Candidate: true class against answer", candidate)]
    if report["champion"]:
        drawn.append(_confusion("Champion, on the same rows", report["champion"]))
    if "roc_auc" in candidate["metrics"]:
        drawn.append(_roc(spec, answers))
    return [
        section("By class", per_class),
        section("Which classes are taken for which", f'<div class="charts">{"".join(drawn)}</div>'),
        leans_on,
        *_terms(spec, candidate),
    ]


def _terms(spec: ModelSpec, candidate: Mapping[str, Any]) -> list[str]:
    found = candidate.get("terms")
    return [section("What speaks for each class", terms.shown(found, spec.classes))] if found else []


def _confusion(title: str, measured: Mapping[str, Any]) -> str:
    return charts.heatmap(title, measured["confusion"]["labels"], measured["confusion"]["matrix"])


def _roc(spec: ModelSpec, answers: Answers) -> str:
    probabilities = answers.scores.probabilities
    assert probabilities is not None  # noqa: S101 - a classification has them
    lines = []
    for label in spec.classes:
        index = answers.classes.index(label)
        wrong, right, _ = metrics.roc_curve(answers.evaluation_set.target == label, probabilities[:, index])
        lines.append((f"{label} {metrics.auc(wrong, right):.3f}", wrong, right))
    axes = ("false positive rate", "true positive rate")
    return charts.curves("ROC of each class against the rest, with its area", axes, lines)


def _regression(spec: ModelSpec, answers: Answers) -> str:
    unit = f", {spec.target.unit}" if spec.target.unit else ""
    given = answers.scores.predictions.astype(float)
    drawn = charts.scatter(
        "Answer against truth", (f"true{unit}", f"answer{unit}"), answers.evaluation_set.target, given
    )
    errors = charts.histogram("Errors", f"answer minus truth{unit}", given - answers.evaluation_set.target)
    return f'<div class="charts">{drawn}{errors}</div>'


def _importance(spec: ModelSpec, report: Mapping[str, Any]) -> str:
    values = list(report["candidate"]["importance"].items())
    told = (
        f"By how much {spec.metric.name} worsens when a column is shuffled; at or below 0 it does not matter."
    )
    return f"<p>{escape(told)}</p>" + (charts.bars("Permutation importance", values, told) if values else "")
