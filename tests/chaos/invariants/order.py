"""Invariants of the order of events."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterator
from itertools import pairwise

from relearn.lifecycle import references
from relearn.lifecycle.runs import RunState, VersionState
from relearn.lifecycle.uploads import UploadState
from relearn.traffic.route import Route, RouteWrite
from tests.chaos.invariants.evidence import Evidence
from tests.chaos.judging import Shown
from tests.chaos.models import SPECS
from tests.chaos.training import Job
from tests.support.world import contents_digest

FEWEST_ROWS, LOSS = 30, 0.05
"""Held-out rows from which a loss shows, and the share of them that must be lost."""


def effect_once(evidence: Evidence) -> Iterator[str]:
    """For a snapshot and code, at most one version that did not fail is registered, and at most one promotion made.

    A run registers one version, in the registry and in the ledger; a version belongs to one run; an upload
    has one shard.
    """
    packages: Counter[str] = Counter()
    for arn, package in evidence.stage.sagemaker.packages.items():
        group = arn.rsplit("/", 2)[1]
        packages[f"{group} {package['CustomerMetadataProperties']['run_id']}"] += 1
    yield from (f"{count} packages of {run}" for run, count in packages.items() if count > 1)
    made: Counter[tuple[str, tuple[str, ...]]] = Counter()
    promoted: Counter[tuple[str, tuple[str, ...]]] = Counter()
    for run in evidence.runs:
        version = evidence.versions.get((run.model, run.version))
        if version is not None and version.state is not VersionState.FAILED:
            made[(run.model, run.snapshot)] += 1
        moves = [move for move in evidence.moves(run.model) if _run_of(move) == run.run_id]
        promoted[(run.model, run.snapshot)] += len(moves)
        if len(moves) > 1:
            yield f"run {run.run_id} was promoted {len(moves)} times"
    yield from (
        f"{count} versions of one snapshot of {model}" for (model, _), count in made.items() if count > 1
    )
    yield from (
        f"{count} promotions of one snapshot of {model}"
        for (model, _), count in promoted.items()
        if count > 1
    )
    runs = Counter((version.model, version.run_id) for version in evidence.versions.values())
    yield from (f"{count} versions of run {run}" for (_, run), count in runs.items() if count > 1)


def _run_of(move: RouteWrite) -> str:
    """Return the run that promoted its version; empty for any other write."""
    return move.change.who.removeprefix("run ") if move.change.what == "promoted" else ""


def legal_promotion(evidence: Evidence) -> Iterator[str]:
    """What a run promotes is surely no worse on the rows that are held out, at the moment of the swap, and is what was measured.

    It comes from a Completed job. Its metric on the rows held out is finite, and at least the spec's minimum. It was
    measured against the champion of that moment, unless that cannot answer the rows, and held against the champion's
    reference. Where these rows show that it lost more than a twentieth of what the champion or the reference has right,
    it is not promoted. Where only those held out before show it, because poisoned uploads brought the others, a
    person approved it; so too where most of those are gone, approval is manual, or the champion could not answer. Nobody received an answer before
    that their rejection counts. Its artifact has the digest that the job computed. It answered the smoke test before. The
    route was not frozen. All this is checked against what the fakes of training and people know, by counting rows, not
    against the ledger or the report.
    """
    for model in SPECS:
        moves = evidence.moves(model)
        before = {move.route.revision + 1: move.route for move in moves}
        for move in moves:
            if run := _run_of(move):
                where = f"version {move.route.champion} of {model}"
                old = before.get(move.route.revision, Route())
                yield from (f"{where}: {wrong}" for wrong in _wrongs(evidence, model, run, move, old))


def _wrongs(evidence: Evidence, model: str, run: str, move: RouteWrite, old: Route) -> Iterator[str]:
    number = move.route.champion
    job = evidence.job_of(model, number)
    if job is None or job.run_id != run or job.status != "Completed":
        yield f"its job is {job and job.status}"
        return
    if old.frozen:
        yield "a run moved the route while it was frozen"
    if job.champion != old.champion:
        yield f"it was measured against version {job.champion}, and version {old.champion} served"
    minimum = SPECS[model].metric.minimum or 0.0
    if not math.isfinite(job.told) or job.measured < minimum:
        yield f"{job.told} was told of it, {job.measured} was measured"
    contradicted = job.held is not None and _shows(job.shown.known, job.shown.lost_known)
    gone = job.before is not None and job.before.new > 0 and 2 * job.before.left < job.before.rows
    if SPECS[model].retrain.approval == "manual" or job.incomparable or contradicted or gone:
        yield from _unapproved(evidence, model, number)
    if not job.incomparable:
        yield from _lost(job, evidence.job_of(model, old.champion), job.shown, "the champion")
    yield from _decayed(evidence, model, job, old.champion)
    artifact = evidence.artifact(evidence.versions[(model, number)].artifact)
    if contents_digest(artifact) != job.contents_sha256:
        yield "its artifact is not the one that was measured"
    name = evidence.endpoint(model, number)
    if not any(name == found and f"{at:%FT%T.%f}" <= move.at for at, found in evidence.history.smoked):
        yield f"it did not answer the smoke test before {move.at}"


def _decayed(evidence: Evidence, model: str, job: Job, champion: int) -> Iterator[str]:
    serving = evidence.versions.get((model, champion))
    reference = 0 if serving is None else references.beside(serving)
    if job.reference != reference:
        yield f"it was held against version {job.reference}, and the reference was version {reference}"
    yield from _lost(job, evidence.job_of(model, reference), job.shown_by_reference, "the reference")


def _lost(job: Job, other: Job | None, shown: Shown, who: str) -> Iterator[str]:
    """Yield what a job surely lost against another; of a model with tables its true quality tells."""
    if other is None:
        return
    if job.held is None and job.quality < other.quality:
        yield f"{job.quality} is worse than {other.quality} of {who}"
    if _shows(shown.rows, shown.lost):
        yield f"it lost {shown.lost} of {shown.rows} held-out rows against {who}"


def _shows(rows: int, lost: int) -> bool:
    """Whether rows are enough to show a loss, and the loss is too large for chance."""
    return rows >= FEWEST_ROWS and lost > LOSS * rows


def _unapproved(evidence: Evidence, model: str, number: int) -> Iterator[str]:
    said = evidence.history.said.get((model, number), [])
    if not any(one.decision == "approve" for one in said):
        yield f"nobody approved it: {said}"
    yield from (
        f"{one.who} was told that it is rejected" for one in said if one.accepted and one.decision == "reject"
    )


def single_writer(evidence: Evidence) -> Iterator[str]:
    """Only one run of a model works at a time, and the revisions of a route strictly increase.

    From a run's first write after the debounce to its end, no other run of the model works. Each write of a
    route is the next revision, and the history has every one. No upload is new in two promoted runs. Of the
    decisions about a version only one counts, and nobody else receives the answer that theirs does.
    """
    for model in SPECS:
        spans = sorted(
            (run.times[RunState.TRAINING], run.ended_at or "9", run.run_id)
            for run in evidence.runs
            if run.model == model and RunState.TRAINING in run.times
        )
        for (_, end, first), (start, _, second) in pairwise(spans):
            if start < end:
                yield f"{model}: run {second} began at {start}, and run {first} ended at {end}"
        written = [found.route.revision for found in evidence.writes_of_routes if found.model == model]
        if written != sorted(set(written)):
            yield f"{model}: the revisions of its route were {written}"
        kept = [move.route.revision for move in evidence.moves(model)]
        if kept != sorted(set(written)):
            yield f"{model}: its route was written as {written}, its history has {kept}"
    for (model, number), said in evidence.history.said.items():
        counts = {one.decision for one in said if one.accepted}
        if len(counts) > 1:
            yield f"{model}: both {' and '.join(sorted(counts))} counts of version {number}"
    ends = Counter(
        upload.upload_id for upload in evidence.uploads.values() if upload.state is UploadState.TRAINED
    )
    new = Counter(one for run in evidence.runs if run.state is RunState.PROMOTED for one in run.uploads)
    yield from (
        f"upload {one} was new in {count} promoted runs"
        for one, count in new.items()
        if count > 1 and one in ends
    )
