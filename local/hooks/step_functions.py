"""Step Functions tasks act with the state machine's role and run SageMaker and AWS Glue jobs."""

# ruff: noqa: SLF001 - it reaches into MiniStack, on purpose

from __future__ import annotations

import contextvars
import functools
import time
from typing import TYPE_CHECKING, Any

from ministack.services import stepfunctions

from local import principals
from local.glue import tasks as glue
from local.hooks import permissions
from local.sagemaker import tasks

if TYPE_CHECKING:
    from collections.abc import Callable

    from local.sagemaker.context import Context

SERVICE = "states.amazonaws.com"
_execution: contextvars.ContextVar[dict[str, Any]] = contextvars.ContextVar("execution", default={})  # noqa: B039
_deadline: contextvars.ContextVar[float] = contextvars.ContextVar("deadline", default=0.0)


def act_with_the_machines_role() -> None:
    """Record, in every thread of an execution, which execution it belongs to.

    MiniStack runs tasks without that knowledge; AWS runs them with the state machine's role.
    """
    run = stepfunctions._run_execution

    def known(arn: str) -> None:
        _execution.set(stepfunctions._executions.get(arn) or {})
        run(arn)

    stepfunctions._run_execution = known
    parallel = stepfunctions.ThreadPoolExecutor

    class Inheriting(parallel):  # type: ignore[misc,valid-type]
        """Executor that passes the execution on to the branches of Parallel and Map."""

        def submit(self, work: Any, /, *arguments: Any, **keywords: Any) -> Any:
            context = contextvars.copy_context()
            return super().submit(context.run, functools.partial(work, *arguments, **keywords))

    stepfunctions.ThreadPoolExecutor = Inheriting


def execution_of_this_thread() -> dict[str, Any]:
    """Return the execution whose task runs in this thread; empty outside of an execution."""
    return _execution.get()


def require_the_roles_permissions(context: Context) -> None:
    """Run a task only when the state machine's role allows its call; run SageMaker and AWS Glue jobs.

    MiniStack runs every task, whatever the role. AWS assumes the role and fails the task with the service's
    denial. MiniStack also lacks the SageMaker integration and the one that waits for AWS Glue.
    """
    for name in ("_invoke_resource", "_invoke_with_callback"):
        setattr(stepfunctions, name, _checked(context, getattr(stepfunctions, name)))


def _checked(context: Context, invoke: Any) -> Any:
    def checked(resource: str, data: Any, *rest: Any) -> Any:
        role = _role()
        for action, target in permissions.of_task(resource, data):
            if not role.allowed(action, target):
                raise _failed(permissions.denied_error(resource), role.denial(action, target))
        if permissions.service_of(resource) == "sagemaker":
            return _named(lambda: tasks.Task(context, resource, role, _over).run(data))
        if resource.endswith(":glue:startJobRun.sync"):
            return _named(lambda: glue.run_to_its_end(context, data, _over))
        return invoke(resource, data, *rest)

    return checked


def _role() -> principals.Principal:
    machine = stepfunctions._state_machines.get(_execution.get().get("stateMachineArn")) or {}
    role = principals.role(machine.get("roleArn", ""), SERVICE)
    if role is None:
        raise _failed("States.TaskFailed", f"Step Functions cannot assume the role {machine.get('roleArn')}")
    return role


def _over() -> tasks.TaskError | None:
    if _execution.get()["status"] != "RUNNING":
        return tasks.TaskError("States.TaskFailed", "the execution was stopped")
    limit = _deadline.get()
    if limit and time.monotonic() > limit:
        return tasks.TaskError("States.Timeout", "the task's time is up")
    return None


def _named(run: Callable[[], Any]) -> Any:
    try:
        return run()
    except tasks.TaskError as error:
        raise _failed(error.error, error.cause) from error


def stop_jobs_that_time_out() -> None:
    """Stop a SageMaker or Glue job after the TimeoutSeconds of its task.

    MiniStack leaves the task's thread, and so the job, running; AWS stops a job that ``.sync`` waits for.
    """
    invoke = stepfunctions._invoke_resource_with_timeout

    def limited(resource: str, data: Any, timeout: float) -> Any:
        if permissions.service_of(resource) not in ("sagemaker", "glue"):
            return invoke(resource, data, timeout)
        token = _deadline.set(time.monotonic() + timeout)
        try:
            return stepfunctions._invoke_resource(resource, data)
        finally:
            _deadline.reset(token)

    stepfunctions._invoke_resource_with_timeout = limited


def _failed(error: str, cause: str) -> Exception:
    failure: Exception = stepfunctions._ExecutionError(error, cause)
    return failure
