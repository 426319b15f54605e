"""Training jobs as records: CreateTrainingJob, DescribeTrainingJob, ListTrainingJobs, StopTrainingJob."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

from local.sagemaker import instance, model, tags
from local.sagemaker.control import operation
from local.sagemaker.errors import ApiError, invalid
from local.sagemaker.state import page
from local.sagemaker.world import World, announce

if TYPE_CHECKING:
    Record = dict[str, Any]

TABLE = instance.TABLE
ENDED = ("Completed", "Failed", "Stopped")


@operation
def create_training_job(world: World, request: Record) -> Record:
    """Record the job and start its instance."""
    _refuse_what_is_not_here(request)
    name = request["TrainingJobName"]
    arn = world.arn("training-job", name)
    output = request["OutputDataConfig"]["S3OutputPath"].rstrip("/")
    now = time.time()
    record = {
        **{key: value for key, value in request.items() if key != "Tags"},
        "TrainingJobArn": arn,
        "ModelArtifacts": {"S3ModelArtifacts": f"{output}/{name}/output/model.tar.gz"},
        "TrainingJobStatus": "InProgress",
        "SecondaryStatus": "Starting",
        "SecondaryStatusTransitions": [
            {"Status": "Starting", "StartTime": now, "StatusMessage": "Starting the training job"}
        ],
        "CreationTime": now,
        "LastModifiedTime": now,
    }
    if not world.state.add(TABLE, name, record):
        raise ApiError(
            "ResourceInUse",
            "Training job names must be unique within an AWS account and region, and a training job with this "
            f"name already exists ({arn})",
        )
    tags.keep(world, arn, request.get("Tags", []))
    _announce(record)
    world.in_background(instance.run, world, name, progress)
    return {"TrainingJobArn": arn}


@operation
def describe_training_job(world: World, request: Record) -> Record:
    """Return one job."""
    return _found(world, request["TrainingJobName"])


@operation
def list_training_jobs(world: World, request: Record) -> Record:
    """Return a page of jobs."""
    jobs, more = page(world.state.all(TABLE), request, name="TrainingJobName", status="TrainingJobStatus")
    return {"TrainingJobSummaries": jobs, **more}


@operation
def stop_training_job(world: World, request: Record) -> Record:
    """Ask a running job to stop; it gets SIGTERM, and 120 s later SIGKILL."""
    job = _found(world, request["TrainingJobName"])
    if job["TrainingJobStatus"] in ENDED:
        raise invalid(
            f"The request was rejected because the training job is in status {job['TrainingJobStatus']}"
        )
    progress(world, job["TrainingJobName"], "Stopping", "Stopping", "Stopping the training job")
    return {}


@operation
def delete_training_job(world: World, request: Record) -> Record:
    """Forget an ended job."""
    job = _found(world, request["TrainingJobName"])
    if job["TrainingJobStatus"] not in ENDED:
        raise ApiError("ResourceInUse", f"training job {job['TrainingJobArn']} is {job['TrainingJobStatus']}")
    world.state.remove(TABLE, job["TrainingJobName"])
    return {}


def progress(
    world: World, name: str, status: str, secondary: str, message: str = "", **fields: Any
) -> Record:
    """Move a job to its next status, and say so on the event bus."""
    now = time.time()
    with world.state.lock:
        job = world.state.get(TABLE, name)
        if job is None or job["TrainingJobStatus"] in ENDED:
            return job or {}
        steps = job["SecondaryStatusTransitions"]
        steps[-1].setdefault("EndTime", now)
        steps.append({"Status": secondary, "StartTime": now, "StatusMessage": message or secondary})
        if status in ENDED:
            steps[-1]["EndTime"] = now
            started = fields.get("TrainingStartTime") or job.get("TrainingStartTime") or now
            spent = max(1, round(now - started))
            fields |= {"TrainingEndTime": now, "TrainingTimeInSeconds": spent, "BillableTimeInSeconds": spent}
        job = world.state.change(
            TABLE,
            name,
            TrainingJobStatus=status,
            SecondaryStatus=secondary,
            SecondaryStatusTransitions=steps,
            **fields,
        )
    _announce(job)
    return job


def resume(world: World) -> None:
    """Close the jobs that a stop of the laptop cloud interrupted."""
    for job in world.state.all(TABLE):
        if job["TrainingJobStatus"] not in ENDED:
            reason = "InternalServerError: the laptop cloud was stopped while the job ran"
            progress(world, job["TrainingJobName"], "Failed", "Failed", reason, FailureReason=reason)


def _refuse_what_is_not_here(request: Record) -> None:
    """Refuse what would run otherwise than on AWS, rather than ignore it."""
    algorithm = request["AlgorithmSpecification"]
    if "ContainerEntrypoint" in algorithm or "ContainerArguments" in algorithm:
        raise invalid(
            "the laptop cloud runs an image's own command: no ContainerEntrypoint, no ContainerArguments"
        )
    if algorithm["TrainingInputMode"] == "Pipe":
        raise invalid("the laptop cloud gives data as files: TrainingInputMode File or FastFile, not Pipe")
    if request["ResourceConfig"].get("InstanceCount", 1) != 1:
        raise invalid("the laptop cloud has one instance for a job: InstanceCount 1")


def _found(world: World, name: str) -> Record:
    job = world.state.get(TABLE, name)
    if job is None:
        raise invalid("Requested resource not found.")
    return job


def _announce(job: Record) -> None:
    shape = model.service().operation_model("DescribeTrainingJob").output_shape
    if shape is not None:
        announce(
            "SageMaker Training Job State Change", job["TrainingJobArn"], model.in_milliseconds(job, shape)
        )
