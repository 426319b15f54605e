"""Names of everything in AWS that belongs to a stage, in one place; see `relearn.naming.s3_keys` for what is in its buckets.

The longest names SageMaker allows are 63 characters (training and transform jobs, endpoints, models,
endpoint configs and model package groups); the limits on a stage (10), a model (20) and a
run id (22) keep every name within that, and, with a region of at most 15, roles within IAM's 64.
"""

from __future__ import annotations

import hashlib
import re
from datetime import UTC, datetime
from typing import NamedTuple

from relearn.errors import ConfigError
from relearn.naming import ids

PROJECT = "relearn"
STAGE_PATTERN = re.compile(r"[a-z][a-z0-9]{0,9}")


def function(stage: str, name: str) -> str:
    """Name of a Lambda function; ``name`` is its file under ``lambdas/``."""
    return f"{prefix(stage)}{name.replace('_', '-')}"


def host_function(stage: str, model: str) -> str:
    """Name of the function that answers for a model and can hold its versions (`relearn.spec.hosting.InLambda`)."""
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


def roles(stage: str, kind: str, region: str) -> str:
    """What the names of all models' roles of one kind start with; the model's name ends them.

    Parameters
    ----------
    kind
        What takes them on: at most eight characters.
    region
        Where the stage is: an account's roles are in no region, and a stage may be in several.
    """
    return f"{prefix(stage)}{kind}-{region}-"


def restore_machine(stage: str) -> str:
    """Name of the state machine that deploys versions again."""
    return f"{prefix(stage)}restore"


def schedule(stage: str, model: str) -> str:
    """Name of the schedule that retrains a model."""
    return f"{prefix(stage)}{model}-retrain"


def feature_jobs(stage: str) -> str:
    """What the names of the Glue jobs that make features on Spark start with; the model's name ends them."""
    return f"{prefix(stage)}features-"


def transform_job(stage: str, model: str, batch: str) -> str:
    """Name of the transform job of a batch; `parse_transform_job` reads it back."""
    return f"{prefix(stage)}{model}-{batch}"


def parse_transform_job(stage: str, name: str) -> tuple[str, str] | None:
    """Read the name of a transform job: model and batch; None when it is not one of the stage's batches."""
    model, batch = name[: -ids.BATCH_ID_LENGTH].removeprefix(prefix(stage)), name[-ids.BATCH_ID_LENGTH :]
    if not name.startswith(prefix(stage)) or not model.endswith("-") or not ids.is_batch_id(batch):
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
