"""``relearn backfill``: compute features of past moments from the current data, in an ad-hoc job.

It is a training job of our image that trains nothing. Like an experiment it has its own name, role and
prefix, and the ledger does not know it. For a model whose engine is Spark it runs on DuckDB too, in one job;
both engines give the same rows.
"""

from __future__ import annotations

import hashlib
import os
import tempfile
from collections.abc import Iterable
from datetime import UTC, datetime
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import typer

from cli.experiments.plan import choose, write_manifest
from cli.stage import target as targets
from cli.stage.follow import Look, Observation, follow
from cli.stage.ledger import Ledger
from cli.stage.target import Target
from cli.terminal.options import DEFAULT_TIMEOUT, Json, Model, Timeout
from cli.terminal.output import done, note, out, print_json, print_table
from relearn.api import strict_json
from relearn.data import archives, snapshots
from relearn.data.archives import Limits, Member
from relearn.errors import ArchiveError, RelearnError, SpecError
from relearn.figures import counted
from relearn.naming import ids, resources, s3_keys
from relearn.spec.model import ModelSpec
from training import catalog

FEATURES, STATISTICS = "features.parquet", "statistics.json"
"""Files that `training.job.backfill` writes."""
FINAL = ("Completed", "Failed", "Stopped")
LIMITS = Limits(file=64 * 1024**3, total=64 * 1024**3)
"""Limits of the archive, in bytes; files are copied block by block, so memory stays small."""


class Pace(StrEnum):
    """Distance between moments."""

    DAY = "day"
    MONTH = "month"


def backfill(
    ctx: typer.Context,
    model: Model,
    *,
    since: Annotated[
        datetime,
        typer.Option("--from", formats=["%Y-%m-%d"], metavar="DAY", help="First day, as 2025-04-01."),
    ],
    until: Annotated[
        datetime, typer.Option("--to", formats=["%Y-%m-%d"], metavar="DAY", help="Last day, inclusive.")
    ],
    every: Annotated[Pace, typer.Option(help="Every day, or the first of every month.")] = Pace.MONTH,
    save: Annotated[
        Path | None, typer.Option("--out", dir_okay=False, help="Where to save the features, as Parquet.")
    ] = None,
    timeout: Timeout = DEFAULT_TIMEOUT,
    json_: Json = False,
) -> None:
    """Compute the features of past moments from the current data; nothing of it serves."""
    spec = catalog.get(model)
    if spec.moments is None:
        raise SpecError(f"moments of {model}", None, "a model whose spec has tables and moments")
    target = targets.of(ctx)
    request = _request(target, spec, {"from": since, "to": until}, every)
    job = request["TrainingJobName"]
    target.client("sagemaker").create_training_job(**request)
    note(f"training job {job}; Ctrl-C leaves it running")
    seen, code = follow(_looks(target, job), what=job, timeout=timeout, poll=target.poll_seconds)
    if not seen.good:
        raise typer.Exit(code)
    found = _fetch(target, spec, job, save)
    if json_:
        print_json(found)
    else:
        _show(found, save)


def _request(target: Target, spec: ModelSpec, days: dict[str, datetime], every: Pace) -> dict[str, Any]:
    """Freeze the current data as a manifest, and return the CreateTrainingJob request."""
    now = datetime.now(UTC)
    uploads, chosen = choose(Ledger(target), spec, now)
    run_id = f"backfill-{ids.run_id(now, spec.name)}"
    told = {"model": spec.name, "run_id": run_id, "snapshot": snapshots.digest(chosen)}
    told |= {f"moments_{name}": f"{day:%Y-%m-%d}" for name, day in days.items()}
    source = {
        "S3DataType": "ManifestFile",
        "S3Uri": write_manifest(target, run_id, chosen, uploads),
        "S3DataDistributionType": "FullyReplicated",
    }
    place = spec.training
    return {
        "TrainingJobName": resources.backfill_job(target.stage, spec.name, now),
        "RoleArn": target.output("ExperimentRoles") + spec.name,
        "AlgorithmSpecification": {
            "TrainingImage": target.output("TrainingImage"),
            "TrainingInputMode": "File",
        },
        "HyperParameters": {**told, "moments_every": every.value},
        "InputDataConfig": [
            {"ChannelName": "train", "InputMode": "File", "DataSource": {"S3DataSource": source}}
        ],
        "OutputDataConfig": {"S3OutputPath": _output_path(target, spec.name)},
        "ResourceConfig": {
            "InstanceType": place.instance,
            "InstanceCount": 1,
            "VolumeSizeInGB": place.volume_gb,
        },
        "StoppingCondition": {"MaxRuntimeInSeconds": place.max_runtime_seconds},
        "EnableNetworkIsolation": True,
        "Tags": [
            {"Key": "relearn:stage", "Value": target.stage},
            {"Key": "relearn:model", "Value": spec.name},
        ],
    }


def _output_path(target: Target, model: str) -> str:
    return s3_keys.uri(target.output("ArtifactsBucket"), s3_keys.experiment_prefix(model))


def _looks(target: Target, job: str) -> Look:
    client = target.client("sagemaker")

    def look() -> Observation:
        found = client.describe_training_job(TrainingJobName=job)
        state = found["TrainingJobStatus"]
        reason = f": {found['FailureReason']}" if found.get("FailureReason") else ""
        text = f"{state} ({found['SecondaryStatus']}){reason}"
        return Observation(state, text, ended=state in FINAL, good=state == "Completed")

    return look


def _fetch(target: Target, spec: ModelSpec, job: str, save: Path | None) -> dict[str, Any]:
    """Download the job's output, verify it, and save the features if `save` is given.

    Raises
    ------
    RelearnError
        When the archive cannot be read, or the features do not match the digest in the statistics.
    """
    uri = f"{_output_path(target, spec.name)}/{job}/output/output.tar.gz"
    bucket, key = s3_keys.parse_uri(uri)
    with tempfile.TemporaryFile() as archive:
        target.client("s3").download_fileobj(bucket, key, archive)
        archive.seek(0)
        try:
            statistics, digest = _take(archives.files(archive, uri, LIMITS), uri, save)
        except ArchiveError as error:
            raise RelearnError(f"{uri} cannot be read: {error}") from error
    if digest != statistics["sha256"]:
        raise RelearnError(
            f"{uri}: {FEATURES} has SHA-256 {digest}; its statistics say {statistics['sha256']}"
        )
    return {"job": job, "uri": uri, "out": None if save is None else str(save), **statistics}


def _take(members: Iterable[Member], uri: str, save: Path | None) -> tuple[dict[str, Any], str]:
    """Return the statistics and the features' digest from archive members, in any order."""
    statistics, digest = None, ""
    for member in members:
        if member.name == STATISTICS and member.size <= strict_json.LARGEST:
            statistics = strict_json.loads(member.read(), STATISTICS)
        elif member.name == FEATURES:
            digest = _copy(member, save)
    if not isinstance(statistics, dict) or not digest:
        raise RelearnError(f"{uri} has no {FEATURES if statistics else STATISTICS}")
    return statistics, digest


def _copy(source: Member, save: Path | None) -> str:
    """Copy a file block by block, to nowhere when `save` is None; return its SHA-256."""
    digest = hashlib.sha256()
    with Path(os.devnull).open("wb") if save is None else save.open("wb") as copy:
        for block in source.blocks():
            digest.update(block)
            copy.write(block)
    return digest.hexdigest()


def _show(found: dict[str, Any], save: Path | None) -> None:
    unknown, short = set(found["target_unknown"]), set(found["short_history"])
    rows = [
        (
            moment,
            count,
            "unknown yet" if moment in unknown else "known",
            "short" if moment in short else "whole",
        )
        for moment, count in found["moments"].items()
    ]
    print_table(f"Features of {found['model']}", ("moment (UTC)", "rows", "target", "history"), rows)
    out.print(f"{counted(found['rows'], 'row')} of {counted(len(rows), 'moment')}, SHA-256 {found['sha256']}")
    out.print(f"in {found['uri']}")
    if save is not None:
        done(f"features in {save}")
