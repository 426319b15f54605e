"""Hyperparameter tuning by random search; every trial is a training job like any other."""

from __future__ import annotations

import math
import random
import time
from typing import TYPE_CHECKING, Any

from local import principals
from local.sagemaker import ranges, tags, training
from local.sagemaker.control import call, operation
from local.sagemaker.errors import ApiError, invalid
from local.sagemaker.state import page
from local.sagemaker.world import announce

if TYPE_CHECKING:
    from local.sagemaker.world import World

    Record = dict[str, Any]

TABLE = "tuning_jobs"
_ENDED = ("Completed", "Failed", "Stopped")
_KIND = "HyperParameterTuningJob"
_POLL_SECONDS = 0.1


@operation
def create_hyper_parameter_tuning_job(world: World, request: Record) -> Record:
    """Record the tuning job and start its trials."""
    name = request[f"{_KIND}Name"]
    arn = world.arn("hyper-parameter-tuning-job", name)
    config = request[f"{_KIND}Config"]
    if "TrainingJobDefinition" not in request or f"{_KIND}Objective" not in config:
        raise invalid("a tuning job of the laptop cloud needs one TrainingJobDefinition and one objective")
    record = {
        **{key: value for key, value in request.items() if key != "Tags"},
        f"{_KIND}Arn": arn,
        f"{_KIND}Status": "InProgress",
        "CreationTime": time.time(),
        "TrainingJobStatusCounters": dict.fromkeys(
            ("Completed", "InProgress", "RetryableError", "NonRetryableError", "Stopped"), 0
        ),
        "ObjectiveStatusCounters": dict.fromkeys(("Succeeded", "Pending", "Failed"), 0),
    }
    if not world.state.add(TABLE, name, record):
        raise ApiError(
            "ResourceInUse", f"Tuning job names must be unique, and one with this name already exists ({arn})"
        )
    tags.keep(world, arn, request.get("Tags", []))
    world.in_background(_search, world, name)
    return {f"{_KIND}Arn": arn}


@operation
def describe_hyper_parameter_tuning_job(world: World, request: Record) -> Record:
    """Return one tuning job."""
    return _found(world, request[f"{_KIND}Name"])


@operation
def list_hyper_parameter_tuning_jobs(world: World, request: Record) -> Record:
    """Return a page of tuning jobs."""
    jobs, more = page(world.state.all(TABLE), request, name=f"{_KIND}Name", status=f"{_KIND}Status")
    for job in jobs:
        job |= {
            "Strategy": job[f"{_KIND}Config"]["Strategy"],
            "ResourceLimits": job[f"{_KIND}Config"]["ResourceLimits"],
        }
    return {f"{_KIND}Summaries": jobs, **more}


@operation
def stop_hyper_parameter_tuning_job(world: World, request: Record) -> Record:
    """Start no more trials and stop those that run."""
    job = _found(world, request[f"{_KIND}Name"])
    if job[f"{_KIND}Status"] == "InProgress":
        world.state.change(TABLE, job[f"{_KIND}Name"], **{f"{_KIND}Status": "Stopping"})
        for trial in _trials(world, job[f"{_KIND}Arn"]):
            if trial["TrainingJobStatus"] == "InProgress":
                training.stop_training_job(world, {"TrainingJobName": trial["TrainingJobName"]})
    return {}


@operation
def list_training_jobs_for_hyper_parameter_tuning_job(world: World, request: Record) -> Record:
    """Return a page of a tuning job's trials, with what was tuned and what came out."""
    job = _found(world, request[f"{_KIND}Name"])
    found = [_summary(job, trial) for trial in _trials(world, job[f"{_KIND}Arn"])]
    by_value = request.get("SortBy") == "FinalObjectiveMetricValue"
    if by_value:
        request = {key: value for key, value in request.items() if key != "SortBy"}
    trials, more = page(found, request, name="TrainingJobName", status="TrainingJobStatus")
    if by_value:
        trials.sort(key=lambda trial: _value(trial, job), reverse=request.get("SortOrder") == "Descending")
    return {"TrainingJobSummaries": trials, **more}


def _search(world: World, name: str) -> None:
    """Start trials until the limit is reached, as many at once as allowed; then name the best."""
    job = _found(world, name)
    limits = job[f"{_KIND}Config"]["ResourceLimits"]
    chance = random.Random(job[f"{_KIND}Config"].get("RandomSeed", name))
    started, reason = 0, ""
    while True:
        job = _count(world, name)
        running = job["TrainingJobStatusCounters"]["InProgress"]
        going = job[f"{_KIND}Status"] == "InProgress" and not reason and not world.closing.is_set()
        if (
            going
            and started < limits["MaxNumberOfTrainingJobs"]
            and running < limits["MaxParallelTrainingJobs"]
        ):
            started += 1
            reason = _start(world, job, started, chance)
        elif running == 0:
            break
        else:
            time.sleep(_POLL_SECONDS)
    done = job["TrainingJobStatusCounters"]["Completed"]
    stopped = job[f"{_KIND}Status"] == "Stopping"
    if not stopped and not done:
        reason = reason or "All training jobs failed"
    status = "Stopped" if stopped else "Failed" if reason else "Completed"
    fields = {"FailureReason": reason} if reason else {}
    job = world.state.change(
        TABLE, name, **{f"{_KIND}Status": status, "HyperParameterTuningEndTime": time.time()}, **fields
    )
    announce(
        "SageMaker HyperParameter Tuning Job State Change",
        job[f"{_KIND}Arn"],
        {f"{_KIND}Name": name, f"{_KIND}Arn": job[f"{_KIND}Arn"], f"{_KIND}Status": status},
    )


def _start(world: World, job: Record, number: int, chance: random.Random) -> str:
    """Start one trial; the reason when SageMaker refused it."""
    definition = job["TrainingJobDefinition"]
    wanted = job[f"{_KIND}Config"].get("ParameterRanges", {})
    tuned = ranges.draw(wanted, chance)
    request = {
        "TrainingJobName": f"{job[f'{_KIND}Name'][:50]}-{number:03d}-{chance.getrandbits(32):08x}",
        "HyperParameters": {**definition.get("StaticHyperParameters", {}), **tuned},
        **{key: value for key, value in definition.items() if key in _PASSED},
    }
    try:
        call(world, "CreateTrainingJob", request, principals.administrator())
    except ApiError as error:
        return str(error)
    world.state.change(
        "training_jobs",
        request["TrainingJobName"],
        TuningJobArn=job[f"{_KIND}Arn"],
        TunedHyperParameters=tuned,
    )
    return ""


_PASSED = (
    "RoleArn", "InputDataConfig", "OutputDataConfig", "ResourceConfig", "StoppingCondition", "Environment",
    "AlgorithmSpecification",
)  # fmt: skip


def _count(world: World, name: str) -> Record:
    """Count the trials by status and remember the best one so far."""
    with world.state.lock:
        job = _found(world, name)
        trials = [_summary(job, trial) for trial in _trials(world, job[f"{_KIND}Arn"])]
        statuses = [trial["TrainingJobStatus"] for trial in trials]
        counters = {
            "Completed": statuses.count("Completed"),
            "InProgress": statuses.count("InProgress") + statuses.count("Stopping"),
            "RetryableError": 0,
            "NonRetryableError": statuses.count("Failed"),
            "Stopped": statuses.count("Stopped"),
        }
        measured = [
            trial
            for trial in trials
            if trial["TrainingJobStatus"] == "Completed"
            and "FinalHyperParameterTuningJobObjectiveMetric" in trial
        ]
        maximize = job[f"{_KIND}Config"][f"{_KIND}Objective"]["Type"] == "Maximize"
        fields: Record = {"TrainingJobStatusCounters": counters}
        fields["ObjectiveStatusCounters"] = {
            "Succeeded": len(measured),
            "Pending": counters["InProgress"],
            "Failed": counters["Completed"] - len(measured),
        }
        if measured:
            fields["BestTrainingJob"] = (max if maximize else min)(
                measured, key=lambda trial: _value(trial, job)
            )
        return world.state.change(TABLE, name, **fields)


def _trials(world: World, arn: str) -> list[Record]:
    return [job for job in world.state.all("training_jobs") if job.get("TuningJobArn") == arn]


def _summary(job: Record, trial: Record) -> Record:
    metric = job[f"{_KIND}Config"][f"{_KIND}Objective"]["MetricName"]
    final = next(
        (item for item in trial.get("FinalMetricDataList", []) if item["MetricName"] == metric), None
    )
    keys = (
        "TrainingJobName",
        "TrainingJobArn",
        "TrainingJobStatus",
        "CreationTime",
        "TrainingStartTime",
        "TrainingEndTime",
        "TunedHyperParameters",
        "FailureReason",
    )
    summary = {key: trial[key] for key in keys if key in trial}
    summary["ObjectiveStatus"] = "Succeeded" if final else "Pending"
    if final:
        objective = job[f"{_KIND}Config"][f"{_KIND}Objective"]
        summary["FinalHyperParameterTuningJobObjectiveMetric"] = {
            "Type": objective["Type"],
            "MetricName": metric,
            "Value": final["Value"],
        }
    return summary


def _value(trial: Record, job: Record) -> float:
    found = trial.get("FinalHyperParameterTuningJobObjectiveMetric")
    worst = -math.inf if job[f"{_KIND}Config"][f"{_KIND}Objective"]["Type"] == "Maximize" else math.inf
    return float(found["Value"]) if found else worst


def _found(world: World, name: str) -> Record:
    job = world.state.get(TABLE, name)
    if job is None:
        raise invalid(f"Amazon SageMaker can't find a tuning job with the name {name}")
    return job
