"""States for a training job that exists already, because the reply to CreateTrainingJob was lost.

A job is named after its run, so no other run can have created it. Step Functions' own step waits only for a
job that it created; these states wait for the existing one, and continue or fail as that step would have.
"""

from __future__ import annotations

from aws_cdk import Aws, Duration
from aws_cdk import aws_stepfunctions as sfn
from constructs import Construct

from relearn.lifecycle.run_context import path

THERE_ALREADY = "SageMaker.ResourceInUseException"
"""Error of CreateTrainingJob for an existing name."""
_JOB = path("job")


def adopt(
    scope: Construct, *, then: sfn.IChainable, failure: sfn.IChainable, pause_seconds: int
) -> sfn.IChainable:
    """Return the first state, with the others chained to it.

    Parameters
    ----------
    then
        State after a completed job; the URI of its artifact is at ``$.training.artifact``, as after a job of
        the step's own.
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
            "ResultPath": _JOB,
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
    artifact = sfn.JsonPath.string_at(path("job", "ModelArtifacts", "S3ModelArtifacts"))
    return sfn.Pass(scope, "Adopt job", parameters={"artifact": artifact}, result_path=path("training"))


def _give_up(scope: Construct) -> sfn.Pass:
    """Set the error that Step Functions' own step would have raised."""
    cause = sfn.JsonPath.json_to_string(sfn.JsonPath.object_at(_JOB))
    said = {"Error": "States.TaskFailed", "Cause": cause}
    return sfn.Pass(scope, "Job ended badly", parameters=said, result_path=path("error"))
