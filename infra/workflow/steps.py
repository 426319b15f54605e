"""The kinds of step a run is made of: call a function, run a training or Glue job, fail with a reason.

Each repeats what passes by itself, and hands every other error to the one failure branch.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from aws_cdk import Aws, Duration
from aws_cdk import aws_stepfunctions as sfn
from aws_cdk import aws_stepfunctions_tasks as tasks
from constructs import Construct

from infra.base.functions import Function
from infra.workflow.adopt_job import THERE_ALREADY, adopt

ALL = "States.ALL"
LAMBDA_ERRORS = (
    "Lambda.ClientExecutionTimeoutException",
    "Lambda.ServiceException",
    "Lambda.AWSLambdaException",
    "Lambda.SdkClientException",
    "Lambda.TooManyRequestsException",
    "Lambda.Unknown",
)
LOST_WRITE = "ConflictError"
NO_MORE = "QuotaExceededError"


class Steps:
    """Makes steps whose errors end in one failure branch.

    Parameters
    ----------
    scope
        Where the states live.
    fail_run
        Records why a run failed; gets the error at ``$.error``.
    """

    def __init__(self, scope: Construct, *, fail_run: Function) -> None:
        self._scope = scope
        failed = sfn.Fail(scope, "Failed", error_path="$.error.Error", cause_path="$.error.Cause")
        fail = self._invoke("Fail", fail_run, result=None)
        # The sweep hears of the failed execution and records what this step could not.
        fail.add_catch(failed, errors=[ALL], result_path="$.fail_error")
        self._failure = fail.next(failed)

    def call(
        self,
        name: str,
        function: Function,
        *,
        result: str | None = None,
        conflicts: bool = False,
        quota_pause_seconds: int | None = None,
        otherwise: sfn.IChainable | None = None,
    ) -> tasks.LambdaInvoke:
        """Make a step that calls ``function`` with the whole state.

        Parameters
        ----------
        result
            Where its answer goes; None: nowhere.
        conflicts
            Whether a lost conditional write is worth another try.
        quota_pause_seconds
            Of a step that asks for what a quota may refuse: its unit of pausing, as of `train`; None: it asks for nothing
            of the kind.
        otherwise
            Where an error leads, with the error at ``$.ignored``; None: the run fails.
        """
        step = self._invoke(name, function, result=result)
        if conflicts:
            step.add_retry(errors=[LOST_WRITE], interval=Duration.seconds(1), max_attempts=2)
        if quota_pause_seconds is not None:
            _wait_for_room(step, NO_MORE, pause_seconds=quota_pause_seconds, tries=6)
        if otherwise is None:
            step.add_catch(self._failure, errors=[ALL], result_path="$.error")
        else:
            step.add_catch(otherwise, errors=[ALL], result_path="$.ignored")
        return step

    def wait_for(
        self,
        name: str,
        function: Function,
        *,
        payload: Mapping[str, Any],
        seconds_path: str,
        then: sfn.IChainable,
    ) -> tasks.LambdaInvoke:
        """Make a step that calls ``function`` and waits until someone gives back the task token in its payload.

        Parameters
        ----------
        payload
            What the function gets.
        seconds_path
            Where the state says how long it waits at most.
        then
            Where it leads, woken or not in time.
        """
        step = tasks.LambdaInvoke(
            self._scope,
            name,
            lambda_function=function.function,
            integration_pattern=sfn.IntegrationPattern.WAIT_FOR_TASK_TOKEN,
            payload=sfn.TaskInput.from_object(dict(payload)),
            task_timeout=sfn.Timeout.at(seconds_path),
            result_path=sfn.JsonPath.DISCARD,
            retry_on_service_exceptions=False,  # our own list, which has throttling too
        )
        _repeat(step)
        step.add_retry(errors=[LOST_WRITE], interval=Duration.seconds(1), max_attempts=2)
        step.add_catch(then, errors=["States.Timeout"], result_path="$.ignored")
        step.add_catch(self._failure, errors=[ALL], result_path="$.error")
        step.next(then)
        return step

    def train(
        self, name: str, job: Mapping[str, Any], *, pause_seconds: int, then: sfn.IChainable
    ) -> sfn.CustomState:
        """Make a step that runs a training job to its end; its artifact's URI goes to ``$.training.artifact``.

        Parameters
        ----------
        job
            CreateTrainingJob's request; keys that end in ``.$`` are paths into the state.
        pause_seconds
            Before a refused job is asked for again, the first time.
        then
            What follows.
        """
        step = sfn.CustomState(
            self._scope,
            name,
            state_json={
                "Type": "Task",
                "Resource": f"arn:{Aws.PARTITION}:states:::sagemaker:createTrainingJob.sync",
                "Parameters": job,
                "ResultSelector": {"artifact.$": "$.ModelArtifacts.S3ModelArtifacts"},
                "ResultPath": "$.training",
            },
        )
        # All such instances of the account are busy.
        _wait_for_room(step, "SageMaker.ResourceLimitExceededException", pause_seconds=pause_seconds, tries=8)
        # Also throttling; and mistakes, which a short wait does not mend.
        step.add_retry(
            errors=["SageMaker.AmazonSageMakerException"],
            interval=Duration.seconds(pause_seconds),
            max_attempts=3,
            backoff_rate=2,
        )
        # Before the branch for all errors: the first that matches is taken.
        adopted = adopt(self._scope, then=then, failure=self._failure, pause_seconds=pause_seconds)
        step.add_catch(adopted, errors=[THERE_ALREADY], result_path="$.refused")
        step.add_catch(self._failure, errors=[ALL], result_path="$.error")
        step.next(then)
        return step

    def on_glue(self, name: str, request: Mapping[str, Any], *, pause_seconds: int) -> sfn.CustomState:
        """Make a step that runs a Glue job to its end; the id of its run goes to ``$.made.run``.

        Parameters
        ----------
        request
            StartJobRun's; keys that end in ``.$`` are paths into the state.
        pause_seconds
            Before a refused run is asked for again, the first time.
        """
        step = sfn.CustomState(
            self._scope,
            name,
            state_json={
                "Type": "Task",
                "Resource": f"arn:{Aws.PARTITION}:states:::glue:startJobRun.sync",
                "Parameters": request,
                "ResultSelector": {"run.$": "$.Id"},
                "ResultPath": "$.made",
            },
        )
        # All places of the job, or all machines of the account, are taken.
        _wait_for_room(
            step,
            "Glue.ConcurrentRunsExceededException",
            "Glue.ResourceNumberLimitExceededException",
            pause_seconds=pause_seconds,
            tries=8,
        )
        # Also throttling; and mistakes, which a short wait does not mend.
        step.add_retry(
            errors=[
                "Glue.AWSGlueException",
                "Glue.OperationTimeoutException",
                "Glue.InternalServiceException",
            ],
            interval=Duration.seconds(pause_seconds),
            max_attempts=3,
            backoff_rate=2,
        )
        step.add_catch(self._failure, errors=[ALL], result_path="$.error")
        return step

    def _invoke(self, name: str, function: Function, *, result: str | None) -> tasks.LambdaInvoke:
        step = tasks.LambdaInvoke(
            self._scope,
            name,
            lambda_function=function.function,
            payload_response_only=True,
            result_path=sfn.JsonPath.DISCARD if result is None else result,
            retry_on_service_exceptions=False,  # our own list, which has throttling too
        )
        _repeat(step)
        return step


def _repeat(step: tasks.LambdaInvoke) -> None:
    """Call a function again when Lambda itself failed."""
    step.add_retry(
        errors=list(LAMBDA_ERRORS),
        interval=Duration.seconds(2),
        max_attempts=6,
        backoff_rate=2,
        jitter_strategy=sfn.JitterType.FULL,
    )


def _wait_for_room(
    step: sfn.CustomState | tasks.LambdaInvoke, *errors: str, pause_seconds: int, tries: int
) -> None:
    """Let a step ask again for long: what others of the account hold is given back, or a quota is raised."""
    step.add_retry(
        errors=list(errors),
        interval=Duration.seconds(pause_seconds * 4),
        max_attempts=tries,
        backoff_rate=2,
        max_delay=Duration.minutes(15),
    )
