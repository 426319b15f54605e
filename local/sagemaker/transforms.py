"""Batch transform jobs as records: CreateTransformJob, DescribeTransformJob, ListTransformJobs, StopTransformJob."""

from __future__ import annotations

import time
from typing import Any

from local.sagemaker import containers, records, tags, transform_run
from local.sagemaker.context import Context
from local.sagemaker.control import operation
from local.sagemaker.errors import ApiError, invalid
from local.sagemaker.jobs import ENDED, Jobs
from local.sagemaker.state import Record

TABLE = transform_run.TABLE
JOBS = Jobs(kind="Transform", table=TABLE, missing="Could not find requested job with name: {name}")
_MOST_AT_ONCE_MB = 100
_AS_GIVEN = {"InputFilter": "$", "OutputFilter": "$", "JoinSource": "None"}


@operation
def create_transform_job(context: Context, request: Record) -> Record:
    """Record a job and start its instance in the background."""
    containers.found(context, containers.MODELS, "Model", request["ModelName"])
    _refuse_what_is_not_here(request)
    name = request["TransformJobName"]
    arn = context.arn("transform-job", name)
    record = {
        **{key: value for key, value in request.items() if key != "Tags"},
        "TransformJobArn": arn,
        "TransformJobStatus": "InProgress",
        "CreationTime": time.time(),
        "LastModifiedTime": time.time(),
    }
    if not context.state.add(TABLE, name, record):
        raise ApiError(
            "ResourceInUse",
            "Job name must be unique within an AWS account and region, and a job with this name already exists "
            f"({arn})",
        )
    tags.keep(context, arn, request.get("Tags", []))
    JOBS.announce(record)
    context.in_background(transform_run.run, context, name, progress)
    return {"TransformJobArn": arn}


@operation
def describe_transform_job(context: Context, request: Record) -> Record:
    """Return a transform job."""
    return JOBS.describe(context, request)


@operation
def list_transform_jobs(context: Context, request: Record) -> Record:
    """Return a page of jobs."""
    return JOBS.summaries(context, request)


@operation
def stop_transform_job(context: Context, request: Record) -> Record:
    """Request that a running job stops: it sends no further request."""
    job = JOBS.going(context, request)
    progress(context, job["TransformJobName"], "Stopping")
    return {}


def progress(context: Context, name: str, status: str, **fields: Any) -> Record:
    """Set a job's next status and announce it on the event bus; a stopping job never returns to running."""
    with context.state.lock:
        job = context.state.get(TABLE, name)
        if job is None or JOBS.has_ended(job):
            return job or {}
        if status in ENDED:
            fields["TransformEndTime"] = time.time()
        elif job["TransformJobStatus"] == "Stopping":
            status = "Stopping"
        job = context.state.change(TABLE, name, TransformJobStatus=status, **fields)
    JOBS.announce(job)
    return job


def resume(context: Context) -> None:
    """Fail the jobs that were interrupted when the laptop cloud stopped."""
    for job in context.state.all(TABLE):
        reason = "InternalServerError: the laptop cloud was stopped while the job ran"
        progress(context, job["TransformJobName"], "Failed", FailureReason=reason)


def _refuse_what_is_not_here(request: Record) -> None:
    """Refuse settings that would run differently than on AWS, rather than ignore them."""
    source = request["TransformInput"]
    if source.get("SplitType", "None") not in ("None", "Line"):
        raise invalid(f"the laptop cloud splits by None or Line, not {source['SplitType']}")
    for name, value in request.get("DataProcessing", {}).items():
        if value != _AS_GIVEN[name]:
            raise invalid(f"the laptop cloud transforms records as they are: no DataProcessing.{name}")
    if "DataCaptureConfig" in request:
        raise invalid("the laptop cloud captures no data of transform jobs: no DataCaptureConfig")
    if request["TransformResources"]["InstanceCount"] != 1:
        raise invalid("the laptop cloud has one instance for a job: InstanceCount 1")
    payload = request.get("MaxPayloadInMB", records.DEFAULT_PAYLOAD_MB)
    if payload * (request.get("MaxConcurrentTransforms") or 1) > _MOST_AT_ONCE_MB:
        raise invalid("MaxConcurrentTransforms * MaxPayloadInMB must not be greater than 100 MB")
