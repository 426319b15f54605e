"""What a training job's report says beyond the metrics: flips, slices, calibration, and precision against recall."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from pages.html import escape, figure, section, table
from relearn.figures import counted
from relearn.spec.model import ModelSpec
from training.fitting import charts
from training.fitting.tasks import Answers
from training.job import in_time
from training.job.champion import Rival

DETAIL = ("flips", "slices", "curves")
"""Keys of the report that `look` returns."""


def look(spec: ModelSpec, answers: Answers, rival: Rival) -> dict[str, Any]:
    """Return the report's `DETAIL`.

    Parameters
    ----------
    spec
        Spec of the model.
    answers
        Answers of the candidate to the evaluation set.
    rival
        Result of evaluating the champion.

    Returns
    -------
    dict
        ``flips`` and ``slices`` as `training.fitting.flips` returns them, and ``curves``: ``calibration`` and
        ``precision_recall`` of `training.fitting.curves`, each by ``candidate`` and ``champion`` (None: there is none).
        All are empty for a ranking.
    """
    if spec.kind == "ranking":
        return {"flips": None, "slices": [], "curves": None}
    from training.fitting import curves, flips  # noqa: PLC0415 - a recommender needs none of their libraries

    drawn = (curves.calibration, curves.precision_recall)
    models = {"candidate": answers, "champion": rival.answers}
    return {
        "flips": flips.by_class(spec, answers, *rival.beside),
        "slices": flips.by_slice(spec, answers, *rival.beside),
        "curves": {
            draw.__name__: {name: None if one is None else draw(spec, one) for name, one in models.items()}
            for draw in drawn
        }
        if spec.kind == "classification"
        else None,
    }


def sections(spec: ModelSpec, report: Mapping[str, Any]) -> list[str]:
    """Return the report's sections about its `DETAIL`."""
    rival = report["champion"]
    champion = f"Champion, version {rival['version']}" if rival else ""
    found = {
        "Where the two differ": _flips(report["flips"]),
        "By slice": "".join(_slices(spec, one, champion) for one in report["slices"]),
        "How far the probabilities can be trusted": _calibration(report["curves"], champion),
        "Precision and recall": _thresholds(report, champion) + _precision_recall(report["curves"], champion),
    }
    return [section(title, content) for title, content in found.items() if content]


def _flips(flips: Mapping[str, Any] | None) -> str:
    if flips is None:
        return ""
    told = (
        f"Of {counted(flips['rows'], 'row')} that both answered the candidate is right and the champion wrong on "
        f"{counted(flips['gained'], 'row')}, and the other way round on {counted(flips['lost'], 'row')}."
    )
    rows = [
        (one["value"], f"{one['rows']:,}", f"{one['gained']:,}", f"{one['lost']:,}")
        for one in flips["classes"]
    ]
    heads = ["True class", "Rows", "Only the candidate is right", "Only the champion is right"]
    listed = table("By true class", heads, rows) if rows else ""
    return f"<p>{escape(told)}</p>{listed}{_hidden(flips['hidden'], 'class', 'classes')}"


def _slices(spec: ModelSpec, found: Mapping[str, Any], champion: str) -> str:
    nearer = spec.kind == "regression"
    shared = any(one["shared"] for one in found["slices"])
    if not shared and all(one["lost"] is None for one in found["slices"]):
        champion = ""  # it was not compared
    heads = [found["column"], "Rows", "Candidate"]
    if champion:
        heads += in_time.SHARED if shared else ()
        heads += [
            champion,
            "Candidate is closer" if nearer else "Only the candidate is right",
            "Champion is closer" if nearer else "Only the champion is right",
        ]
    rows = [
        (
            _named(one["value"]),
            *in_time.compared(one, champion=bool(champion), shared=shared),
            *(_flipped(one) if champion else ()),
        )
        for one in found["slices"]
    ]
    listed = table(f"{spec.metric.name} by {found['column']}", heads, rows) if rows else ""
    return listed + _hidden(found["hidden"], f"value of {found['column']}", f"values of {found['column']}")


def _named(value: Any) -> str:
    """Return a value of a slice as a request has it."""
    if value is None:
        return "missing"
    return str(value).lower() if isinstance(value, bool) else str(value)


def _flipped(one: Mapping[str, Any]) -> Iterable[str]:
    return ("" if one[side] is None else f"{one[side]:,}" for side in ("gained", "lost"))


def _hidden(count: int, one: str, many: str) -> str:
    if not count:
        return ""
    told = f"{count:,} {one if count == 1 else many} of fewer than 10 rows {'is' if count == 1 else 'are'} not shown."
    return f'<p class="soft">{escape(told)}</p>'


def _both(curves: Mapping[str, Any] | None, name: str, champion: str) -> list[tuple[str, Any]]:
    """Return the names of the models that have a curve, with it."""
    found = (curves or {}).get(name, {})
    models = {"candidate": "Candidate", "champion": champion}
    return [(word, found[model]) for model, word in models.items() if found.get(model)]


def _calibration(curves: Mapping[str, Any] | None, champion: str) -> str:
    both = [(word, one) for word, one in _both(curves, "calibration", champion) if one["bins"]]
    if not both:
        return ""
    of = both[0][1]["of"]
    given, share = (
        ("probability of the answered class", "share that is right")
        if of is None
        else (f"probability of {of}", f"share that is {of}")
    )
    lines = [
        (
            f"{word}: {figure(one['expected_error'])}",
            [each["mean"] for each in one["bins"]],
            [each["share"] for each in one["bins"]],
        )
        for word, one in both
    ]
    drawn = charts.calibration(
        "Calibration, beside each model its expected error; on the diagonal probabilities are right",
        (given, share),
        lines,
    )
    listed = "".join(
        table(
            f"{word}, in tenths of probability of 10 rows or more",
            [given.capitalize(), "Rows", "Mean probability", share.capitalize()],
            [
                (
                    f"{each['low']:g} to {each['high']:g}",
                    f"{each['rows']:,}",
                    figure(each["mean"]),
                    figure(each["share"]),
                )
                for each in one["bins"]
            ],
        )
        for word, one in both
    )
    told = (
        "The expected calibration error is the mean distance, over rows, between the mean probability of a tenth and the "
        "share of rows that it comes true for."
    )
    return f'<p>{escape(told)}</p><div class="charts">{drawn}</div>{listed}'


def _thresholds(report: Mapping[str, Any], champion: str) -> str:
    """Return from which probability on each model answers the last class; empty where training chose no threshold."""
    models = {"Candidate": report.get("candidate"), champion: report["champion"]}
    told = [
        f"{word} answers {one['label']} from a probability of {figure(one['probability'])} on."
        for word, model in models.items()
        if (one := (model or {}).get("threshold")) is not None
    ]
    return f"<p>{escape(' '.join(told))}</p>" if told else ""


def _precision_recall(curves: Mapping[str, Any] | None, champion: str) -> str:
    drawn = []
    for word, found in _both(curves, "precision_recall", champion):
        lines = [(one["label"], one["recall"], one["precision"]) for one in found]
        marks = [(one["served"]["recall"], one["served"]["precision"]) for one in found]
        title = f"{word}: precision against recall; a circle is where it serves"
        drawn.append(charts.marked_curves(title, ("recall", "precision"), lines, marks))
    rows = [
        (word, one["label"], figure(one["served"]["precision"]), figure(one["served"]["recall"]))
        for word, found in _both(curves, "precision_recall", champion)
        for one in found
    ]
    if not rows:
        return ""
    listed = table("Where it serves", ["Model", "Class", "Precision", "Recall"], rows)
    return f'<div class="charts">{"".join(drawn)}</div>{listed}'
