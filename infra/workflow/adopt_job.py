"""What a run does when its training job is there already: the reply to CreateTrainingJob was lost, so the job is its own.

A job is named after its run, so nobody else's can have the name. Step Functions' own step waits only for a job that it created;
this waits for the one that exists, and goes on, or fails, as that step would have.
"""

from __future__ import annotations

from aws_cdk import Aws, Duration
from aws_cdk import aws_stepfunctions as sfn
from constructs import Construct

THERE_ALREADY = "SageMaker.ResourceInUseException"
_JOB = "$.job"


def adopt(
    scope: Construct, *, then: sfn.IChainable, failure: sfn.IChainable, pause_seconds: int
) -> sfn.IChainable:
    """Give the first state, with the others chained to it.

    Parameters
    ----------
    then
        What follows a job that is completed; its artifact's URI is at ``$.training.artifact``, as after one's own.
    failure
        Where every other end leads, with the error at ``$.error``.
    pause_seconds
        Between two looks.
    """
    look = sfn.CustomState(
        scope,
        "Look at job",
        state_json={
            "Type": "Task",
            "Resource": f"arn:{Aws.PARTITION}:states:::aws-sdk:sagemaker:describeTrainingJob",
            "Parameters": {"TrainingJobName.$": "$.job_name"},
            "ResultPath": _JOB,
        },
    )
    look.add_retry(
        errors=["SageMaker.SageMakerException"],
        interval=Duration.seconds(pause_seconds),
        max_attempts=6,
        backoff_rate=2,
    )
    look.add_catch(failure, errors=["States.ALL"], result_path="$.error")
    status = f"{_JOB}.TrainingJobStatus"
    badly = _give_up(scope)
    badly.next(failure)
    return look.next(
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


def _take(scope: Construct) -> sfn.Pass:
    artifact = sfn.JsonPath.string_at(f"{_JOB}.ModelArtifacts.S3ModelArtifacts")
    return sfn.Pass(scope, "Adopt job", parameters={"artifact": artifact}, result_path="$.training")


def _give_up(scope: Construct) -> sfn.Pass:
    """Say the error that the step which waits for its own job would have."""
    cause = sfn.JsonPath.json_to_string(sfn.JsonPath.object_at(_JOB))
    said = {"Error": "States.TaskFailed", "Cause": cause}
    return sfn.Pass(scope, "Job ended badly", parameters=said, result_path="$.error")
