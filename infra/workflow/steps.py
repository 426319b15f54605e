"""Kinds of steps of a run: call a function, run a training or Glue job, fail with a reason.

Each step retries transient errors, and passes any other error to the one failure branch.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from aws_cdk import Aws, Duration
from aws_cdk import aws_stepfunctions as sfn
from aws_cdk import aws_stepfunctions_tasks as tasks
from constructs import Construct

from infra.base.functions import Function
from infra.workflow.training_job import JOB, THERE_ALREADY, after_job
from relearn.lifecycle.run_context import path

ALL = "States.ALL"
LAMBDA_ERRORS = (
    "Lambda.ClientExecutionTimeoutException",
    "Lambda.ServiceException",
    "Lambda.AWSLambdaException",
    "Lambda.SdkClientException",
    "Lambda.TooManyRequestsException",
    "Lambda.Unknown",
)
"""Transient errors of Lambda itself."""
FUNCTION_DIED = ("Sandbox.Timedout", "Runtime.ExitError", "Runtime.OutOfMemory")
"""``errorType`` of a function that ran out of its time or memory: Step Functions reports it as the error's name.

Its documentation says ``Lambda.Unknown`` for these; executions of today show the names of the runtime, as does AWS's own
runtime interface emulator. ``States.Timeout`` is not among them: Step Functions raises it only where a task has a TimeoutSeconds
of its own, which no step has but the one that waits for a person. Every function of a run is idempotent, so each may run again.
"""
LOST_WRITE = "ConflictError"
"""Error of a function that lost a conditional write."""
NO_MORE = "QuotaExceededError"
"""Error of a function that a quota refused."""


class Steps:
    """Factory of steps whose errors lead to one failure branch.

    Parameters
    ----------
    scope
        Scope of the states.
    fail_run
        Function that records why a run failed; it gets the error at ``$.error``.
    """

    def __init__(self, scope: Construct, *, fail_run: Function) -> None:
        self._scope = scope
        failed = sfn.Fail(
            scope, "Failed", error_path=path("error", "Error"), cause_path=path("error", "Cause")
        )
        fail = self._invoke("Fail", fail_run, result=None)
        # The sweep finds the failed execution and records what this step could not.
        fail.add_catch(failed, errors=[ALL], result_path=path("fail_error"))
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
        """Create a step that calls ``function`` with the whole state.

        Parameters
        ----------
        name
            Name of the state.
        function
            Function to call.
        result
            Path of its result in the state; None to discard the result.
        conflicts
            Whether to retry after a lost conditional write.
        quota_pause_seconds
            For a step that a quota may refuse: unit of its pauses in seconds, as in `train`; None for any
            other step.
        otherwise
            State after an error, which is at ``$.ignored``; None to let the run fail.
        """
        step = self._invoke(name, function, result=result)
        if conflicts:
            step.add_retry(errors=[LOST_WRITE], interval=Duration.seconds(1), max_attempts=2)
        if quota_pause_seconds is not None:
            _wait_for_room(step, NO_MORE, pause_seconds=quota_pause_seconds, tries=6)
        if otherwise is None:
            step.add_catch(self._failure, errors=[ALL], result_path=path("error"))
        else:
            step.add_catch(otherwise, errors=[ALL], result_path=path("ignored"))
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
        """Create a step that calls ``function`` and waits until its payload's task token is returned.

        Parameters
        ----------
        name
            Name of the state.
        function
            Function to call.
        payload
            Payload of the function.
        seconds_path
            Path of the longest wait, in seconds, in the state.
        then
            Next state, whether or not the token came in time.
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
        step.add_catch(then, errors=["States.Timeout"], result_path=path("ignored"))
        step.add_catch(self._failure, errors=[ALL], result_path=path("error"))
        step.next(then)
        return step

    def train(
        self,
        name: str,
        job: Mapping[str, Any],
        *,
        pause_seconds: int,
        look_seconds: int,
        then: sfn.IChainable,
    ) -> sfn.CustomState:
        """Create a step that runs a training job to its end.

        The URI of the artifact is at ``$.training.artifact``.

        Parameters
        ----------
        name
            Name of the state.
        job
            CreateTrainingJob request; keys that end in ``.$`` are paths into the state.
        pause_seconds
            Seconds before the first retry of a throttled request; a refusal for capacity waits four times as
            long.
        look_seconds
            Seconds between two looks at a job that existed before.
        then
            State after a completed job.
        """
        step = sfn.CustomState(
            self._scope,
            name,
            state_json={
                "Type": "Task",
                "Resource": f"arn:{Aws.PARTITION}:states:::sagemaker:createTrainingJob.sync",
                "Parameters": job,
                "ResultPath": JOB,
            },
        )
        # The account has no free instance of this type.
        _wait_for_room(step, "SageMaker.ResourceLimitExceededException", pause_seconds=pause_seconds, tries=8)
        # Includes throttling, and also permanent errors, which the few retries only delay.
        step.add_retry(
            errors=["SageMaker.AmazonSageMakerException"],
            interval=Duration.seconds(pause_seconds),
            max_attempts=3,
            backoff_rate=2,
        )
        # Before the catch of all errors: the first match counts.
        after = after_job(self._scope, then=then, failure=self._failure, pause_seconds=look_seconds)
        step.add_catch(after.look, errors=[THERE_ALREADY], result_path=path("refused"))
        step.add_catch(self._failure, errors=[ALL], result_path=path("error"))
        step.next(after.done)
        return step

    def on_glue(
        self, name: str, request: Mapping[str, Any], *, pause_seconds: int, then: sfn.IChainable
    ) -> sfn.CustomState:
        """Create a step that runs a Glue job to its end.

        The id of the job run is at ``$.made.run``. Only a run that is ``SUCCEEDED`` leads on, however Step Functions reports
        one that was stopped.

        Parameters
        ----------
        name
            Name of the state.
        request
            StartJobRun request; keys that end in ``.$`` are paths into the state.
        pause_seconds
            Seconds before the first retry of a throttled request; a refusal for capacity waits four times as
            long.
        then
            State after a run that succeeded.
        """
        step = sfn.CustomState(
            self._scope,
            name,
            state_json={
                "Type": "Task",
                "Resource": f"arn:{Aws.PARTITION}:states:::glue:startJobRun.sync",
                "Parameters": request,
                "ResultSelector": {"run.$": "$.Id", "state.$": "$.JobRunState"},
                "ResultPath": path("made"),
            },
        )
        # The job's concurrent runs, or the account's capacity, are used up.
        _wait_for_room(
            step,
            "Glue.ConcurrentRunsExceededException",
            "Glue.ResourceNumberLimitExceededException",
            pause_seconds=pause_seconds,
            tries=8,
        )
        # Includes throttling, and also permanent errors, which the few retries only delay.
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
        step.add_catch(self._failure, errors=[ALL], result_path=path("error"))
        how = sfn.JsonPath.format(
            "the run {} of the Glue job ended as {}",
            sfn.JsonPath.string_at(path("made", "run")),
            sfn.JsonPath.string_at(path("made", "state")),
        )
        badly = sfn.Pass(
            self._scope,
            f"{name} ended badly",
            parameters={"Error": "States.TaskFailed", "Cause": how},
            result_path=path("error"),
        )
        badly.next(self._failure)
        step.next(
            sfn.Choice(self._scope, f"{name} made?")
            .when(equals("SUCCEEDED", "made", "state"), then)
            .otherwise(badly)
        )
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


def equals(value: str, *keys: str) -> sfn.Condition:
    """Return the condition that a text of the context is ``value``; `relearn.lifecycle.run_context.path` checks both."""
    return sfn.Condition.string_equals(path(*keys, value=value), value)


def _repeat(step: tasks.LambdaInvoke) -> None:
    """Retry a function when Lambda failed, or when the function's time or memory ran out."""
    step.add_retry(
        errors=[*LAMBDA_ERRORS, *FUNCTION_DIED],
        interval=Duration.seconds(2),
        max_attempts=6,
        backoff_rate=2,
        jitter_strategy=sfn.JitterType.FULL,
    )


def _wait_for_room(
    step: sfn.CustomState | tasks.LambdaInvoke, *errors: str, pause_seconds: int, tries: int
) -> None:
    """Retry a step for hours, until others release capacity or a quota is raised."""
    step.add_retry(
        errors=list(errors),
        interval=Duration.seconds(pause_seconds * 4),
        max_attempts=tries,
        backoff_rate=2,
        max_delay=Duration.minutes(15),
    )
