"""Trials of a tuning job: training jobs that carry its ARN, with their objective metrics and the best of them."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from local.sagemaker.state import Record

if TYPE_CHECKING:
    from local.sagemaker.context import Context

_FINAL = "FinalHyperParameterTuningJobObjectiveMetric"
_SHOWN = (
    "TrainingJobName", "TrainingJobArn", "TrainingJobStatus", "CreationTime", "TrainingStartTime", "TrainingEndTime",
    "TunedHyperParameters", "FailureReason",
)  # fmt: skip


def objective(job: Record) -> Record:
    """Return the objective of a tuning job: Type and MetricName."""
    found: Record = job["HyperParameterTuningJobConfig"]["HyperParameterTuningJobObjective"]
    return found


def summaries(context: Context, job: Record) -> list[Record]:
    """Return a summary of every trial of a tuning job."""
    arn = job["HyperParameterTuningJobArn"]
    trials = [trial for trial in context.state.all("training_jobs") if trial.get("TuningJobArn") == arn]
    return [_summary(job, trial) for trial in trials]


def counts(job: Record, trials: list[Record]) -> Record:
    """Return a tuning job's counters and its best trial so far, if any."""
    statuses = [trial["TrainingJobStatus"] for trial in trials]
    completed, failed = statuses.count("Completed"), statuses.count("Failed")
    running = statuses.count("InProgress") + statuses.count("Stopping")
    measured = [trial for trial in trials if trial["TrainingJobStatus"] == "Completed" and _FINAL in trial]
    counted: Record = {
        "TrainingJobStatusCounters": {
            "Completed": completed,
            "InProgress": running,
            "RetryableError": 0,
            "NonRetryableError": failed,
            "Stopped": statuses.count("Stopped"),
        },
        "ObjectiveStatusCounters": {
            "Succeeded": len(measured),
            "Pending": running,
            "Failed": completed - len(measured),
        },
    }
    if measured:
        counted["BestTrainingJob"] = max(measured, key=lambda trial: goodness(job, trial))
    return counted


def goodness(job: Record, trial: Record) -> float:
    """Return a trial's objective, negated when it is minimised, so that greater is better.

    Minus infinity without one.
    """
    if _FINAL not in trial:
        return -math.inf
    value = float(trial[_FINAL]["Value"])
    return value if objective(job)["Type"] == "Maximize" else -value


def _summary(job: Record, trial: Record) -> Record:
    wanted = objective(job)
    metrics = {item["MetricName"]: item["Value"] for item in trial.get("FinalMetricDataList", [])}
    summary = {key: trial[key] for key in _SHOWN if key in trial}
    summary["ObjectiveStatus"] = "Pending"
    if wanted["MetricName"] in metrics:
        summary["ObjectiveStatus"] = "Succeeded"
        summary[_FINAL] = {**wanted, "Value": metrics[wanted["MetricName"]]}
    return summary
