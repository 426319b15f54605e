"""State machine that restores a version without an endpoint, with the same steps as the end of a run.

::

    the steps into service (`infra.workflow.into_service`) → Move the route → Done
    any failure ─► Fail ─► Failed
"""

from __future__ import annotations

from aws_cdk import aws_stepfunctions as sfn
from constructs import Construct

from infra.base.functions import Function
from infra.workflow import into_service
from infra.workflow.step_functions import RunFunctions
from infra.workflow.steps import Steps
from relearn.lifecycle.run_context import path


def definition(
    scope: Construct, *, functions: RunFunctions, restore: Function, poll_seconds: int
) -> sfn.IChainable:
    """Return the first state, with all others chained to it.

    Parameters
    ----------
    scope
        Scope of the states.
    functions
        Functions of a run, some of which deploy, test and publish a version.
    restore
        Function that moves the route, or records a failure.
    poll_seconds
        Seconds before the first retry of a step that met a quota.
    """
    steps = Steps(scope, fail_run=restore)
    move = steps.call("Move the route", restore, result=path("moved"), conflicts=True)
    move.next(sfn.Succeed(scope, "Done"))
    return into_service.bring(scope, steps, functions=functions, poll_seconds=poll_seconds, then=move)
