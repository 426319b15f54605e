"""States after a training job, and for one that exists already because the reply to CreateTrainingJob was lost.

A job is named after its run, so no other run can have created it. Step Functions' own step waits only for a
job that it created; these states wait for the existing one, and continue or fail as that step would have.

Only a job that is ``Completed`` leads on. A job that was stopped in time leaves an artifact (StopTrainingJob in the SageMaker
API Reference), and AWS does not say how ``.sync`` reports it: SageMaker's own waiter TrainingJobCompletedOrStopped counts
``Stopped`` as success.
"""

from __future__ import annotations

from dataclasses import dataclass

from aws_cdk import Aws, Duration
from aws_cdk import aws_stepfunctions as sfn
from constructs import Construct

from relearn.lifecycle.run_context import path

THERE_ALREADY = "SageMaker.ResourceInUseException"
"""Error of CreateTrainingJob for an existing name."""
JOB = path("job")
"""Path of the job's description."""


@dataclass(frozen=True)
class AfterJob:
    """First states after a training job, with the others chained to them.

    Parameters
    ----------
    done
        State that decides by the job's description at ``$.job`` how it goes on.
    look
        State that writes the description of a job that existed before, and leads to `done`.
    """

    done: sfn.Choice
    look: sfn.IChainable


def after_job(
    scope: Construct, *, then: sfn.IChainable, failure: sfn.IChainable, pause_seconds: int
) -> AfterJob:
    """Create the states.

    Parameters
    ----------
    then
        State after a completed job; the URI of its artifact is at ``$.training.artifact``.
    failure
        State after any other end, with the error at ``$.error``.
    pause_seconds
        Seconds between two checks.
    """
    look = sfn.CustomState(
        scope,
        "Look at job",
        state_json={
            "Type": "Task",
            "Resource": f"arn:{Aws.PARTITION}:states:::aws-sdk:sagemaker:describeTrainingJob",
            "Parameters": {"TrainingJobName.$": path("job_name")},
            "ResultPath": JOB,
        },
    )
    look.add_retry(
        errors=["SageMaker.SageMakerException"],
        interval=Duration.seconds(pause_seconds),
        max_attempts=6,
        backoff_rate=2,
    )
    look.add_catch(failure, errors=["States.ALL"], result_path=path("error"))
    status = path("job", "TrainingJobStatus")
    badly = _give_up(scope)
    badly.next(failure)
    done = (
        sfn.Choice(scope, "Job done?")
        .when(sfn.Condition.string_equals(status, "Completed"), _take(scope).next(then))
        .when(sfn.Condition.string_equals(status, "Failed"), badly)
        .when(sfn.Condition.string_equals(status, "Stopped"), badly)
        .otherwise(
            sfn.Wait(scope, "Wait for job", time=sfn.WaitTime.duration(Duration.seconds(pause_seconds))).next(
                look
            )
        )
    )
    return AfterJob(done, look.next(done))


def _take(scope: Construct) -> sfn.Pass:
    artifact = sfn.JsonPath.string_at(path("job", "ModelArtifacts", "S3ModelArtifacts"))
    return sfn.Pass(scope, "Take artifact", parameters={"artifact": artifact}, result_path=path("training"))


def _give_up(scope: Construct) -> sfn.Pass:
    """Set the error that Step Functions' own step would have raised."""
    cause = sfn.JsonPath.json_to_string(sfn.JsonPath.object_at(JOB))
    said = {"Error": "States.TaskFailed", "Cause": cause}
    return sfn.Pass(scope, "Job ended badly", parameters=said, result_path=path("error"))
