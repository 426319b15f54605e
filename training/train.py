"""One training job: split, fit, export, check, measure candidate and champion, report.

The artifact is written last, so a job that was stopped leaves none that could be mistaken for whole.
"""

from __future__ import annotations

import sys
import traceback
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.metadata import version
from platform import python_version
from typing import Any

from relearn import codec, profiles
from relearn.errors import RelearnError
from relearn.spec import ModelSpec
from training import agreement, artifact, catalog, champion, feature_quality, onnx_export, report, thresholds
from training.baseline import baseline
from training.container import MOMENTS_FROM, Container, Job
from training.dataset import Dataset, Store, load
from training.evaluate import evaluate, importance
from training.fit import Code, fit
from training.progress import say, say_metrics
from training.scorer import Input, Scorer
from training.terms import Terms, terms

LIBRARIES = ("duckdb", "numpy", "onnx", "onnxruntime", "pandas", "scikit-learn", "skl2onnx")


@dataclass(frozen=True, slots=True)
class Candidate:
    """A fitted model as it will serve.

    Parameters
    ----------
    onnx
        The serialised graph.
    inputs, classes
        How to feed it, and the order of its probabilities.
    scorer
        The graph, loaded.
    agreed
        How well it agrees with the estimator.
    terms
        The terms that speak for each class; None where there are none.
    """

    onnx: bytes
    inputs: list[Input]
    classes: list[str]
    scorer: Scorer
    agreed: agreement.Agreement
    terms: Terms | None = None


def main(container: Container | None = None) -> int:
    """Run the job; 0, or 1 with the reason in output/failure."""
    box = container or Container.from_env()
    try:
        run(box)
    except RelearnError as error:
        reason = str(error)
    except Exception as error:  # noqa: BLE001 - the last door: the log gets the trace, the ledger a reason
        traceback.print_exc()
        reason = f"{type(error).__name__}: {error}"
    else:
        return 0
    box.fail(reason)
    sys.stderr.write(f"relearn: failed: {reason}\n")
    return 1


def run(box: Container) -> None:
    """Train, measure and write what the job was told to; or only make features of past moments.

    Raises
    ------
    RelearnError
        The data, the settings, the model's code or the champion can not be used.
    """
    told = box.told()
    if MOMENTS_FROM in told:
        from training import backfill  # noqa: PLC0415 - it needs Ibis, which only models with tables have

        backfill.run(box, told)
        return
    spec = catalog.get(told.get("model"))
    job = Job.of(spec, told)
    store = Store(box.checkpoints, job.run_id) if box.checkpoints.is_dir() else None
    given = box.features if box.features.is_dir() else None
    dataset = load(spec, box.train_data, store=store, given=given)
    trained, held = len(dataset.train), len(dataset.holdout)
    if dataset.features is not None:
        say(f"{dataset.features['rows']} rows of features of {_counts(dataset)}; moments {_moments(dataset)}")
    say(f"read {trained + held} rows of {dataset.shards} shards: {trained} to train, {held} held out")
    profile = feature_quality.check(spec, dataset, box, job) if spec.tables else None
    candidate = make_candidate(spec, job, dataset)
    holdout, classes = dataset.holdout, candidate.classes
    scores = candidate.scorer.columns(holdout.columns)
    measured = evaluate(spec, holdout.target, scores, classes)
    say_metrics(measured["metrics"])
    measured["importance"] = importance(spec, candidate.scorer, holdout, classes)
    if candidate.terms is not None:
        measured["terms"] = candidate.terms
    rival = champion.measure(spec, box.champion, job.champion_version, holdout)
    say(f"champion: {rival.words(spec.metric.name)}")
    meta = _meta(spec, job, dataset, candidate, measured["metrics"])
    if profile is not None:
        meta[feature_quality.PROFILE] = profiles.to_dict(profile)
    document = report.document(meta, spec, measured, rival, candidate.agreed.as_dict())
    report.write(box.output, spec, document, meta, report.Answers(holdout.target, scores, tuple(classes)))
    artifact.write(box.model, candidate.onnx, meta)
    say(f"wrote {artifact.ONNX}, {len(candidate.onnx)} bytes, and the report")


def make_candidate(spec: ModelSpec, job: Job, dataset: Dataset) -> Candidate:
    """Fit the model of ``spec``, export it, and check that both answer the same.

    Raises
    ------
    ArtifactError
        It can not be exported, or the graph answers differently.
    """
    code = Code.of(catalog.folder(spec.name))
    estimator = fit(spec, code, job.hyperparameters, dataset.train)
    say(f"fitted {type(estimator).__name__}")
    graph = (code.export or onnx_export.export)(estimator, spec)
    inputs = onnx_export.layout(graph, spec)
    onnx = graph.SerializeToString(deterministic=True)
    scorer = Scorer(onnx, spec, inputs)
    extra = thresholds.rows(graph, inputs, dataset.holdout)
    rows = dataset.holdout if extra is None else dataset.holdout.and_also(extra)
    agreed = agreement.check(estimator, scorer, rows.columns, threshold_rows=len(rows) - len(dataset.holdout))
    say(f"ONNX agrees with the estimator on {agreed.rows} rows, to {agreed.max_abs_diff:.2g}")
    classes = [str(label) for label in estimator.classes_] if spec.kind == "classification" else []
    return Candidate(onnx, inputs, classes, scorer, agreed, terms(estimator))


def _counts(dataset: Dataset) -> str:
    return ", ".join(f"{counts['rows']} rows of {table}" for table, counts in dataset.tables.items())


def _moments(dataset: Dataset) -> str:
    counts = (dataset.features or {}).get("moments") or {}
    return ", ".join(f"{what} {count}" for what, count in counts.items()) or "as the features choose"


def _meta(
    spec: ModelSpec, job: Job, dataset: Dataset, candidate: Candidate, metrics: dict[str, float]
) -> dict[str, Any]:
    libraries = LIBRARIES if dataset.features is None else (*LIBRARIES, "ibis-framework")
    return {
        "format": artifact.FORMAT,
        "model": spec.name,
        "run_id": job.run_id,
        "spec": codec.to_dict(spec),
        "spec_digest": codec.digest(spec),
        "kind": spec.kind,
        "classes": candidate.classes,
        "inputs": [given.as_dict() for given in candidate.inputs],
        "hyperparameters": job.hyperparameters,
        "metrics": metrics,
        "dataset": {
            "snapshot": job.snapshot,
            "fingerprint": dataset.fingerprint,
            "shards": dataset.shards,
            "rows": {"train": len(dataset.train), "holdout": len(dataset.holdout)},
            "tables": {table: dict(counts) for table, counts in dataset.tables.items()},
            "features": None if dataset.features is None else dict(dataset.features),
        },
        "baseline": baseline(spec, dataset.train),
        "onnx_sha256": artifact.sha256(candidate.onnx),
        "libraries": {"python": python_version()} | {name: version(name) for name in libraries},
        "created_at": datetime.now(UTC).isoformat(timespec="seconds"),
    }
