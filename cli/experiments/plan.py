"""The plan of an experiment: a snapshot of the model's current data, written as a manifest, and hyperparameters."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from cli.stage.ledger import Ledger
from cli.stage.target import Target
from relearn.data import snapshots
from relearn.errors import RelearnError, SpecError
from relearn.lifecycle.uploads import Upload
from relearn.naming import ids, s3_keys
from relearn.spec.model import ModelSpec


@dataclass(frozen=True, kw_only=True, slots=True)
class Channel:
    """An input channel of a job.

    Parameters
    ----------
    name, kind, uri
        ChannelName, S3DataType and S3Uri of CreateTrainingJob.
    """

    name: str
    kind: str
    uri: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Plan:
    """An experiment.

    Parameters
    ----------
    spec
        The model's spec.
    run_id
        Id of the experiment in its report.
    snapshot
        Ids of the uploads that it trains on.
    fixed
        Hyperparameters chosen on the command line.
    hyperparameters
        All hyperparameters of the job, as text.
    channels
        Its input channels.
    output_path
        S3 URI under which SageMaker writes ``<job name>/output/``.
    """

    spec: ModelSpec
    run_id: str
    snapshot: tuple[str, ...]
    fixed: Mapping[str, float]
    hyperparameters: Mapping[str, str]
    channels: tuple[Channel, ...]
    output_path: str


def parse_settings(spec: ModelSpec, settings: Sequence[str]) -> dict[str, float]:
    """Parse ``NAME=VALUE`` pairs of hyperparameters.

    Raises
    ------
    SpecError
        When the spec has no such hyperparameter, or the value is not a number in its range.
    """
    declared = {parameter.name: parameter for parameter in spec.hyperparameters}
    chosen: dict[str, float] = {}
    for setting in settings:
        name, _, text = setting.partition("=")
        if name not in declared:
            raise SpecError(
                "hyperparameters",
                name,
                f"NAME=VALUE with one of: {', '.join(declared) or 'none, the spec has none'}",
            )
        parameter = declared[name]
        try:
            chosen[name] = float(text)
        except ValueError:
            chosen[name] = float("nan")
        if not parameter.minimum <= chosen[name] <= parameter.maximum:
            raise SpecError(f"hyperparameters.{name}", text, f"{parameter.minimum} to {parameter.maximum}")
    return chosen


def make_plan(
    target: Target, ledger: Ledger, spec: ModelSpec, fixed: Mapping[str, float], now: datetime
) -> Plan:
    """Select the data that the loop would train on now, and write its manifest.

    Raises
    ------
    RelearnError
        When the model, or one of its tables, has no accepted upload.
    """
    uploads, chosen = choose(ledger, spec, now)
    run_id = f"experiment-{ids.run_id(now, f'{spec.name} {sorted(fixed.items())}')}"
    told = {parameter.name: str(parameter.default) for parameter in spec.hyperparameters}
    told |= {name: repr(value) for name, value in fixed.items()}
    told |= {"model": spec.name, "run_id": run_id, "snapshot": snapshots.digest(chosen)}
    channels = [
        Channel(name="train", kind="ManifestFile", uri=write_manifest(target, run_id, chosen, uploads))
    ]
    if (serving := ledger.route(spec.name).champion) and (version := ledger.version(spec.name, serving)):
        told["champion_version"] = str(serving)
        if version.artifact_sha256:  # empty for versions registered before it was recorded
            told["champion_sha256"] = version.artifact_sha256
        channels.append(Channel(name="champion", kind="S3Prefix", uri=version.artifact))
    return Plan(
        spec=spec,
        run_id=run_id,
        snapshot=chosen,
        fixed=fixed,
        hyperparameters=told,
        channels=tuple(channels),
        output_path=s3_keys.uri(target.output("ArtifactsBucket"), s3_keys.experiment_prefix(spec.name)),
    )


def choose(ledger: Ledger, spec: ModelSpec, now: datetime) -> tuple[list[Upload], tuple[str, ...]]:
    """Return a model's uploads, and the ids of those that the loop would train on now.

    Raises
    ------
    RelearnError
        When the model, or one of its tables, has no accepted upload.
    """
    uploads = ledger.uploads(spec.name)
    selection = snapshots.select(uploads, spec.table_names, now, spec.kept_days)
    if selection.lacking:
        of = f" of {', '.join(selection.lacking)}" if spec.tables else ""
        raise RelearnError(
            f"{spec.name} has no accepted upload{of} to train on now; see relearn uploads {spec.name}"
        )
    return uploads, selection.snapshot


def write_manifest(target: Target, run_id: str, chosen: Sequence[str], uploads: Sequence[Upload]) -> str:
    """Write the manifest of a snapshot to the lake and return its S3 URI."""
    lake, model = target.output("LakeBucket"), uploads[0].model
    listing = snapshots.manifest(s3_keys.uri(lake, s3_keys.shards_prefix(model)), chosen, uploads)
    key = s3_keys.snapshot_key(model, run_id)
    target.client("s3").put_object(
        Bucket=lake, Key=key, Body=json.dumps(listing).encode(), ContentType="application/json"
    )
    return s3_keys.uri(lake, key)
