"""States that bring a version into service, for a new version of a run and for a restored one.

::

    Deploy ⇄ Wait → Smoke → Publish ⇄ Published? → next state
"""

from __future__ import annotations

from aws_cdk import Duration
from aws_cdk import aws_stepfunctions as sfn
from aws_cdk import aws_stepfunctions_tasks as tasks
from constructs import Construct

from infra.workflow.step_functions import RunFunctions
from infra.workflow.steps import ALL, Steps, equals
from relearn.lifecycle.run_context import path


def bring(
    scope: Construct, steps: Steps, *, functions: RunFunctions, poll_seconds: int, then: sfn.IChainable
) -> tasks.LambdaInvoke:
    """Return the first state, with the others chained to it.

    Parameters
    ----------
    scope
        Scope of the states.
    steps
        Creates the states, with their error handling.
    functions
        Functions of a run, some of which deploy, test and publish a version.
    poll_seconds
        Seconds before the first retry of a step that met a quota. How long the next look at an endpoint waits, ``deploy`` says.
    then
        State after a version that answers, with its features in place.
    """
    smoke = steps.call("Smoke", functions.smoke, result=path("smoke"))
    # A cold endpoint may refuse its first request.
    smoke.add_retry(errors=[ALL], interval=Duration.seconds(5), max_attempts=3, backoff_rate=2)
    publish = steps.call("Publish", functions.publish, result=path("published"), conflicts=True)
    smoke.next(publish).next(
        sfn.Choice(scope, "Published?")
        .when(equals("Published", "published", "status"), then)
        .otherwise(publish)
    )
    deploy = steps.call(
        "Deploy", functions.deploy, result=path("endpoint"), conflicts=True, quota_pause_seconds=poll_seconds
    )
    again = sfn.Wait(
        scope, "Wait for endpoint", time=sfn.WaitTime.seconds_path(path("endpoint", "wait_seconds"))
    )
    deploy.next(
        sfn.Choice(scope, "In service?")
        .when(equals("InService", "endpoint", "status"), smoke)
        .otherwise(again.next(deploy))
    )
    return deploy
