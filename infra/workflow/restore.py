"""A version that lost its endpoint comes back: a state machine of the same steps as a run's last ones.

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


def definition(
    scope: Construct, *, functions: RunFunctions, restore: Function, poll_seconds: int
) -> sfn.IChainable:
    """Give the first state, with everything chained to it.

    Parameters
    ----------
    scope
        Where the states live.
    functions
        Of a run, which make, try and fill an endpoint.
    restore
        Moves the route, or gives up.
    poll_seconds
        Pause between two looks at an endpoint that is being created.
    """
    steps = Steps(scope, fail_run=restore)
    move = steps.call("Move the route", restore, result="$.moved", conflicts=True)
    move.next(sfn.Succeed(scope, "Done"))
    return into_service.bring(scope, steps, functions=functions, poll_seconds=poll_seconds, then=move)
