"""The report as one page for people: no script, no file or address beside it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from html import escape
from typing import Any

from sklearn import metrics

from relearn.promotion import decide
from relearn.spec import ModelSpec, Number
from training import charts, terms
from training.encode import Array
from training.page.html import document, figure, section, table
from training.scorer import Scores


@dataclass(frozen=True, slots=True)
class Answers:
    """What the candidate answered on the holdout.

    Parameters
    ----------
    truth
        Shape (rows,): labels, or values.
    scores
        The answers.
    classes
        Order of the probabilities' columns.
    """

    truth: Array
    scores: Scores
    classes: tuple[str, ...]


def page(spec: ModelSpec, report: Mapping[str, Any], baseline: Mapping[str, Any], answers: Answers) -> str:
    """Write the page.

    Parameters
    ----------
    spec
        The model's spec.
    report
        What `training.report.document` gave.
    baseline
        What `training.baseline.baseline` gave.
    answers
        What the candidate answered on the holdout.
    """
    sections = [
        _verdict(spec, report),
        section("Metrics", _metrics(report)),
        *_quality(spec, report, answers),
        section("What the model leans on", _importance(spec, report)),
        *_terms(spec, report),
        section("Data it was trained on", _data(baseline)),
        section("Where it comes from", _lineage(report)),
    ]
    head = f"{spec.name}: report of run {report['run_id']}"
    about = f"Model {spec.name}, run {report['run_id']}, {report['created_at']}"
    return document(head, spec.title, about, sections)


def _verdict(spec: ModelSpec, report: Mapping[str, Any]) -> str:
    candidate, rival = report["candidate"]["metrics"], report["champion"]
    decision = decide(candidate, rival and rival["metrics"], spec.metric)
    name, metric = spec.metric.name, spec.metric
    bound = f"at most {metric.maximum:g}" if metric.lower_is_better else f"at least {metric.minimum:g}"
    shown = [("Candidate", figure(candidate.get(name)))]
    if rival:
        shown.append((f"Champion, version {rival['version']}", figure(rival["metrics"].get(name))))
    shown += [("The spec demands", bound), ("Rows held out", f"{report['rows']['holdout']:,}")]
    figures = "".join(f"<div><dd>{escape(value)}</dd><dt>{escape(word)}</dt></div>" for word, value in shown)
    note = report["champion_incompatible"]
    told = f"<p>Version {note['version']} is not compared: {escape(note['reason'])}.</p>" if note else ""
    return (
        f'<section class="verdict {decision.verdict}" aria-labelledby="verdict"><h2 id="verdict">{name}</h2>'
        f'<dl class="figures">{figures}</dl>'
        f"<p><strong>By the spec's rule: {decision.verdict}.</strong> "
        f"{escape(decision.reason)}.</p>{told}</section>"
    )


def _metrics(report: Mapping[str, Any]) -> str:
    mine, rival = report["candidate"]["metrics"], report["champion"]
    if not rival:
        return table(
            "On the rows held out", ["Metric", "Candidate"], [(k, figure(v)) for k, v in mine.items()]
        )
    theirs = rival["metrics"]
    rows = [
        (
            name,
            figure(value),
            figure(theirs.get(name)),
            f"{value - theirs[name]:+.4f}" if name in theirs else "",
        )
        for name, value in mine.items()
    ]
    heads = ["Metric", "Candidate", f"Champion, version {rival['version']}", "Difference"]
    return table("Both on the same rows held out", heads, rows)


def _quality(spec: ModelSpec, report: Mapping[str, Any], answers: Answers) -> list[str]:
    if spec.kind == "regression":
        return [section("How close the answers are", _regression(spec, answers))]
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
    ]


def _confusion(title: str, measured: Mapping[str, Any]) -> str:
    return charts.heatmap(title, measured["confusion"]["labels"], measured["confusion"]["matrix"])


def _roc(spec: ModelSpec, answers: Answers) -> str:
    probabilities = answers.scores.probabilities
    assert probabilities is not None  # noqa: S101 - a classification has them
    lines = []
    for label in spec.classes:
        index = answers.classes.index(label)
        wrong, right, _ = metrics.roc_curve(answers.truth == label, probabilities[:, index])
        lines.append((f"{label} {metrics.auc(wrong, right):.3f}", wrong, right))
    axes = ("false positive rate", "true positive rate")
    return charts.curves("ROC of each class against the rest, with its area", axes, lines)


def _regression(spec: ModelSpec, answers: Answers) -> str:
    unit = f", {spec.target.unit}" if isinstance(spec.target, Number) and spec.target.unit else ""
    given = answers.scores.predictions.astype(float)
    drawn = charts.scatter("Answer against truth", (f"true{unit}", f"answer{unit}"), answers.truth, given)
    errors = charts.histogram("Errors", f"answer minus truth{unit}", given - answers.truth)
    return f'<div class="charts">{drawn}{errors}</div>'


def _importance(spec: ModelSpec, report: Mapping[str, Any]) -> str:
    values = list(report["candidate"]["importance"].items())
    told = (
        f"By how much {spec.metric.name} worsens when a column is shuffled; at or below 0 it does not matter."
    )
    return f"<p>{escape(told)}</p>" + (charts.bars("Permutation importance", values, told) if values else "")


def _terms(spec: ModelSpec, report: Mapping[str, Any]) -> list[str]:
    found = report["candidate"].get("terms")
    return [section("What speaks for each class", terms.shown(found, spec.classes))] if found else []


def _data(baseline: Mapping[str, Any]) -> str:
    rows = []
    for name, column in baseline.items():
        quantiles = column.get("quantiles") or column.get("length") or []
        spread = [figure(quantiles[at]) for at in (0, 5, 10)] if quantiles else ["", "", ""]
        values = ", ".join(f"{value}: {count:,}" for value, count in column.get("counts", {}).items())
        rows.append(
            (name, column["type"], f"{column['missing']:,}", figure(column.get("mean")), *spread, values)
        )
    heads = ["Column", "Type", "Missing", "Mean", "Minimum", "Median", "Maximum", "Values"]
    return table("Text by its length in characters, date-times in days since 2000", heads, rows)


def _lineage(report: Mapping[str, Any]) -> str:
    agreed = report["agreement"]
    facts = {
        "run": report["run_id"],
        "snapshot": report["snapshot"] or "not told",
        "data fingerprint": report["fingerprint"],
        "raw tables": "; ".join(
            f"{name}: {counts['rows']:,} rows of {counts['shards']:,} shards"
            for name, counts in report["tables"].items()
        ),
        "features SHA-256": report["features"]["sha256"] if report["features"] else "none made",
        "rows": f"{report['rows']['train']:,} to train, {report['rows']['holdout']:,} held out",
        "hyperparameters": ", ".join(f"{k}={v:g}" for k, v in report["hyperparameters"].items()) or "none",
        "spec digest": report["spec_digest"],
        "model.onnx SHA-256": report["onnx_sha256"],
        "ONNX against estimator": f"{agreed['rows']:,} rows ({agreed['threshold_rows']:,} at thresholds of trees), "
        f"largest difference {agreed['max_abs_diff']:.2g}, allowed {agreed['tolerance']:.2g}",
        "libraries": ", ".join(f"{name} {version}" for name, version in report["libraries"].items()),
    }
    items = "".join(f"<dt>{escape(word)}</dt><dd>{escape(str(fact))}</dd>" for word, fact in facts.items())
    return f'<dl class="lineage">{items}</dl>'
