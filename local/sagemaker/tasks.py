"""The Step Functions integration of SageMaker: API calls, and jobs that a task waits for (``.sync``)."""

from __future__ import annotations

import json
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from local.sagemaker import control, model
from local.sagemaker.errors import ApiError

if TYPE_CHECKING:
    from collections.abc import Callable

    from local.principals import Principal
    from local.sagemaker.context import Context

_POLL_SECONDS = 0.1
_JOBS = {"CreateTrainingJob": "TrainingJob", "CreateHyperParameterTuningJob": "HyperParameterTuningJob"}
_STOPPED_BY_ITS_LIMIT = "MaxRuntimeExceeded"
"""AWS does not say whether a stopped job, which leaves artifacts, is a success of its task or a failure.

SageMaker's own waiter counts it as success (TrainingJobCompletedOrStopped). Here a job that its time limit stopped is a success,
and one that a person stopped is a failure, so that a state machine has to handle both.
"""


class TaskError(Exception):
    """A task failed, with Step Functions' error name and cause."""

    def __init__(self, error: str, cause: str) -> None:
        self.error, self.cause = error, cause
        super().__init__(f"{error}: {cause}")


@dataclass(frozen=True)
class Task:
    """One SageMaker task of an execution.

    Parameters
    ----------
    context : Context
        Context of the local SageMaker.
    resource : str
        ``arn:aws:states:::[aws-sdk:]sagemaker:<action>[.sync]``.
    role : Principal
        The state machine's role.
    over : callable
        Returns the error to raise when the execution was stopped or the task timed out, else None. The job is
        then stopped.
    """

    context: Context
    resource: str
    role: Principal
    over: Callable[[], TaskError | None]

    def run(self, data: dict[str, Any]) -> Any:
        """Run the task and return the API's answer, or for ``.sync`` the job's description.

        Times are in milliseconds.

        Raises
        ------
        TaskError
            ``SageMaker.<Code>Exception`` when a call is refused, ``States.TaskFailed`` when the job fails or a person
            stops it, or the error of `over`.
        """
        name, _, mode = self.resource.rpartition(":")[2].partition(".")
        action = name[:1].upper() + name[1:]
        if mode and (mode != "sync" or action not in _JOBS):
            raise TaskError("States.Runtime", f"{self.resource} is not an integration of Step Functions")
        answer = self._call(action, data)
        return self._wait(_JOBS[action], data) if mode else answer

    def _wait(self, kind: str, data: dict[str, Any]) -> Any:
        request = {f"{kind}Name": data[f"{kind}Name"]}
        while True:
            job = self._call(f"Describe{kind}", request)
            if job[f"{kind}Status"] == "Completed" or job.get("SecondaryStatus") == _STOPPED_BY_ITS_LIMIT:
                return job
            if job[f"{kind}Status"] in ("Failed", "Stopped"):
                raise TaskError("States.TaskFailed", json.dumps(job))
            over = self.over()
            if over:
                self._call(f"Stop{kind}", request)
                raise over
            time.sleep(_POLL_SECONDS)

    def _call(self, action: str, request: dict[str, Any]) -> Any:
        try:
            answer = control.call(self.context, action, request, self.role)
        except ApiError as error:
            name = _error_name(action, error.code, sdk="aws-sdk:" in self.resource)
            raise TaskError(name, _cause(error)) from error
        shape = model.service().operation_model(action).output_shape
        return model.in_milliseconds(answer, shape) if shape is not None else {}


def _error_name(action: str, code: str, *, sdk: bool) -> str:
    """Return Step Functions' name of an error: the SDK's exception class.

    An error in the operation's model has its own class (ResourceInUse: ResourceInUseException). Every other
    has the service's base class, which the SDKs of the two integrations name differently.
    """
    modelled = {shape.name for shape in model.service().operation_model(action).error_shapes}
    if code in modelled:
        return f"SageMaker.{code.removesuffix('Exception')}Exception"
    return "SageMaker.SageMakerException" if sdk else "SageMaker.AmazonSageMakerException"


def _cause(error: ApiError) -> str:
    return (
        f"{error.message} (Service: AmazonSageMaker; Status Code: {error.status}; Error Code: {error.code})"
    )
