"""Endpoints, configs and models that no version has are found by their tags, and removed; nothing else is."""

from __future__ import annotations

from lambdas.aws import clients
from lambdas.aws.sagemaker.endpoints import Endpoints
from lambdas.aws.sagemaker.scaling import Scaling
from lambdas.handlers import sweep
from relearn.lifecycle.runs import Run, RunState, Version
from relearn.naming import resources
from relearn.spec.hosting import Serverless
from tests.support.fake_sagemaker import ACCOUNT, REGION
from tests.support.world import STAGE, LambdaContext, World

OLD_SECONDS = 121
ROLE = f"arn:aws:iam::{ACCOUNT}:role/endpoint"


def deployed(world: World, number: int) -> Version:
    """Deploy a version as the run does, and leave it out of the ledger."""
    arn = f"arn:aws:sagemaker:{REGION}:{ACCOUNT}:model-package/relearn-test-flowers/{number}"
    world.sagemaker.packages[arn] = {}
    name = resources.endpoint(STAGE, "flowers", number)
    version = Version(model="flowers", version=number, run_id="r", package_arn=arn, endpoint=name)
    scaling = Scaling(clients.scaling())
    endpoints = Endpoints(clients.sagemaker(), STAGE, scaling, world.clock.pass_seconds)
    endpoints.ensure(Serverless(), version, ROLE)
    return version


def registered(world: World, version: Version) -> Version:
    run = world.ledger.create_run(Run(run_id="r", model="flowers", state=RunState.JUDGING))
    world.ledger.register(run, version)
    return version


def swept(world: World, after: float = OLD_SECONDS) -> set[str]:
    """Let time pass and sweep; give what is left of any kind."""
    world.clock.pass_seconds(after)
    sweep.handler({"source": "aws.scheduler"}, LambdaContext())
    fake = world.sagemaker
    return {*fake.endpoints, *fake.configs, *fake.models}


def test_what_no_version_has_is_removed_with_its_config_and_model(world: World) -> None:
    deployed(world, 9)
    assert swept(world) == set()


def test_what_a_version_has_stays(world: World) -> None:
    version = registered(world, deployed(world, 9))
    assert swept(world) == {version.endpoint}
