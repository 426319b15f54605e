"""Every bucket prefix, key, endpoint, job and group name, in one place.

The longest names SageMaker allows are 63 characters (training and transform jobs, endpoints, models,
endpoint configs and model package groups); the limits on a stage (10), a model (20) and a
run id (22) keep every name within that.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import NamedTuple

from relearn.errors import ConfigError
from relearn.tables import MAIN

PROJECT = "relearn"
STAGE_PATTERN = re.compile(r"[a-z][a-z0-9]{0,9}")
INCOMING = "incoming"
DATASETS = "datasets"
QUARANTINE = "quarantine"
REPORTS = "reports"
SNAPSHOTS = "snapshots"
PROFILES = "profiles"
FEATURES = "features"
SPARK = "spark"
MODELS = "models"
EXPERIMENTS = "experiments"
IDEMPOTENCY = "IDEMPOTENCY#"
"""What the partition keys of kept answers start with; the rest is the model."""
EXPIRES_AT = "expires_at"
"""The ledger's attribute that says when an item may be deleted: seconds since 1970."""
LIVE = "LIVE#"
"""What the partition keys of what is counted while a candidate is tried start with; the rest is the model."""
FORMS = "FORM#"
"""What the partition keys of uploads' forms start with; the rest is the model."""
BATCHES = "batches"
BATCH_INPUT = "input.jsonl"
BATCH_ID_LENGTH = 22
_UPLOAD_ID = re.compile(r"[0-9a-f]{32}")
_BATCH_ID = re.compile(r"\d{8}t\d{6}-[0-9a-f]{6}")


def function(stage: str, name: str) -> str:
    """Name of a Lambda function; ``name`` is its file under ``lambdas/``."""
    return f"{prefix(stage)}{name.replace('_', '-')}"


def host_function(stage: str, model: str) -> str:
    """Name of the function that answers for a model and can hold its versions (`relearn.hosting.InLambda`)."""
    return f"{prefix(stage)}host-{model}"


class Place(NamedTuple):
    """Where a version is asked.

    Parameters
    ----------
    name
        Of its endpoint, or of the host of its model. No version has the other's name.
    in_lambda
        Whether it is the host.
    """

    name: str
    in_lambda: bool


def place(stage: str, model: str, version: int, *, in_lambda: bool) -> Place:
    """Say where a version is asked."""
    return Place(host_function(stage, model) if in_lambda else endpoint(stage, model, version), in_lambda)


def parse_place(stage: str, model: str, name: str) -> Place:
    """Read the name of a place, where nothing else was kept of it."""
    return Place(name, name == host_function(stage, model))


def in_sagemaker(stage: str, model: str, version: int, name: str) -> str:
    """Name of what a version has in SageMaker: of one that runs in Lambda that is a model, to score batches with.

    Parameters
    ----------
    name
        Of its place, as its record has it; empty when it has none.
    """
    return endpoint(stage, model, version) if parse_place(stage, model, name).in_lambda else name


def check_stage(stage: str) -> str:
    """Give ``stage`` back when it may be part of every name.

    Raises
    ------
    ConfigError
        It is not 1 to 10 lower-case letters and digits, starting with a letter.
    """
    if not STAGE_PATTERN.fullmatch(stage):
        raise ConfigError("stage", stage, "1 to 10 lower-case letters and digits, starting with a letter")
    return stage


def stack(stage: str, part: str) -> str:
    """Name of a CloudFormation stack; ``part`` is data, training, serving or monitoring."""
    return f"{PROJECT}-{stage}-{part}"


def prefix(stage: str) -> str:
    """What the name of everything a stage's runs create starts with."""
    return f"{PROJECT}-{stage}-"


def tag(key: str) -> str:
    """Key of a tag of what a stage's runs create; ``key`` is stage, model, version or run."""
    return f"{PROJECT}:{key}"


def guard(stage: str, model: str) -> str:
    """What the name of every alarm starts with that a rollout of a model heeds: ours, and users' own."""
    return f"{prefix(stage)}guard-{model}-"


def group(stage: str, model: str) -> str:
    """Name of the model package group of a model."""
    return f"{prefix(stage)}{model}"


def parse_group(stage: str, name: str) -> str | None:
    """Read the model from the name of a model package group; None when the group is not the stage's."""
    return name.removeprefix(prefix(stage)) if name.startswith(prefix(stage)) else None


def endpoint(stage: str, model: str, version: int) -> str:
    """Name of the endpoint of one version; also of its SageMaker model and endpoint config."""
    return f"{prefix(stage)}{model}-v{version}"


def job(stage: str, model: str, run_id: str) -> str:
    """Name of the training job of a run."""
    return f"{prefix(stage)}{model}-{run_id}"


def restore_machine(stage: str) -> str:
    """Name of the state machine that deploys versions again."""
    return f"{prefix(stage)}restore"


def schedule(stage: str, model: str) -> str:
    """Name of the schedule that retrains a model."""
    return f"{prefix(stage)}{model}-retrain"


def feature_job(stage: str) -> str:
    """Name of the Glue job that makes features on Spark."""
    return f"{prefix(stage)}features"


def transform_job(stage: str, model: str, batch: str) -> str:
    """Name of the transform job of a batch; `parse_transform_job` reads it back."""
    return f"{prefix(stage)}{model}-{batch}"


def parse_transform_job(stage: str, name: str) -> tuple[str, str] | None:
    """Read the name of a transform job: model and batch; None when it is not one of the stage's batches."""
    model, batch = name[:-BATCH_ID_LENGTH].removeprefix(prefix(stage)), name[-BATCH_ID_LENGTH:]
    if not name.startswith(prefix(stage)) or not model.endswith("-") or not _BATCH_ID.fullmatch(batch):
        return None
    return model[:-1], batch


def experiment_job(stage: str, model: str) -> str:
    """What the name of an ad-hoc training job starts with; the SDK adds ``-`` and 14 digits of time."""
    return f"{prefix(stage)}{model}-exp"


def backfill_job(stage: str, model: str, at: datetime) -> str:
    """Name of an ad-hoc job that makes features of past moments.

    Parameters
    ----------
    at
        When it was asked for, aware.
    """
    return f"{prefix(stage)}{model}-backfill-{at.astimezone(UTC):%Y%m%d%H%M%S}"


def tuning_job(stage: str, seed: str) -> str:
    """Name of an ad-hoc tuning job, of which SageMaker allows 32 characters: too few for the model's name.

    Parameters
    ----------
    seed
        What tells it from every other; hashed.
    """
    return f"{prefix(stage)}tune-{hashlib.sha256(seed.encode()).hexdigest()[:8]}"


def run_id(at: datetime, seed: str) -> str:
    """Make a run id that sorts by time, 22 characters.

    Parameters
    ----------
    at
        When the run was asked for, aware.
    seed
        What told two runs of one second apart; hashed.
    """
    return f"{at.astimezone(UTC):%Y%m%dt%H%M%S}-{hashlib.sha256(seed.encode()).hexdigest()[:6]}"


def batch_id(at: datetime, seed: str) -> str:
    """Make a batch id that sorts by time, `BATCH_ID_LENGTH` characters; made as a run's is."""
    return run_id(at, seed)


def form_id(at: datetime, seed: str) -> str:
    """Make the id of an upload's form, which sorts by time; made as a run's is."""
    return run_id(at, seed)


def upload_id(bucket: str, key: str, version_id: str) -> str:
    """Id of one version of one object: the same event twice is the same upload."""
    return hashlib.sha256(f"{bucket}\n{key}\n{version_id}".encode()).hexdigest()[:32]


def is_upload_id(text: str) -> bool:
    """Tell whether a text has the form of an upload's id; a form's id has not."""
    return _UPLOAD_ID.fullmatch(text) is not None


@dataclass(frozen=True, slots=True)
class IncomingKey:
    """What the key of an upload says.

    Parameters
    ----------
    model
        Whose data it is.
    name
        The rest of the key: any name, after its table's when the model declares tables.
    """

    model: str
    name: str

    def table(self, tables: Sequence[str]) -> str | None:
        """Say which of a model's raw tables it is data of; None when it names none of them.

        Parameters
        ----------
        tables
            `relearn.spec.ModelSpec.table_names`.
        """
        if tuple(tables) == (MAIN,):
            return MAIN
        first, slash, rest = self.name.partition("/")
        return first if slash and rest and first in tables else None


def incoming_prefix(model: str, table: str = MAIN) -> str:
    """Where the uploads of a model's table go."""
    return f"{INCOMING}/{model}/" if table == MAIN else f"{INCOMING}/{model}/{table}/"


def form_key(model: str, form: str, filename: str, table: str = MAIN) -> str:
    """Key of the one object that a form takes."""
    return f"{incoming_prefix(model, table)}{form}/{filename}"


def parse_incoming(key: str) -> IncomingKey | None:
    """Read the key of an upload; None when it is not one (other prefix, folder marker, no name)."""
    parts = key.split("/")
    if parts[0] != INCOMING or len(parts) < 3 or not parts[1] or not parts[-1]:  # noqa: PLR2004
        return None
    return IncomingKey(model=parts[1], name="/".join(parts[2:]))


def shards_prefix(model: str) -> str:
    """Where the shards of all tables of a model are."""
    return f"{DATASETS}/{model}/"


def shard_name(upload: str, table: str = MAIN) -> str:
    """Name of the shard of an accepted upload, below `shards_prefix`."""
    return f"{table}/{upload}.parquet"


def shard_key(model: str, upload: str, table: str = MAIN) -> str:
    """Key of the shard of an accepted upload."""
    return shards_prefix(model) + shard_name(upload, table)


def profiles_prefix(model: str) -> str:
    """Where the profiles of all shards of a model are."""
    return f"{PROFILES}/{model}/"


def profile_key(model: str, upload: str, table: str = MAIN) -> str:
    """Key of the profile of an accepted upload's shard."""
    return f"{profiles_prefix(model)}{table}/{upload}.json"


def keys_key(model: str, upload: str, table: str = MAIN) -> str:
    """Key of the distinct values of a shard's key and reference columns, where its table has such."""
    return f"{profiles_prefix(model)}{table}/{upload}.keys.parquet"


def quarantine_prefix(model: str, upload: str) -> str:
    """Where the record of a quarantined (or partly rejected) upload is."""
    return f"{QUARANTINE}/{model}/{upload}/"


def rejected_key(model: str, upload: str) -> str:
    """Key of the rejected rows of an upload, one JSON object a row."""
    return f"{quarantine_prefix(model, upload)}rows.jsonl"


def snapshot_key(model: str, run: str) -> str:
    """Key of the SageMaker manifest that lists the shards a run trains on."""
    return f"{SNAPSHOTS}/{model}/{run}.manifest"


def features_prefix(model: str) -> str:
    """Where the features that runs of a model made are kept, in the lake."""
    return f"{FEATURES}/{model}/"


def online_name(run: str) -> str:
    """Name of the file with every entity's features as a run knows them last, below `features_prefix`."""
    return f"online/{run}.jsonl"


def online_key(model: str, run: str) -> str:
    """Key of the file with every entity's features as a run knows them last: JSON Lines, by entity."""
    return features_prefix(model) + online_name(run)


def spark_prefix(model: str, run: str) -> str:
    """Where the Glue job puts a run's features, in the lake: apart from `features_prefix`, which jobs copy."""
    return f"{SPARK}/{model}/{run}/"


def report_key(model: str, run: str, file: str) -> str:
    """Key of one file of a run's report."""
    return f"{REPORTS}/{model}/{run}/{file}"


def data_report_key(model: str, run: str, kind: str = "html") -> str:
    """Key of what a run's data looked like and what was found wrong; ``kind`` is html or json."""
    return report_key(model, run, f"data.{kind}")


def artifact_prefix(model: str) -> str:
    """Where SageMaker puts ``<job name>/output/model.tar.gz``."""
    return f"{MODELS}/{model}"


def experiment_prefix(model: str) -> str:
    """Where the artifacts of ad-hoc jobs go, apart from those the loop may serve."""
    return f"{EXPERIMENTS}/{model}"


def batch_prefix(model: str, batch: str) -> str:
    """Where the files of a batch are: what a caller sends in the uploads bucket, the rest in the lake."""
    return f"{BATCHES}/{model}/{batch}/"


def batch_input_key(model: str, batch: str) -> str:
    """Key of a batch's file, as sent (uploads bucket) and as scored (lake bucket)."""
    return f"{batch_prefix(model, batch)}{BATCH_INPUT}"


def batch_output_prefix(model: str, batch: str) -> str:
    """Where the transform job puts its result; not under a key that starts like the input's."""
    return f"{batch_prefix(model, batch)}result"


def batch_output_key(model: str, batch: str) -> str:
    """Key of a batch's result, as SageMaker names it."""
    return f"{batch_output_prefix(model, batch)}/{BATCH_INPUT}.out"


def parse_batch_input(key: str) -> tuple[str, str] | None:
    """Read the key of a batch's file: model and batch; None when it is not one."""
    match key.split("/"):
        case [folder, model, batch, name] if folder == BATCHES and name == BATCH_INPUT:
            return model, batch
    return None


def s3_uri(bucket: str, key: str) -> str:
    """An S3 URI as SageMaker takes it."""
    return f"s3://{bucket}/{key}"


def parse_s3_uri(uri: str) -> tuple[str, str]:
    """Split an S3 URI into bucket and key."""
    bucket, _, key = uri.removeprefix("s3://").partition("/")
    return bucket, key
