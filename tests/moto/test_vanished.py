"""An endpoint that the route names and that someone deleted comes back."""

from __future__ import annotations

import json

import pytest

from lambdas.handlers import deploy, publish, restore, smoke, sweep
from relearn.naming import resources
from tests.support.models import FLOWERS_CSV
from tests.support.world import RESTORE_MACHINE, STAGE, LambdaContext, World


@pytest.fixture
def two(today: World) -> World:
    """A stage where version 2 serves, and version 1 did before."""
    for number in range(2):
        today.send(FLOWERS_CSV, f"incoming/flowers/{number}.csv")
        today.run()
    today.notifications()
    return today


def endpoint(number: int) -> str:
    return resources.endpoint(STAGE, "flowers", number)


def run_sweep(world: World) -> None:
    sweep.handler({"source": "aws.scheduler"}, LambdaContext())
    world.clock.pass_seconds(300)


def started(world: World) -> list[str]:
    return [
        found["name"] for found in world.states.list_executions(stateMachineArn=RESTORE_MACHINE)["executions"]
    ]


def deploy_again(world: World, *, fails: bool = False) -> None:
    """Walk the state machine that the sweep started last."""
    arn = RESTORE_MACHINE.replace(":stateMachine:", ":execution:") + f":{started(world)[0]}"
    context = json.loads(world.states.describe_execution(executionArn=arn)["input"])
    if fails:
        error = {"Error": "ModelFailedError", "Cause": json.dumps({"errorMessage": "it is Failed"})}
        restore.handler({**context, "error": error}, LambdaContext())
        return
    while context.setdefault("endpoint", {}).get("status") != "InService":
        context["endpoint"] = deploy.handler(context, LambdaContext())
    for step, handler in (("smoke", smoke), ("published", publish), ("moved", restore)):
        context[step] = handler.handler(context, LambdaContext())


@pytest.mark.parametrize("number", [2, 1], ids=["the champion", "the previous version"])
def test_an_endpoint_that_the_route_names_and_that_is_gone_is_made_again(two: World, number: int) -> None:
    route, states = two.ledger.route("flowers"), [v.state for v in two.ledger.versions("flowers")]
    two.sagemaker.endpoints.pop(endpoint(number))
    run_sweep(two)
    deploy_again(two)
    assert two.sagemaker.endpoints[endpoint(number)]["EndpointStatus"] == "InService"
    assert (two.ledger.route("flowers"), [v.state for v in two.ledger.versions("flowers")]) == (route, states)


def test_people_are_told(two: World) -> None:
    two.sagemaker.endpoints.pop(endpoint(2))
    run_sweep(two)
    (told,) = two.notifications()
    assert "the endpoint of version 2 is gone" in told["Subject"]


def test_it_is_made_once_however_often_the_sweep_comes_by(two: World) -> None:
    two.sagemaker.endpoints.pop(endpoint(2))
    run_sweep(two)
    run_sweep(two)
    assert len(started(two)) == 1


def test_what_could_not_be_brought_back_is_tried_again_a_while_later(two: World) -> None:
    two.sagemaker.endpoints.pop(endpoint(2))
    run_sweep(two)
    deploy_again(two, fails=True)
    run_sweep(two)
    assert len(started(two)) == 1
    two.clock.pass_seconds(900)
    run_sweep(two)
    assert len(started(two)) == 2
