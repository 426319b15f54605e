"""Hyperparameter tuning by random search; every trial is an ordinary training job."""

from __future__ import annotations

import random
import time
from typing import TYPE_CHECKING

from local import principals
from local.sagemaker import ranges, tags, training, trials
from local.sagemaker.context import announce
from local.sagemaker.control import call, operation
from local.sagemaker.errors import ApiError, invalid
from local.sagemaker.state import Record, page

if TYPE_CHECKING:
    from local.sagemaker.context import Context

TABLE = "tuning_jobs"
_NAME = "HyperParameterTuningJobName"
_ARN = "HyperParameterTuningJobArn"
_STATUS = "HyperParameterTuningJobStatus"
_CONFIG = "HyperParameterTuningJobConfig"
_ENDED = ("Completed", "Failed", "Stopped")
_POLL_SECONDS = 0.1
_PASSED = (
    "RoleArn", "InputDataConfig", "OutputDataConfig", "ResourceConfig", "StoppingCondition", "Environment",
    "AlgorithmSpecification",
)  # fmt: skip


@operation
def create_hyper_parameter_tuning_job(context: Context, request: Record) -> Record:
    """Record a tuning job and start its trials in the background."""
    name = request[_NAME]
    arn = context.arn("hyper-parameter-tuning-job", name)
    if "TrainingJobDefinition" not in request or "HyperParameterTuningJobObjective" not in request[_CONFIG]:
        raise invalid("a tuning job of the laptop cloud needs one TrainingJobDefinition and one objective")
    record = {key: value for key, value in request.items() if key != "Tags"}
    record |= {_ARN: arn, _STATUS: "InProgress", "CreationTime": time.time()}
    record |= trials.counts(record, [])
    if not context.state.add(TABLE, name, record):
        raise ApiError(
            "ResourceInUse", f"Tuning job names must be unique, and one exists with this name ({arn})"
        )
    tags.keep(context, arn, request.get("Tags", []))
    context.in_background(_search, context, name)
    return {_ARN: arn}


@operation
def describe_hyper_parameter_tuning_job(context: Context, request: Record) -> Record:
    """Return a tuning job."""
    return _found(context, request[_NAME])


@operation
def list_hyper_parameter_tuning_jobs(context: Context, request: Record) -> Record:
    """Return a page of tuning jobs."""
    jobs, more = page(context.state.all(TABLE), request, name=_NAME, status=_STATUS)
    shown = ("Strategy", "ResourceLimits")
    return {
        "HyperParameterTuningJobSummaries": [
            {**job, **{key: job[_CONFIG][key] for key in shown}} for job in jobs
        ],
        **more,
    }


@operation
def stop_hyper_parameter_tuning_job(context: Context, request: Record) -> Record:
    """Start no further trials and stop the running ones."""
    job = _found(context, request[_NAME])
    if job[_STATUS] == "InProgress":
        context.state.change(TABLE, job[_NAME], **{_STATUS: "Stopping"})
        for trial in trials.summaries(context, job):
            if trial["TrainingJobStatus"] == "InProgress":
                training.stop_training_job(context, {"TrainingJobName": trial["TrainingJobName"]})
    return {}


@operation
def list_training_jobs_for_hyper_parameter_tuning_job(context: Context, request: Record) -> Record:
    """Return a page of a tuning job's trials, with tuned hyperparameters and objective metrics."""
    job = _found(context, request[_NAME])
    found = trials.summaries(context, job)
    if request.get("SortBy") == "FinalObjectiveMetricValue":
        for trial in found:
            trial["_value"] = trials.goodness(job, trial) * (
                1 if trials.objective(job)["Type"] == "Maximize" else -1
            )
        request = {**request, "SortBy": "_value"}
    listed, more = page(found, request, name="TrainingJobName", status="TrainingJobStatus")
    return {"TrainingJobSummaries": listed, **more}


def resume(context: Context) -> None:
    """End the tuning jobs that were interrupted when the laptop cloud stopped."""
    for job in context.state.all(TABLE):
        if job[_STATUS] not in _ENDED:
            _end(context, job, "the laptop cloud was stopped while the job ran")


def _search(context: Context, name: str) -> None:
    """Start trials, as many in parallel as allowed, until their maximum number is reached."""
    job = _found(context, name)
    limits = job[_CONFIG]["ResourceLimits"]
    chance = random.Random(job[_CONFIG].get("RandomSeed", name))
    started, reason = 0, ""
    while True:
        job = context.state.change(TABLE, name, **trials.counts(job, trials.summaries(context, job)))
        running = job["TrainingJobStatusCounters"]["InProgress"]
        going = job[_STATUS] == "InProgress" and not reason and not context.closing.is_set()
        if (
            going
            and started < limits["MaxNumberOfTrainingJobs"]
            and running < limits["MaxParallelTrainingJobs"]
        ):
            started += 1
            reason = _start(context, job, started, chance)
        elif running == 0:
            break
        else:
            time.sleep(_POLL_SECONDS)
    _end(context, job, reason)


def _start(context: Context, job: Record, number: int, chance: random.Random) -> str:
    """Start one trial; return the reason when SageMaker refuses it, else ""."""
    definition = job["TrainingJobDefinition"]
    tuned = ranges.draw(job[_CONFIG].get("ParameterRanges", {}), chance)
    request = {
        "TrainingJobName": f"{job[_NAME][:50]}-{number:03d}-{chance.getrandbits(32):08x}",
        "HyperParameters": {**definition.get("StaticHyperParameters", {}), **tuned},
        **{key: value for key, value in definition.items() if key in _PASSED},
    }
    try:
        call(context, "CreateTrainingJob", request, principals.administrator())
    except ApiError as error:
        return str(error)
    context.state.change(
        "training_jobs", request["TrainingJobName"], TuningJobArn=job[_ARN], TunedHyperParameters=tuned
    )
    return ""


def _end(context: Context, job: Record, reason: str) -> None:
    """Set a tuning job's final status."""
    stopped, done = job[_STATUS] == "Stopping", job["TrainingJobStatusCounters"]["Completed"]
    if not stopped and not done:
        reason = reason or "All training jobs failed"
    status = "Stopped" if stopped else "Failed" if reason else "Completed"
    fields = {
        _STATUS: status,
        "HyperParameterTuningEndTime": time.time(),
        **({"FailureReason": reason} if reason else {}),
    }
    context.state.change(TABLE, job[_NAME], **fields)
    announce(
        "SageMaker HyperParameter Tuning Job State Change",
        job[_ARN],
        {key: {**job, **fields}[key] for key in (_NAME, _ARN, _STATUS)},
    )


def _found(context: Context, name: str) -> Record:
    job = context.state.get(TABLE, name)
    if job is None:
        raise invalid(f"Amazon SageMaker can't find a tuning job with the name {name}")
    return job
