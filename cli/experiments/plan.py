"""What an experiment trains: the model's current data, frozen as a manifest, and how."""

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
    """One input of a job.

    Parameters
    ----------
    name, kind, uri
        As CreateTrainingJob has them: channel name, S3DataType and S3Uri.
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
        Names the experiment in its report.
    snapshot
        Ids of the uploads it trains on.
    fixed
        Hyperparameters chosen on the command line.
    hyperparameters
        All that the job is told.
    channels
        Its inputs.
    output_path
        S3 URI under which SageMaker puts ``<job name>/output/``.
    """

    spec: ModelSpec
    run_id: str
    snapshot: tuple[str, ...]
    fixed: Mapping[str, float]
    hyperparameters: Mapping[str, str]
    channels: tuple[Channel, ...]
    output_path: str


def parse_settings(spec: ModelSpec, settings: Sequence[str]) -> dict[str, float]:
    """Read ``NAME=VALUE`` pairs.

    Raises
    ------
    SpecError
        The spec has no such hyperparameter, or the value is no number within its range.
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
    """Choose what the loop would train on now, and write its manifest.

    Raises
    ------
    RelearnError
        The model has no accepted upload.
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
        if version.artifact_sha256:  # of a version of before it was written down nobody knows it
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
    """Give a model's uploads, and the ids of those that the loop would train on now.

    Raises
    ------
    RelearnError
        The model has no accepted upload, or none of one of its tables.
    """
    uploads = ledger.uploads(spec.name)
    selection = snapshots.select(uploads, spec.table_names, now)
    if selection.lacking:
        of = f" of {', '.join(selection.lacking)}" if spec.tables else ""
        raise RelearnError(
            f"{spec.name} has no accepted upload{of} to train on now; see relearn uploads {spec.name}"
        )
    return uploads, selection.snapshot


def write_manifest(target: Target, run_id: str, chosen: Sequence[str], uploads: Sequence[Upload]) -> str:
    """Write the manifest of an ad-hoc job's snapshot, and give its S3 URI."""
    lake, model = target.output("LakeBucket"), uploads[0].model
    listing = snapshots.manifest(s3_keys.uri(lake, s3_keys.shards_prefix(model)), chosen, uploads)
    key = s3_keys.snapshot_key(model, run_id)
    target.client("s3").put_object(
        Bucket=lake, Key=key, Body=json.dumps(listing).encode(), ContentType="application/json"
    )
    return s3_keys.uri(lake, key)
