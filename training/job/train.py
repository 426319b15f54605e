"""Run one training job: split, fit, export, check, evaluate candidate, champion and reference, report.

The artifact is written last, so that a job that is stopped leaves no artifact that looks complete.
"""

from __future__ import annotations

import contextlib
import time
from dataclasses import asdict
from datetime import UTC, datetime
from importlib.metadata import version
from platform import python_version
from typing import Any

from relearn import faults
from relearn.data import profiles
from relearn.errors import RelearnError
from relearn.figures import counted
from relearn.lifecycle.comparison import Comparison
from relearn.lifecycle.power import Power
from relearn.lifecycle.promotion import Decision
from relearn.spec import codec
from relearn.spec.model import ModelSpec
from scoring import artifact
from scoring.container import MOMENTS_FROM, Container, Job
from scoring.progress import complain, say, say_metrics, trace
from training import catalog
from training.data.baseline import baseline
from training.data.dataset import Dataset
from training.fitting import choice, tasks
from training.fitting.tasks import Candidate
from training.job import (
    accusation,
    champion,
    cross_validation,
    detail,
    feature_quality,
    in_time,
    label_check,
    probes,
    recorded,
    reference,
    report,
    verdict,
)
from training.job.small_fits import SmallFits
from training.job.snapshot import Store, load


def main(container: Container | None = None) -> int:
    """Run the job; return 0, or 1 with the reason in output/failure."""
    box = container or Container.from_env()
    try:
        run(box)
    except RelearnError as error:
        reason = str(error)
    except Exception as error:  # noqa: BLE001 - the last door: the log gets the trace, the ledger a reason
        trace()
        reason = faults.told(error, faults.TRAINING_DISK)
    else:
        return 0
    complain(f"failed: {reason}")
    with contextlib.suppress(OSError):  # the disk may be full; the log has the reason
        box.fail(reason)
    return 1


def run(box: Container) -> None:
    """Train, evaluate and write the outputs; or run a backfill when the hyperparameters ask for one.

    Raises
    ------
    RelearnError
        The data, the settings, the model's code or the champion cannot be used.
    """
    began = time.monotonic()
    told = box.told()
    if MOMENTS_FROM in told:
        from training.job import backfill  # noqa: PLC0415 - it needs Ibis, which only models with tables have

        backfill.run(box, told)
        return
    spec = catalog.get(told.get("model"))
    job = Job.of(spec, told)
    store = Store(box.checkpoints, job.run_id) if box.checkpoints.is_dir() else None
    given = box.features if box.features.is_dir() else None
    champion.require(box.champion, job.champion_version, job.champion_sha256)
    serving = champion.read(box.champion, job.champion_version)
    older = reference.read(box.reference, job.reference_version, job.reference_sha256)
    learners = [*([] if serving is None else [champion.learner_of(serving)]), *older.learners]
    dataset = load(
        spec, box.train_data, store=store, given=given, now=job.now, learners=learners, on_trial=job.on_trial
    )
    _say_rows(dataset)
    profile = feature_quality.check(spec, dataset, box, job) if spec.tables else None
    task = choice.of(spec)
    evaluation_set = task.make_evaluation_set(spec, dataset)
    candidate = task.make_candidate(spec, job, dataset)
    answers = tasks.Answers(
        evaluation_set, candidate.scorer.columns(evaluation_set.columns), tuple(candidate.classes)
    )
    measured = _measured(spec, candidate, answers)
    naive = task.naive(spec, answers)
    rival = champion.measure(
        spec,
        serving,
        job.champion_version,
        evaluation_set,
        answers.scores,
        classes=candidate.classes,
        new=dataset.new,
        before=dataset.before,
        view=dataset.views[0] if dataset.views and serving is not None else None,
    )
    fits = SmallFits.of(spec, job, dataset, began, candidate.threshold)
    rival = cross_validation.look(spec, fits, answers, rival, serving)
    say(f"champion: {rival.words(spec.metric.name)}")
    before = reference.measure(
        spec,
        older,
        evaluation_set,
        answers.scores,
        classes=candidate.classes,
        view=dataset.views[-1] if dataset.views and older.learner is not None else None,
    )
    if older.version is not None:
        say(f"reference: {before.words(spec.metric.name)}")
    decision = verdict.foresee(spec, measured, rival, before, naive)
    blame = accusation.look(spec, fits, job.on_trial, decision, rival, serving)
    served, twin = _served(spec, job, dataset, candidate, decision)
    meta = _meta(spec, job, dataset, served, twin, measured["metrics"])
    if profile is not None:
        meta[feature_quality.PROFILE] = profiles.to_dict(profile)
    files = (served.onnx, meta, dataset.learnt.as_bytes(), None if twin is None else twin.onnx)
    made = artifact.make(*files)
    instances = probes.instances(spec, evaluation_set.columns)
    document = report.document(
        meta,
        spec,
        measured,
        rival,
        served.agreed.as_dict(),
        contents_sha256=made.contents_sha256,
        reference=before,
        naive=naive,
        power=_power(spec, rival, answers),
        blame=blame,
        twin=recorded.statistics(made, instances),
        labels=label_check.look(spec, fits, answers, job.on_trial),
        time=in_time.look(spec, dataset, answers, rival),
        detail=detail.look(spec, answers, rival),
    )
    report.write(box.output, spec, document, meta, answers)
    probes.write(box.output, spec, evaluation_set.columns)
    recorded.write(box.output, made, instances)
    artifact.write(box.model, *files)
    say(f"wrote {artifact.ONNX}, {len(served.onnx)} bytes, and the report")


def _measured(spec: ModelSpec, candidate: Candidate, answers: tasks.Answers) -> dict[str, Any]:
    """Return the report's ``candidate``: its metrics, what it leans on, and its threshold."""
    task = choice.of(spec)
    measured = task.evaluate(spec, answers.evaluation_set, answers.scores, answers.classes)
    say_metrics(measured["metrics"])
    measured["importance"] = task.explain(spec, answers.evaluation_set, candidate)
    if candidate.terms is not None:
        measured["terms"] = candidate.terms
    if candidate.threshold is not None:
        measured["threshold"] = candidate.threshold.as_dict()
    return measured


def _say_rows(dataset: Dataset) -> None:
    """Log how many rows there are, and what becomes of them."""
    trained, held = len(dataset.train), len(dataset.holdout)
    if dataset.features is not None:
        say(
            f"{counted(dataset.features['rows'], 'row')} of features of {_counts(dataset)}; moments {_moments(dataset)}"
        )
    say(
        f"read {counted(trained + held, 'row')} of {counted(dataset.shards, 'shard')}: {trained} to train, {held} held out"
    )
    if dataset.latest is not None:
        say(f"evaluation set: {dataset.latest.words}")
    for line in dataset.repeats.words():
        say(line)


def _served(
    spec: ModelSpec, job: Job, dataset: Dataset, candidate: Candidate, decision: Decision
) -> tuple[Candidate, Candidate | None]:
    """Return the model that serves, and its twin, the candidate; the candidate and None without a refit.

    A candidate that will be rejected is not fitted again. Where a person lets it serve all the same, it serves as it was judged.
    """
    if not spec.training.refit:
        return candidate, None
    if decision.verdict == "reject":
        say(f"fits nothing again: {decision.reason}")
        return candidate, None
    everything = dataset.whole()
    say(f"fits again on all {counted(len(everything.train), 'row')}; the model of before is judged")
    return choice.of(spec).make_candidate(spec, job, everything), candidate


def _power(spec: ModelSpec, rival: champion.Rival, answers: tasks.Answers) -> Power | None:
    """Return the smallest difference that the evaluation set shows: as compared with the champion, else as planned."""
    compared = Comparison.from_report(rival.measured)
    power = choice.of(spec).plan(spec, answers) if compared is None else Power.of(compared)
    if power is not None:
        say(f"smallest difference in {spec.metric.name} that shows: {power.words}")
    return power


def _counts(dataset: Dataset) -> str:
    return ", ".join(
        f"{counted(counts['rows'], 'row')} of {table}" for table, counts in dataset.tables.items()
    )


def _moments(dataset: Dataset) -> str:
    counts = (dataset.features or {}).get("moments") or {}
    return ", ".join(f"{what} {count}" for what, count in counts.items()) or "as the features choose"


def _parts(dataset: Dataset) -> dict[str, int]:
    """Return how many held-out rows the champion was examined on before, and how many are new."""
    new = 0 if dataset.new is None else int(dataset.new.sum())
    return {"known": len(dataset.holdout) - new, "new": new}


def _meta(  # noqa: PLR0917 - what it was made of
    spec: ModelSpec,
    job: Job,
    dataset: Dataset,
    served: Candidate,
    twin: Candidate | None,
    metrics: dict[str, float],
) -> dict[str, Any]:
    libraries = (*choice.of(spec).LIBRARIES, *(() if dataset.features is None else ("ibis-framework",)))
    return {
        "format": artifact.FORMAT,
        "model": spec.name,
        "run_id": job.run_id,
        "spec": codec.to_dict(spec),
        "spec_digest": codec.digest(spec),
        "kind": spec.kind,
        **_described(served),
        "hyperparameters": job.hyperparameters,
        "metrics": metrics,
        "dataset": {
            "snapshot": job.snapshot,
            "fingerprint": dataset.fingerprint,
            "shards": dataset.shards,
            "rows": {"train": len(dataset.train), "holdout": len(dataset.holdout)},
            "repeats": asdict(dataset.repeats),
            "evaluation_set": _parts(dataset),
            "left_out": {"uploads": job.left_out, "keep_days": spec.training.keep_days}
            if job.left_out
            else None,
            "tables": {table: dict(counts) for table, counts in dataset.tables.items()},
            "features": None if dataset.features is None else dict(dataset.features),
        },
        "baseline": baseline(spec, dataset.train),
        "libraries": {"python": python_version()} | {name: version(name) for name in libraries},
        "created_at": datetime.now(UTC).isoformat(timespec="seconds"),
        artifact.TWIN_META: None if twin is None else _described(twin),
    }


def _described(model: Candidate) -> dict[str, Any]:
    """Return what model.json says of a graph alone."""
    return {
        "classes": model.classes,
        "inputs": [given.as_dict() for given in model.inputs],
        artifact.REACH: model.reach,
        artifact.THRESHOLD: model.threshold and model.threshold.as_dict(),
        "onnx_sha256": artifact.sha256(model.onnx),
    }
