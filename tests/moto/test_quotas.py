"""The account may have no more endpoints: the deployment waits, and in the end says what to do."""

from __future__ import annotations

import pytest

from lambdas.aws import clients
from lambdas.aws.sagemaker.endpoints import Endpoints
from lambdas.aws.sagemaker.scaling import Scaling
from lambdas.handlers import deploy
from relearn.errors import QuotaExceededError
from relearn.lifecycle.runs import ADVICE, RunState, Version
from relearn.spec.hosting import Serverless
from tests.support.fake_sagemaker import ACCOUNT, NO_MORE, REGION
from tests.support.world import STAGE, LambdaContext, World

CSV = b"length,width,kind\n" + b"3,1,rose\n9,4,tulip\n" * 10


def ensure(world: World) -> str:
    arn = f"arn:aws:sagemaker:{REGION}:{ACCOUNT}:model-package/relearn-test-flowers/1"
    world.sagemaker.packages[arn] = {}
    version = Version(model="flowers", version=1, run_id="r", package_arn=arn)
    role = f"arn:aws:iam::{ACCOUNT}:role/endpoint"
    endpoints = Endpoints(clients.sagemaker(), STAGE, Scaling(clients.scaling()), world.clock.pass_seconds)
    return endpoints.ensure(Serverless(), version, role).status


@pytest.mark.parametrize("call", ["CreateEndpointConfig", "CreateEndpoint"])
def test_a_quota_that_is_used_up_says_what_was_asked_and_which_it_is(world: World, call: str) -> None:
    world.sagemaker.no_more_by = call
    with pytest.raises(QuotaExceededError) as caught:
        ensure(world)
    assert str(caught.value) == f"{call} of relearn-test-flowers-v1: {NO_MORE}"


def test_the_next_try_goes_on_where_the_quota_stopped_the_last_one(world: World) -> None:
    world.sagemaker.no_more_by = "CreateEndpoint"
    with pytest.raises(QuotaExceededError):
        ensure(world)
    world.sagemaker.no_more_by = ""
    assert ensure(world) == "InService"


def test_step_functions_hears_of_it_by_the_name_it_retries(world: World) -> None:
    world.send(CSV)
    world.sagemaker.no_more_by = "CreateEndpoint"
    run = world.run()
    event = {"model": "flowers", "registration": {"version": run.version}}
    with pytest.raises(Exception, match="account-level service limit") as caught:
        deploy.handler(event, LambdaContext())
    assert type(caught.value).__name__ == "QuotaExceededError"


def test_a_run_that_waited_in_vain_fails_with_the_quota_and_the_advice(world: World) -> None:
    world.send(CSV)
    world.sagemaker.no_more_by = "CreateEndpoint"
    run = world.run()
    assert run.state == RunState.FAILED
    assert run.reason.startswith("QuotaExceededError: CreateEndpoint of relearn-test-flowers-v1: ")
    assert NO_MORE in run.reason
    assert run.reason.endswith(ADVICE)
