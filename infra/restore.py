"""A version that lost its endpoint comes back: a state machine of the same steps as a run's last ones.

::

    Deploy ⇄ Wait → Smoke → Publish ⇄ Published? → Move the route → Done
    any failure ─► Fail ─► Failed
"""

from __future__ import annotations

from aws_cdk import Duration
from aws_cdk import aws_stepfunctions as sfn
from constructs import Construct

from infra.functions import Function
from infra.run_functions import RunFunctions
from infra.steps import ALL, Steps


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
    done = sfn.Succeed(scope, "Done")
    move = steps.call("Move the route", restore, result="$.moved", conflicts=True)
    publish = steps.call("Publish", functions.publish, result="$.published", conflicts=True)
    published = publish.next(
        sfn.Choice(scope, "Published?")
        .when(sfn.Condition.string_equals("$.published.status", "Published"), move.next(done))
        .otherwise(publish)
    )
    smoke = steps.call("Smoke", functions.smoke, result="$.smoke")
    # A cold endpoint may refuse its first request.
    smoke.add_retry(errors=[ALL], interval=Duration.seconds(5), max_attempts=3, backoff_rate=2)
    deploy = steps.call(
        "Deploy", functions.deploy, result="$.endpoint", conflicts=True, quota_pause_seconds=poll_seconds
    )
    again = sfn.Wait(
        scope, "Wait for endpoint", time=sfn.WaitTime.duration(Duration.seconds(poll_seconds))
    ).next(deploy)
    return deploy.next(
        sfn.Choice(scope, "In service?")
        .when(sfn.Condition.string_equals("$.endpoint.status", "InService"), smoke.next(published))
        .otherwise(again)
    )
