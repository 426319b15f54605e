"""A training job foresees exactly what the judge decides from the report that the job writes."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lambdas.runs import job_report, judgement
from relearn.lifecycle.changed_spec import NAME, ChangedSpec, NewClass
from relearn.lifecycle.comparison import Comparison, ExaminedBefore
from relearn.lifecycle.promotion import Decision
from relearn.spec.model import Metric, ModelSpec, Ranking
from tests.support.examples import examples
from tests.support.training_kit import NUMBERS, REGRESSION
from training import catalog
from training.job import report, verdict
from training.job.champion import Rival

CHAMPION, REFERENCE = 3, 1
HITS = catalog.get("products")
SPECS = st.sampled_from(
    [
        replace(NUMBERS, metric=Metric("accuracy", minimum=0.3)),
        replace(NUMBERS, metric=Metric("accuracy", minimum=0.3, margin=0.01, contradiction="promote")),
        replace(NUMBERS, metric=Metric("log_loss", maximum=0.7, undecided="promote")),
        replace(NUMBERS, metric=Metric("mcc", minimum=0.1, undecided="keep", tolerance=0.02)),
        REGRESSION,
        HITS,
    ]
)
VALUES = st.floats(0, 1) | st.sampled_from([0.3, 0.5, 0.51])


@st.composite
def parts(draw: st.DrawFn) -> Comparison:
    low, difference, high = sorted(draw(st.tuples(*[st.floats(-0.2, 0.2)] * 3)))
    error, smallest = draw(st.floats(0, 0.1)), draw(st.floats(0, 0.3))
    return Comparison(difference, low, high, error, smallest, 0.95, draw(st.integers(2, 500)))


COUNTS = st.integers(0, 60)
EXAMINED = st.builds(ExaminedBefore, COUNTS, COUNTS, COUNTS)
COMPARISONS = st.builds(
    replace,
    parts(),
    known=st.none() | parts(),
    new=st.none() | parts(),
    fall=st.none() | parts(),
    before=st.none() | EXAMINED,
)
NEW_CLASSES = st.lists(
    st.builds(NewClass, st.just("red"), st.integers(0, 50), st.just("recall"), st.none() | VALUES), max_size=1
)


@st.composite
def rivals(draw: st.DrawFn, spec: ModelSpec, version: int) -> Rival:
    """What a job knows of a champion or a reference: nothing, that it cannot answer, or how it compares."""
    match draw(st.sampled_from(["none", "cannot answer", "compared", "changed"])):
        case "none":
            return Rival()
        case "cannot answer":
            return Rival(incompatible={"version": version, "reason": "it needs depth"})
        case kind:
            comparison = draw(COMPARISONS if version == REFERENCE else st.none() | COMPARISONS)
            metrics = {spec.metric.name: draw(VALUES)}
            if version == CHAMPION:  # which is measured though the deciding metric is undefined
                metrics = draw(st.sampled_from([metrics, {"other": 0.5}]))
            changed = None
            if kind == "changed":
                own = {spec.metric.name: draw(VALUES)}
                rows, incomplete = draw(COUNTS), draw(COUNTS)
                changed = ChangedSpec(own, rows, 100, (), (), incomplete, tuple(draw(NEW_CLASSES)), ())
            measured: dict[str, Any] = {
                "version": version,
                "metrics": metrics,
                "comparison": comparison and comparison.as_dict(),
                "duel": {"better": 3, "worse": 4},
            }
            measured |= {} if changed is None else {NAME: changed.as_dict()}
            return Rival(measured=measured, comparison=comparison, changed=changed)


@st.composite
def baselines(draw: st.DrawFn, spec: ModelSpec) -> dict[str, Any] | None:
    """The lead over what is popular, which a ranking alone has."""
    if not isinstance(spec.target, Ranking):
        return None
    mean, low, name = draw(VALUES), draw(st.floats(-0.1, 0.5)), spec.metric.name
    lead = {"metric": name, "mean": mean, "low": low, "confidence": 0.95}
    return {"method": "popularity", "metrics": {name: draw(VALUES)}, "lead": lead}


def written(
    spec: ModelSpec, measured: dict[str, Any], rival: Rival, reference: Rival, naive: dict[str, Any] | None
) -> bytes:
    """Write the report of a job."""
    facts = dict.fromkeys(
        ["snapshot", "fingerprint", "rows", "repeats", "evaluation_set", "left_out", "tables", "features"]
    )
    meta = {
        **dict.fromkeys(report.LINEAGE, "told"),
        "dataset": facts,
        "hyperparameters": {},
        "baseline": {spec.target.name: {}},
    }
    document = report.document(
        meta, spec, measured, rival, {}, contents_sha256="", reference=reference, detail={}, naive=naive
    )
    return json.dumps(document, indent=1, allow_nan=False).encode()


def judged(spec: ModelSpec, text: bytes, rival: Rival, reference: Rival) -> Decision:
    """Decide as the judge does, who knows the report alone, and which versions it must be about."""
    versions = [(one.measured or one.incompatible or {"version": 0})["version"] for one in (rival, reference)]
    return judgement.decide(job_report.parse_report(text, {}, *versions), spec)


@examples(1000)
@given(st.data())
def test_the_job_foresees_what_the_judge_decides(data: st.DataObject) -> None:
    spec = data.draw(SPECS)
    measured = {
        "metrics": {data.draw(st.sampled_from([spec.metric.name] * 5 + ["other"])): data.draw(VALUES)}
    }
    rival = data.draw(rivals(spec, CHAMPION))
    reference = data.draw(rivals(spec, REFERENCE))
    naive = data.draw(baselines(spec))
    text = written(spec, measured, rival, reference, naive)
    assert verdict.foresee(spec, measured, rival, reference, naive) == judged(spec, text, rival, reference)


def compared(difference: float, error: float = 0.001) -> Comparison:
    low, high = difference - 2 * error, difference + 2 * error
    return Comparison(difference, low, high, error, 3 * error, 0.95, 400)


def against(comparison: Comparison, version: int = CHAMPION) -> Rival:
    told = {"version": version, "metrics": {"accuracy": 0.8}, "comparison": comparison.as_dict()}
    return Rival(measured=told, comparison=comparison)


SPEC = replace(NUMBERS, metric=Metric("accuracy", minimum=0.5))


@pytest.mark.parametrize(
    ("value", "rival", "reference", "decided"),
    [
        (0.4, Rival(), Rival(), ("reject", False, "")),
        (0.9, Rival(), Rival(), ("promote", False, "")),
        (0.9, Rival(incompatible={"version": 3, "reason": "it is old"}), Rival(), ("promote", True, "")),
        (0.9, against(compared(0.1)), Rival(), ("promote", False, "")),
        (0.7, against(compared(-0.1)), Rival(), ("reject", False, "champion")),
        (0.8, against(compared(0.0)), against(compared(-0.1), 1), ("reject", False, "reference")),
        (
            0.9,
            against(replace(compared(0.1), known=compared(-0.1), new=compared(0.2))),
            Rival(),
            ("promote", True, ""),
        ),
    ],
)
def test_it_says_what_becomes_of_the_candidate_and_against_whom_it_lost(
    value: float, rival: Rival, reference: Rival, decided: tuple[str, bool, str]
) -> None:
    found = verdict.foresee(SPEC, {"metrics": {"accuracy": value}}, rival, reference)
    assert (found.verdict, found.asks, found.loss) == decided
