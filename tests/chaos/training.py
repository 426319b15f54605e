"""Fake of training jobs: reads its snapshot and writes what the container writes."""

from __future__ import annotations

import hashlib
import io
import json
import math
import tempfile
from collections import Counter
from collections.abc import Mapping, Sequence
from contextlib import redirect_stdout
from dataclasses import dataclass, field
from datetime import datetime
from itertools import cycle
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from botocore.exceptions import ClientError

from lambdas.runs.job_report import LARGEST_FILE
from relearn.data import contents
from relearn.errors import DataError
from relearn.lifecycle.comparison import Comparison, ExaminedBefore
from relearn.naming import s3_keys
from relearn.spec import codec
from relearn.spec.model import ModelSpec
from tests.chaos import models
from tests.chaos.data import LONGEST_ROSE
from tests.chaos.faults import Faults
from tests.chaos.judging import HeldOut, Shown
from tests.chaos.sagemaker import load
from tests.support.agenda import Agenda
from tests.support.asl import Done, FailedError
from tests.support.world import tar_gz
from training.data import leakage
from training.features import feature_set
from training.job import snapshot

SECONDS = 120
_THERE_ALREADY = FailedError("SageMaker.ResourceInUseException", "Training job names must be unique")
RARE = 40
"""Number of rows of a class from which both sides of the split almost surely have some."""
STEPS = 200
"""Resolution of the reported quality: multiples of 1 / STEPS."""


@dataclass
class Job:
    """One training job, with the truth about its result.

    Parameters
    ----------
    name, model, run_id, shards
        Its name, model, run and shards.
    status
        Status as in SageMaker.
    quality, told
        True quality, and the reported metric.
    contents_sha256
        Digest of its artifact's files.
    refused
        Why its data cannot be trained on; empty when it can.
    champion, champion_quality
        Champion that it was measured against, and its quality.
    incomparable
        Whether that champion could not answer the rows.
    reference, reference_quality
        Reference that it was measured against too, and its quality.
    blame
        The report's entry about new uploads that alone are worse than the champion; None where it is not worse.
    now, began
        Clock that it was given, and the true time of its start.
    newest
        Time of the last row that it learned from.
    waiting
        Number of later rows in its shards.
    tables
        The container code's counts of its tables.
    answer
        Its description by SageMaker.
    """

    name: str
    model: str
    run_id: str
    shards: tuple[str, ...]
    status: str = "InProgress"
    quality: float = float("nan")
    told: float = float("nan")
    contents_sha256: str = ""
    refused: str = ""
    champion: int = 0
    champion_quality: float = float("nan")
    incomparable: bool = False
    reference: int = 0
    reference_quality: float = float("nan")
    held: HeldOut | None = None
    measured: float = float("nan")
    shown: Shown = field(default_factory=Shown)
    before: ExaminedBefore | None = None
    shown_by_reference: Shown = field(default_factory=Shown)
    blame: dict[str, Any] | None = None
    now: str = ""
    began: str = ""
    newest: str = ""
    waiting: int = 0
    tables: dict[str, dict[str, int]] = field(default_factory=dict)
    answer: dict[str, Any] = field(default_factory=lambda: {"TrainingJobStatus": "InProgress"})


@dataclass
class Training:
    """Executes training jobs.

    Parameters
    ----------
    agenda, faults
        Schedule of their ends, and faults.
    s3
        Client that reads and writes, outside of our code.
    specs
        The models.
    """

    agenda: Agenda
    faults: Faults
    s3: Any
    specs: Mapping[str, ModelSpec]
    jobs: dict[str, Job] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._stops = cycle((_as_failure, _as_success))

    def begin(self, request: Mapping[str, Any], done: Done) -> None:
        """Execute ``createTrainingJob.sync``."""
        if self.faults.strikes("training_throttled"):
            done(FailedError("SageMaker.AmazonSageMakerException", "Rate exceeded"))
        elif self.faults.strikes("training_limit"):
            done(
                FailedError("SageMaker.ResourceLimitExceededException", "ml.m5.large for training job usage")
            )
        elif request["TrainingJobName"] in self.jobs:
            done(_THERE_ALREADY)
        elif self.faults.strikes("training_reply_lost"):
            self._run(request, _unheard)
            done(_THERE_ALREADY)  # Step Functions repeats the call by itself, which is refused
        else:
            self._run(request, done)

    def describe(self, request: Mapping[str, Any], done: Done) -> None:
        """Execute ``aws-sdk:sagemaker:describeTrainingJob``."""
        job = self.jobs.get(request["TrainingJobName"])
        if job is None:
            done(FailedError("SageMaker.SageMakerException", "Requested resource not found."))
        else:
            done(job.answer)

    def _run(self, request: Mapping[str, Any], done: Done) -> None:
        try:
            job = self._read(request)
        except ClientError as error:
            done(FailedError("States.TaskFailed", json.dumps({"FailureReason": f"ClientError: {error}"})))
            return
        self.jobs[job.name] = job
        if self.faults.strikes("job_hung"):
            longest = request["StoppingCondition"]["MaxRuntimeInSeconds"]
            self.agenda.after(longest, "job", lambda: self._stop(job, request, done))
        elif self.faults.strikes("job_stopped_partial"):
            self.agenda.after(SECONDS / 2, "job", lambda: self._stop(job, request, done))
        elif self.faults.strikes("job_failed"):
            self.agenda.after(SECONDS, "job", lambda: self._fail(job, "the disk is full", done))
        elif job.refused:
            self.agenda.after(SECONDS, "job", lambda: self._fail(job, job.refused, done))
        else:
            self.agenda.after(SECONDS, "job", lambda: self._complete(job, request, done))

    def _read(self, request: Mapping[str, Any]) -> Job:
        """Read the channels, as SageMaker does before a job starts."""
        told = request["HyperParameters"]
        channels = {
            channel["ChannelName"]: channel["DataSource"]["S3DataSource"]
            for channel in request["InputDataConfig"]
        }
        manifest = json.loads(self._get(channels["train"]["S3Uri"]))
        uris = [manifest[0]["prefix"] + name for name in manifest[1:]]
        job = Job(request["TrainingJobName"], told["model"], told["run_id"], tuple(uris))
        shards = [self._get(uri) for uri in uris]
        job.now, job.began = told["now"], f"{self.agenda.clock.now:%FT%T.%f}"
        spec = self.specs[job.model]
        tables = (
            self._features(job, shards) if spec.tables else [pq.read_table(io.BytesIO(one)) for one in shards]
        )
        job.quality = quality(spec, tables)
        job.refused = "" if spec.tables else refusal(spec, shards, tables)
        if "champion" in channels:
            job.champion = int(told["champion_version"])
            champion = self._get(channels["champion"]["S3Uri"])
            job.champion_quality, examined = (load(champion)[name] for name in ("quality", "examined"))
            if hashlib.sha256(champion).hexdigest() != told["champion_sha256"]:
                job.refused = "the artifact of the champion was changed since it was judged"
        if not spec.tables and job.quality < job.champion_quality:
            job.blame = _blame(
                spec, dict(zip(uris, tables, strict=True)), job, told.get("on_trial", "").split()
            )
        job.measured = job.quality
        if not spec.tables and not job.refused:
            self._hold_out(job, spec, dict(zip(uris, tables, strict=True)), told.get("on_trial", "").split())
        if job.held is not None and job.champion:
            job.before = job.held.left_of(examined)
        job.reference = int(told.get("reference_version", 0))
        if "reference" in channels:
            reference = self._get(channels["reference"]["S3Uri"])
            if hashlib.sha256(reference).hexdigest() == told["reference_sha256"]:
                job.reference_quality = load(reference)["quality"]
                if job.held is not None:
                    job.shown_by_reference = job.held.show(1 - job.quality, 1 - job.reference_quality)
        return job

    def _hold_out(
        self, job: Job, spec: ModelSpec, shards: Mapping[str, pa.Table], on_trial: Sequence[str]
    ) -> None:
        """Measure the model, and the champion beside it, on the rows that are held out."""
        held = HeldOut.of({_upload(uri): table for uri, table in shards.items()}, on_trial)
        job.held, job.measured = held, held.value(spec, 1 - job.quality)
        if job.champion:
            job.shown = held.show(1 - job.quality, 1 - job.champion_quality)

    def _features(self, job: Job, shards: Sequence[bytes]) -> list[pa.Table]:
        """Compute the features of shards of a table with a time, with the container's own code."""
        now = datetime.fromisoformat(job.now)
        with tempfile.TemporaryDirectory(prefix="chaos-") as name:
            files = [Path(name, f"{number}.parquet") for number in range(len(shards))]
            for file, shard in zip(files, shards, strict=True):
                file.write_bytes(shard)
                times = pq.read_table(file, columns=[models.TIME])[models.TIME].to_pylist()
                job.waiting += sum(at > now for at in times)
            paths = feature_set.Paths(Path(name), Path(name, "work"), now=now)
            paths.workdir.mkdir()
            code = feature_set.Code(models.features, Path(__file__).parent)
            with redirect_stdout(io.StringIO()):  # the container's log
                made = feature_set.make(self.specs[job.model], code, {models.TABLE: files}, paths)
            tables = [pq.read_table(file) for file in made.files]
        job.tables = made.tables
        job.newest = max(f"{at:%FT%T.%f}" for table in tables for at in table["as_of"].to_pylist())
        return tables

    def _get(self, uri: str) -> bytes:
        bucket, key = s3_keys.parse_uri(uri)
        body: bytes = self.s3.get_object(Bucket=bucket, Key=key)["Body"].read()
        return body

    def _fail(self, job: Job, why: str, done: Done) -> None:
        job.status = "Failed"
        job.answer = {"TrainingJobStatus": "Failed", "FailureReason": f"AlgorithmError: {why}"}
        done(FailedError("States.TaskFailed", json.dumps(job.answer)))

    def _stop(self, job: Job, request: Mapping[str, Any], done: Done) -> None:
        """Stop a job, which leaves its partial output; it may look complete.

        AWS does not say how ``.sync`` reports it, so every other one is reported as success.
        """
        job.status = "Stopped"
        uri = self.leave(job, request)
        job.answer = {
            "TrainingJobStatus": "Stopped",
            "SecondaryStatus": "MaxRuntimeExceeded",
            "ModelArtifacts": {"S3ModelArtifacts": uri},
        }
        done(next(self._stops)(job.answer))

    def _complete(self, job: Job, request: Mapping[str, Any], done: Done) -> None:
        job.status = "Completed"
        uri = self.leave(job, request)
        job.answer = {"TrainingJobStatus": "Completed", "ModelArtifacts": {"S3ModelArtifacts": uri}}
        done(job.answer)

    def leave(self, job: Job, request: Mapping[str, Any]) -> str:
        """Write an artifact and a report; return the artifact's URI."""
        onnx = json.dumps([job.name, job.shards, job.quality]).encode()
        meta = {
            "onnx_sha256": hashlib.sha256(onnx).hexdigest(),
            "quality": job.quality,
            "examined": {} if job.held is None else dict(job.held.uploads),
        }
        artifact = {"model.onnx": onnx, "model.json": json.dumps(meta).encode()}
        job.contents_sha256 = contents.digest(
            {name: hashlib.sha256(content).hexdigest() for name, content in artifact.items()}
        )
        self._put(request, "output.tar.gz", self._report(job, request))
        uri = self._put(request, "model.tar.gz", artifact)
        if self.faults.strikes("artifact_tampered"):
            another = {**meta, "onnx_sha256": hashlib.sha256(b"something else").hexdigest()}
            parts = {"model.onnx": b"something else", "model.json": json.dumps(another).encode()}
            self._put(request, "model.tar.gz", parts)  # consistent, but not what was measured
        return uri

    def _put(self, request: Mapping[str, Any], name: str, files: Mapping[str, bytes]) -> str:
        base = request["OutputDataConfig"]["S3OutputPath"]
        bucket, prefix = s3_keys.parse_uri(base)
        key = f"{prefix}/{request['TrainingJobName']}/output/{name}"
        self.s3.put_object(Bucket=bucket, Key=key, Body=tar_gz(files))
        return s3_keys.uri(bucket, key)

    def _report(self, job: Job, request: Mapping[str, Any]) -> Mapping[str, bytes]:
        told, spec = request["HyperParameters"], self.specs[job.model]
        metric = spec.metric.name
        value: dict[str, float] = {metric: job.measured}
        if self.faults.strikes("metric_missing"):
            value = {"another": 1.0}
        if self.faults.strikes("metric_nan"):
            value = {metric: float("nan")}
        another = self.faults.strikes("report_of_another_snapshot")
        if another:
            value = {metric: 1.0}
        job.told = value.get(metric, float("nan"))
        champion = _rival(spec, job, job.champion, job.champion_quality, job.before)
        why = {"version": job.champion, "reason": "it needs depth, which the spec no longer has"}
        job.incomparable = bool(job.champion) and self.faults.strikes("champion_incomparable")
        report = {
            "format": 1,
            "model": job.model,
            "run_id": job.run_id,
            "snapshot": told["snapshot"],
            "spec_digest": codec.digest(spec),
            "contents_sha256": job.contents_sha256,
            "candidate": {"metrics": value},
            "champion": champion if job.champion and not job.incomparable else None,
            "champion_incompatible": why if job.incomparable else None,
            **_reference(spec, job),
            "blame": None if job.incomparable else job.blame,
            "features": None,
            "tables": job.tables,
        }
        if another:
            report["snapshot"] = "0" * 64
        if self.faults.strikes("report_tampered"):
            report["run_id"] = "another"
        return self._files(report)

    def _files(self, report: Mapping[str, Any]) -> dict[str, bytes]:
        files = {
            "report.json": json.dumps(report).encode(),
            "report.html": b"<p>report</p>",
            "probes.jsonl": b'{"length": 3.0, "width": 1.0}\n{"length": 9.0, "width": 4.0}\n',
        }
        if self.faults.strikes("tar_traversal"):
            files |= {"../../report.json": b"{}", "/etc/passwd": b"root", "./../report.html": b"<script>"}
        if self.faults.strikes("tar_bomb"):
            files["bomb.bin"] = b"0" * (LARGEST_FILE + 1)
        return files


def _blame(
    spec: ModelSpec, tables: Mapping[str, pa.Table], job: Job, on_trial: Sequence[str]
) -> dict[str, Any]:
    """Return which new uploads are worse than the champion by their own rows."""
    trials = []
    for uri, table in tables.items():
        upload, own = _upload(uri), quality(spec, [table])
        if on_trial and upload.startswith(tuple(on_trial)):
            figures = {"without": job.champion_quality, "given": own, "high": own - job.champion_quality}
            trials.append(
                {"uploads": [upload], **figures, "rows": STEPS, "blamed": own < job.champion_quality}
            )
    return {"trials": trials, "recipe": False, "fits": 1, "stopped": ""}


def _upload(uri: str) -> str:
    return uri.rpartition("/")[2].removesuffix(".parquet")


def _rival(
    spec: ModelSpec, job: Job, version: int, quality: float, before: ExaminedBefore | None = None
) -> dict[str, Any]:
    """Return the report's entry about a version beside the candidate, on the rows that are held out."""
    if job.held is None:
        return {"version": version, "metrics": {spec.metric.name: quality}}
    comparison = job.held.compare(spec, 1 - job.quality, 1 - quality, before)
    return {
        "version": version,
        "metrics": {spec.metric.name: job.held.value(spec, 1 - quality)},
        "comparison": comparison and comparison.as_dict(),
    }


def _reference(spec: ModelSpec, job: Job) -> Mapping[str, Any]:
    """Return the report's entries about the reference; for a model with tables the true difference, without chance."""
    if not job.reference:
        return {}
    if math.isnan(job.reference_quality):
        why = "its artifact was changed since it was judged"
        return {"reference_incompatible": {"version": job.reference, "reason": why}}
    found = _rival(spec, job, job.reference, job.reference_quality)
    lead = job.quality - job.reference_quality
    sure = Comparison(lead, lead, lead, 0.0, 0.0, 0.95, STEPS).as_dict()
    return {"reference": {"comparison": sure, **found}}


def _as_failure(answer: dict[str, Any]) -> Any:
    return FailedError("States.TaskFailed", json.dumps(answer))


def _as_success(answer: dict[str, Any]) -> Any:
    return answer


def _unheard(_: Any) -> None:
    """Discard an answer."""


def refusal(spec: ModelSpec, shards: Sequence[bytes], tables: Sequence[pa.Table]) -> str:
    """Return why the container refuses a snapshot, with the container's own code; empty when it does not.

    For speed its code runs only where it may refuse: where a class is rare, or a column has at most as many
    values as there are classes.
    """
    if tables:
        table = pa.concat_tables(tables)
        rarest = min(Counter(table[spec.target.name].to_pylist()).values(), default=0)
        fewest = min(len(pc.unique(table[column.name])) for column in spec.features)
        if rarest >= RARE and fewest > len(spec.classes):
            return ""
    with tempfile.TemporaryDirectory(prefix="chaos-") as folder:
        for number, shard in enumerate(shards):
            Path(folder, f"{number}.parquet").write_bytes(shard)
        try:
            leakage.refuse(spec, snapshot.load(spec, Path(folder)))
        except DataError as error:
            return f"{error.code}: {error.detail}"
    return ""


def quality(spec: ModelSpec, tables: Sequence[pa.Table]) -> float:
    """Return the quality of a model trained on these rows: the share of right labels, rounded."""
    right = rows = 0
    for table in tables:
        found = table.to_pydict()
        for length, kind in zip(found["length"], found[spec.target.name], strict=True):
            rows += 1
            right += kind == ("rose" if length < LONGEST_ROSE else "tulip")
    return round(right / rows * STEPS) / STEPS if rows else float("nan")
