"""Names of all AWS resources of a stage; `relearn.naming.s3_keys` has the keys in its buckets.

SageMaker allows names of at most 63 characters (training and transform jobs, endpoints, models, endpoint
configs and model package groups). The limits on a stage (10), a model (20) and a run id (22) keep every name
within that and, with a region of at most 15, roles within IAM's 64.
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
    """Return the name of a Lambda function; ``name`` is the name of its handler's module."""
    return f"{prefix(stage)}{name.replace('_', '-')}"


def host_function(stage: str, model: str) -> str:
    """Return the name of the host function of a model (`relearn.spec.hosting.InLambda`)."""
    return f"{prefix(stage)}host-{model}"


class Place(NamedTuple):
    """Endpoint or host function that runs a version.

    Parameters
    ----------
    name
        Name of the endpoint or of the function. No endpoint has the name of a function.
    in_lambda
        Whether it is a host function.
    """

    name: str
    in_lambda: bool


def place(stage: str, model: str, version: int, *, in_lambda: bool) -> Place:
    """Return the place of a version."""
    return Place(host_function(stage, model) if in_lambda else endpoint(stage, model, version), in_lambda)


def parse_place(stage: str, model: str, name: str) -> Place:
    """Return the place with a given name, when only the name is known."""
    return Place(name, name == host_function(stage, model))


def in_sagemaker(stage: str, model: str, version: int, name: str) -> str:
    """Return the name of a version's SageMaker model, which for an endpoint is that of the endpoint too.

    A version that runs in Lambda has a SageMaker model to score batches with.

    Parameters
    ----------
    stage, model, version
        Stage, model and version number.
    name
        Name of its place from its record; empty when it has none.
    """
    return endpoint(stage, model, version) if parse_place(stage, model, name).in_lambda else name


def check_stage(stage: str) -> str:
    """Return ``stage`` if it may be part of every name.

    Raises
    ------
    ConfigError
        It is not 1 to 10 lower-case letters and digits, starting with a letter.
    """
    if not STAGE_PATTERN.fullmatch(stage):
        raise ConfigError("stage", stage, "1 to 10 lower-case letters and digits, starting with a letter")
    return stage


def stack(stage: str, part: str) -> str:
    """Return the name of a CloudFormation stack.

    ``part`` is data, training, serving, monitoring or ci, or one of `model_parts`.
    """
    return f"{PROJECT}-{stage}-{part}"


def model_parts(count: int) -> list[str]:
    """Return the parts of a stage that hold its models' own resources in ``count`` stacks; none when that is 1.

    The count is in the names: with another one all stacks are new, and CloudFormation refuses the first of them while
    the resources of its models belong to an old one, before anything is changed.
    """
    return [f"models-{number}-of-{count}" for number in range(1, count + 1)] if count > 1 else []


def model_part(model: str, count: int) -> str:
    """Return which of `model_parts` holds a model's own resources: the same whatever other models there are.

    Parameters
    ----------
    model
        Name of the model.
    count
        Number of parts, 2 or more.
    """
    digest = hashlib.sha256(model.encode()).digest()
    return model_parts(count)[int.from_bytes(digest[:8], "big") % count]


def prefix(stage: str) -> str:
    """Return the prefix of the names of everything that a stage's runs create."""
    return f"{PROJECT}-{stage}-"


def tag(key: str) -> str:
    """Return the key of a tag of what a stage's runs create; ``key`` is stage, model, version or run."""
    return f"{PROJECT}:{key}"


def guard(stage: str, model: str) -> str:
    """Return the name prefix of alarms, including users' own, that end a rollout of a model."""
    return f"{prefix(stage)}guard-{model}-"


def group(stage: str, model: str) -> str:
    """Return the name of the model package group of a model."""
    return f"{prefix(stage)}{model}"


def parse_group(stage: str, name: str) -> str | None:
    """Return the model of a model package group; None when the group is not the stage's."""
    return name.removeprefix(prefix(stage)) if name.startswith(prefix(stage)) else None


def endpoint(stage: str, model: str, version: int) -> str:
    """Return the name of a version's endpoint, which its SageMaker model and endpoint config have too."""
    return f"{prefix(stage)}{model}-v{version}"


def job(stage: str, model: str, run_id: str) -> str:
    """Return the name of the training job of a run."""
    return f"{prefix(stage)}{model}-{run_id}"


def roles(stage: str, kind: str, region: str) -> str:
    """Return the name prefix of all models' roles of one kind; the model's name follows.

    Parameters
    ----------
    stage
        Name of the stage.
    kind
        What assumes them, in at most eight characters.
    region
        Region of the stage. The roles of an account belong to no region, and a stage may be in several.
    """
    return f"{prefix(stage)}{kind}-{region}-"


def links_role(stage: str, region: str) -> str:
    """Return the name of the role that signs presigned links and forms; roles belong to no region, stages do."""
    return f"{prefix(stage)}links-{region}"


def restore_machine(stage: str) -> str:
    """Return the name of the state machine that restores versions."""
    return f"{prefix(stage)}restore"


def schedule(stage: str, model: str) -> str:
    """Return the name of the schedule that retrains a model."""
    return f"{prefix(stage)}{model}-retrain"


def feature_jobs(stage: str) -> str:
    """Return the name prefix of the Glue jobs that compute features on Spark; the model's name follows."""
    return f"{prefix(stage)}features-"


def transform_job(stage: str, model: str, batch: str) -> str:
    """Return the name of the transform job of a batch; `parse_transform_job` reads it back."""
    return f"{prefix(stage)}{model}-{batch}"


def parse_transform_job(stage: str, name: str) -> tuple[str, str] | None:
    """Return model and batch of a transform job; None when the job is not one of the stage's batches."""
    model, batch = name[: -ids.BATCH_ID_LENGTH].removeprefix(prefix(stage)), name[-ids.BATCH_ID_LENGTH :]
    if not name.startswith(prefix(stage)) or not model.endswith("-") or not ids.is_batch_id(batch):
        return None
    return model[:-1], batch


def experiment_job(stage: str, model: str) -> str:
    """Return the name prefix of ad-hoc training jobs; the SDK adds ``-`` and 14 digits of time."""
    return f"{prefix(stage)}{model}-exp"


def backfill_job(stage: str, model: str, at: datetime) -> str:
    """Return the name of an ad-hoc job that computes features of past moments.

    Parameters
    ----------
    stage, model
        Stage and model.
    at
        Time of the request, time-zone aware.
    """
    return f"{prefix(stage)}{model}-backfill-{at.astimezone(UTC):%Y%m%d%H%M%S}"


def tuning_job(stage: str, seed: str) -> str:
    """Return the name of an ad-hoc tuning job.

    SageMaker allows 32 characters, too few for the model's name.

    Parameters
    ----------
    stage
        Name of the stage.
    seed
        Distinguishes it from other tuning jobs; hashed.
    """
    return f"{prefix(stage)}tune-{hashlib.sha256(seed.encode()).hexdigest()[:8]}"
