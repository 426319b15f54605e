"""Training jobs as records: CreateTrainingJob, DescribeTrainingJob, ListTrainingJobs, StopTrainingJob."""

from __future__ import annotations

import time
from typing import Any

from local.sagemaker import checkpoints, instance, tags
from local.sagemaker.context import Context
from local.sagemaker.control import operation
from local.sagemaker.errors import ApiError, invalid
from local.sagemaker.jobs import ENDED, Jobs
from local.sagemaker.state import Record

TABLE = instance.TABLE
JOBS = Jobs(kind="Training", table=TABLE, missing="Requested resource not found.")


@operation
def create_training_job(context: Context, request: Record) -> Record:
    """Record a job and start its instance in the background."""
    _refuse_what_is_not_here(request)
    checkpoints.refuse_what_is_not_here(request)
    name = request["TrainingJobName"]
    arn = context.arn("training-job", name)
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
    if not context.state.add(TABLE, name, record):
        raise ApiError(
            "ResourceInUse",
            "Training job names must be unique within an AWS account and region, and a training job with this "
            f"name already exists ({arn})",
        )
    tags.keep(context, arn, request.get("Tags", []))
    JOBS.announce(record)
    context.in_background(instance.run, context, name, progress)
    return {"TrainingJobArn": arn}


@operation
def describe_training_job(context: Context, request: Record) -> Record:
    """Return a training job."""
    return JOBS.describe(context, request)


@operation
def list_training_jobs(context: Context, request: Record) -> Record:
    """Return a page of jobs."""
    return JOBS.summaries(context, request)


@operation
def stop_training_job(context: Context, request: Record) -> Record:
    """Request that a running job stops: it gets SIGTERM, and SIGKILL 120 seconds later."""
    job = JOBS.going(context, request)
    progress(context, job["TrainingJobName"], "Stopping", "Stopping", "Stopping the training job")
    return {}


@operation
def delete_training_job(context: Context, request: Record) -> Record:
    """Delete the record of a job; refused while it runs."""
    job = JOBS.describe(context, request)
    if not JOBS.has_ended(job):
        raise ApiError("ResourceInUse", f"training job {job['TrainingJobArn']} is {job['TrainingJobStatus']}")
    context.state.remove(TABLE, job["TrainingJobName"])
    return {}


def progress(
    context: Context, name: str, status: str, secondary: str, message: str = "", **fields: Any
) -> Record:
    """Set a job's next status and announce it on the event bus; a job that has ended does not change."""
    now = time.time()
    with context.state.lock:
        job = context.state.get(TABLE, name)
        if job is None or JOBS.has_ended(job):
            return job or {}
        steps = job["SecondaryStatusTransitions"]
        steps[-1].setdefault("EndTime", now)
        steps.append({"Status": secondary, "StartTime": now, "StatusMessage": message or secondary})
        if status in ENDED:
            steps[-1]["EndTime"] = now
            started = fields.get("TrainingStartTime") or job.get("TrainingStartTime") or now
            spent = max(1, round(now - started))
            fields |= {"TrainingEndTime": now, "TrainingTimeInSeconds": spent, "BillableTimeInSeconds": spent}
        job = context.state.change(
            TABLE,
            name,
            TrainingJobStatus=status,
            SecondaryStatus=secondary,
            SecondaryStatusTransitions=steps,
            **fields,
        )
    JOBS.announce(job)
    return job


def resume(context: Context) -> None:
    """Fail the jobs that were interrupted when the laptop cloud stopped."""
    for job in context.state.all(TABLE):
        if not JOBS.has_ended(job):
            reason = "InternalServerError: the laptop cloud was stopped while the job ran"
            progress(context, job["TrainingJobName"], "Failed", "Failed", reason, FailureReason=reason)


def _refuse_what_is_not_here(request: Record) -> None:
    """Refuse settings that would run differently than on AWS, rather than ignore them."""
    algorithm = request["AlgorithmSpecification"]
    if "ContainerEntrypoint" in algorithm or "ContainerArguments" in algorithm:
        raise invalid(
            "the laptop cloud runs an image's own command: no ContainerEntrypoint, no ContainerArguments"
        )
    if algorithm["TrainingInputMode"] == "Pipe":
        raise invalid("the laptop cloud gives data as files: TrainingInputMode File or FastFile, not Pipe")
    if request["ResourceConfig"].get("InstanceCount", 1) != 1:
        raise invalid("the laptop cloud has one instance for a job: InstanceCount 1")
