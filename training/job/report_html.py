"""Render the report as one self-contained HTML page, without scripts or external files."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pages import interval
from pages.html import amount, document, escape, figure, figures, section, signed, table
from relearn.figures import counted
from relearn.lifecycle.blame import Blame
from relearn.lifecycle.changed_spec import ChangedSpec
from relearn.lifecycle.comparison import Comparison
from relearn.lifecycle.power import Power
from relearn.lifecycle.promotion import Naive, Reference, decide, not_compared
from relearn.spec.model import Metric, ModelSpec
from training.fitting import choice
from training.fitting.tasks import Answers
from training.job import detail, in_time


def page(spec: ModelSpec, report: Mapping[str, Any], baseline: Mapping[str, Any], answers: Answers) -> str:
    """Return the page of a report.

    Parameters
    ----------
    spec
        Spec of the model.
    report
        Report from `training.job.report.document`.
    baseline
        Baseline from `training.data.baseline.baseline`.
    answers
        Answers of the candidate on its evaluation set.
    """
    sections = [
        _verdict(spec, report),
        *_blame(spec, report),
        section("Metrics", _metrics(report)),
        *choice.of(spec).sections(spec, report, answers),
        *detail.sections(spec, report),
        *in_time.sections(spec, report),
        *_labels(spec, report),
        section("Data it was trained on", _data(baseline)),
        section("Where it comes from", _lineage(report)),
    ]
    head = f"{spec.name}: report of run {report['run_id']}"
    about = f"Model {spec.name}, run {report['run_id']}, {report['created_at']}"
    return document(head, spec.title, about, sections)


def _verdict(spec: ModelSpec, report: Mapping[str, Any]) -> str:
    candidate, rival = report["candidate"]["metrics"], report["champion"]
    name, metric = spec.metric.name, spec.metric
    comparison = Comparison.from_report(rival)
    naive = Naive.from_report(report["naive"], name)
    reference = Reference.from_report(report["reference"], name)
    power = Power.from_dict(report["power"])
    note, changed = not_compared(report["champion_incompatible"]), ChangedSpec.from_report(rival)
    decision = decide(
        candidate,
        rival and rival["metrics"],
        metric,
        naive,
        comparison,
        reference,
        changed=changed,
        incomparable=note,
    )
    verdict = "a person decides" if decision.asks else decision.verdict
    kind = "asks" if decision.asks else decision.verdict
    measured = {"Candidate": candidate}
    if rival:
        measured[f"Champion, version {rival['version']}"] = rival["metrics"]
    if reference:
        measured[f"Reference, version {reference.version}"] = report["reference"]["metrics"]
    if report["naive"]:
        measured[f"By {report['naive']['method']}"] = report["naive"]["metrics"]
    shown = list(zip(measured, figures(*(one.get(name) for one in measured.values())), strict=True))
    shown += [("The spec demands", metric.demanded), ("Rows held out", f"{report['rows']['holdout']:,}")]
    listed = "".join(f"<div><dd>{escape(value)}</dd><dt>{escape(word)}</dt></div>" for word, value in shown)
    about = [
        *([] if changed is None else [changed.words(rival["version"])]),
        *(
            []
            if reference is None or reference.changed is None
            else [reference.changed.words(reference.version)]
        ),
        not_compared(report["reference_incompatible"]),
    ]
    told = "".join(f"<p>{escape(one[0].upper() + one[1:])}.</p>" for one in about if one)
    return (
        f'<section class="verdict {kind}" aria-labelledby="verdict"><h2 id="verdict">{name}</h2>'
        f'<dl class="figures">{listed}</dl>'
        f"<p><strong>By the spec's rule: {verdict}.</strong> "
        f"{escape(decision.reason)}.</p>{told}{_power(power)}{_lead(metric, rival, comparison)}"
        f"{_lead(metric, report['reference'], None if reference is None else reference.comparison)}</section>"
    )


def _power(power: Power | None) -> str:
    return "" if power is None else f"<p>Smallest difference that can be seen: {escape(power.words)}.</p>"


def _lead(metric: Metric, rival: Mapping[str, Any], comparison: Comparison | None) -> str:
    """Return the chart of the lead over the champion or the reference; empty where there is no interval."""
    if comparison is None:
        return ""
    tolerance = metric.tolerated(rival["metrics"][metric.name])
    name = f"Lead in {metric.name} over version {rival['version']}"
    return interval.chart(name, comparison.low, comparison.difference, comparison.high, tolerance)


def _blame(spec: ModelSpec, report: Mapping[str, Any]) -> list[str]:
    """Return the section about the uploads to blame for a loss; none where nobody looked."""
    found = Blame.from_report(report["blame"])
    if found is None:
        return []
    rows = [
        (
            ", ".join(upload[:12] for upload in trial.uploads),
            *figures(trial.without, trial.given),
            f"{trial.rows:,}",
            "to blame" if trial.blamed else "not to blame",
            trial.rows_shown,
        )
        for trial in found.trials
    ]
    name = spec.metric.name
    heads = [
        "Upload",
        f"{name} without any new upload",
        "With this one",
        "Rows held out",
        "Result",
        "For example",
    ]
    listed = (
        table("Fits on the data that served before, and with each new upload", heads, rows) if rows else ""
    )
    told = found.words(name)
    return [section("Uploads to blame", f"<p>{escape(told[0].upper() + told[1:])}.</p>{listed}")]


def _labels(spec: ModelSpec, report: Mapping[str, Any]) -> list[str]:
    """Return the section about rows whose label contradicts the rest of the data; none where nobody looked."""
    found = report["labels"]
    if found is None:
        return []
    told = (
        f"{counted(found['count'], 'row')} of {found['checked']:,} that were checked, of {found['rows']:,} in all. Each was answered by a fit "
        "that had not learnt it. Nothing was left out for it."
    )
    rows = [
        (
            one["upload"][:12],
            f"{one['line']:,}" if one["line"] else f"accepted row {one['row']:,}",
            *(
                value if isinstance(value, str) else amount(value)
                for value in (one["given"], one["expected"])
            ),
            figure(one["confidence"]),
        )
        for one in found["suspects"]
    ]
    sure = "Its probability" if spec.kind == "classification" else "Robust standard deviations"
    heads = ["Upload", "Line of its file", spec.target.name, "Expected", sure]
    listed = table(f"The first {counted(len(rows), 'row')}, worst first", heads, rows) if rows else ""
    return [section("Labels that contradict the rest of the data", f"<p>{escape(told)}</p>{listed}")]


def _metrics(report: Mapping[str, Any]) -> str:
    mine, rival = report["candidate"]["metrics"], report["champion"]
    if not rival:
        return table(
            "On the rows held out", ["Metric", "Candidate"], [(k, figure(v)) for k, v in mine.items()]
        )
    theirs, changed = rival["metrics"], ChangedSpec.from_report(rival)
    mine = mine if changed is None else changed.candidate
    rows = [
        (name, *figures(value, theirs.get(name)), signed(value - theirs[name]) if name in theirs else "")
        for name, value in mine.items()
    ]
    heads = ["Metric", "Candidate", f"Champion, version {rival['version']}", "Difference"]
    which = "" if changed is None else f", {changed.rows:,} of {changed.held_out:,}"
    return table(f"Both on the same rows held out{which}", heads, rows)


def _data(baseline: Mapping[str, Any]) -> str:
    rows = []
    for name, column in baseline.items():
        quantiles = column.get("quantiles") or column.get("length") or []
        spread = [amount(quantiles[at]) for at in (0, 5, 10)] if quantiles else ["", "", ""]
        values = ", ".join(f"{value}: {count:,}" for value, count in column.get("counts", {}).items())
        if "distinct" in column:
            values = f"{column['distinct']:,} different"
        rows.append(
            (name, column["type"], f"{column['missing']:,}", amount(column.get("mean")), *spread, values)
        )
    heads = ["Column", "Type", "Missing", "Mean", "Minimum", "Median", "Maximum", "Values"]
    return table("Text by its length in characters, date-times in days since 2000", heads, rows)


def _waiting(counts: Mapping[str, int]) -> str:
    late = counts.get("waiting", 0)
    return f", and {late:,} that wait, dated later than the run began" if late else ""


def _repeats(repeats: Mapping[str, Any]) -> dict[str, str]:
    """Return the numbers of repeated rows, those that are not 0."""
    use = "learnt and examined once" if repeats["dropped"] else "every copy counts"
    uploads = ", ".join(f"{count:,} in {name[:12]}" for name, count in repeats["by_upload"].items())
    told = {
        "duplicates": (repeats["duplicates"], f"equal an earlier one in every column, {use}: {uploads}"),
        "contradictions": (repeats["contradictions"], "equal another in every column but the target"),
        "not examined": (repeats["not_examined"], "held out, and learnt by a compared version"),
    }
    shown = {word: f"{counted(count, 'row')}: {what}" for word, (count, what) in told.items() if count}
    if repeats["removed_classes"]:
        removed = (f"{counted(count, 'row')} of {name}" for name, count in repeats["removed_classes"].items())
        shown["classes that the spec no longer has"] = f"{', '.join(removed)}: neither learnt nor examined"
    return shown


def _left_out(left_out: Mapping[str, Any] | None) -> dict[str, str]:
    """Return how many uploads are too old for the snapshot, if any."""
    if left_out is None:
        return {}
    told = f"{counted(left_out['uploads'], 'upload')}, older than the {left_out['keep_days']:,} days that the spec keeps; the run names them"
    return {"left out": told}


def _twin(twin: Mapping[str, Any] | None) -> dict[str, str]:
    if twin is None:
        return {}
    return {
        "serves": "the recipe fitted again on all rows; the figures are those of its twin, fitted without the rows held out",
        "twin.onnx SHA-256": twin["onnx_sha256"],
    }


def _threshold(told: Mapping[str, Any] | None) -> dict[str, str]:
    return (
        {}
        if told is None
        else {"threshold": f"{told['label']} from a probability of {figure(told['probability'])} on"}
    )


def _lineage(report: Mapping[str, Any]) -> str:
    agreed, parts = report["agreement"], report["evaluation_set"]
    facts = {
        "run": report["run_id"],
        "snapshot": report["snapshot"] or "not told",
        "data fingerprint": report["fingerprint"],
        "raw tables": "; ".join(
            f"{name}: {counted(counts['rows'], 'row')} of {counted(counts['shards'], 'shard')}{_waiting(counts)}"
            for name, counts in report["tables"].items()
        ),
        "features SHA-256": report["features"]["sha256"] if report["features"] else "none made",
        "rows": f"{report['rows']['train']:,} to train, {report['rows']['holdout']:,} held out",
        "evaluation set": f"{parts['known']:,} rows held out before, {parts['new']:,} new to the champion",
        **_left_out(report["left_out"]),
        **_repeats(report["repeats"]),
        "hyperparameters": ", ".join(f"{k}={v:g}" for k, v in report["hyperparameters"].items()) or "none",
        "spec digest": report["spec_digest"],
        "model.onnx SHA-256": report["onnx_sha256"],
        **_threshold(report["candidate"].get("threshold")),
        **_twin(report["twin"]),
        "artifact SHA-256, file by file": report["contents_sha256"],
        "ONNX against estimator": f"{counted(agreed['rows'], 'row')} ({agreed['threshold_rows']:,} at thresholds of trees), "
        f"largest difference {agreed['max_abs_diff']:.2g}, allowed {agreed['tolerance']:.2g}",
        "libraries": ", ".join(f"{name} {version}" for name, version in report["libraries"].items()),
    }
    items = "".join(f"<dt>{escape(word)}</dt><dd>{escape(str(fact))}</dd>" for word, fact in facts.items())
    return f'<dl class="lineage">{items}</dl>'
