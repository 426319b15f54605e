"""A version on instances is scaled for as long as it has an endpoint: before anybody is sent there, until it goes."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from lambdas.aws.sagemaker.scaling import Scaling
from lambdas.handlers import deploy, retire
from lambdas.runtime.catalog import Catalog
from relearn.errors import ConflictError, QuotaExceededError
from relearn.lifecycle.runs import RunState
from relearn.spec.hosting import Hosting, Realtime, Serverless
from tests.moto.test_operating import change, deploy_again, give_up_endpoint
from tests.support.models import FLOWERS
from tests.support.world import LambdaContext, World

CSV = b"length,width,kind\n" + b"3,1,rose\n9,4,tulip\n" * 10
SCALED = Realtime(instance="ml.m5.large", minimum=1, maximum=4, target_invocations=600)
FIXED = Realtime(instance="ml.m5.large", minimum=2, maximum=2)


def name(version: int) -> str:
    return f"relearn-test-flowers-v{version}"


def train(world: World, models_catalog: Catalog, hosting: Hosting) -> None:
    """Let a run bring the next version, of a spec that names this hosting."""
    models_catalog.specs["flowers"] = replace(FLOWERS, hosting=hosting)
    world.send(CSV, f"incoming/flowers/{world.clock().timestamp()}.csv")
    assert world.run().state == RunState.PROMOTED


def test_an_endpoint_on_instances_grows_and_shrinks_between_its_bounds(
    world: World, models_catalog: Catalog
) -> None:
    train(world, models_catalog, SCALED)
    (variant,) = world.sagemaker.configs[name(1)]["ProductionVariants"]
    assert (variant["InstanceType"], variant["InitialInstanceCount"]) == ("ml.m5.large", 1)
    target = world.scaling.targets[name(1)]
    assert (target["MinCapacity"], target["MaxCapacity"]) == (1, 4)
    tracked = world.scaling.policy(name(1))["TargetTrackingScalingPolicyConfiguration"]
    assert tracked == {
        "TargetValue": 600.0,
        "PredefinedMetricSpecification": {"PredefinedMetricType": "SageMakerVariantInvocationsPerInstance"},
    }


@pytest.mark.parametrize(
    ("hosting", "isolated"), [(FIXED, True), (Serverless(), False)], ids=["fixed", "serverless"]
)
def test_a_container_is_isolated_from_the_network_where_sagemaker_can(
    world: World, models_catalog: Catalog, hosting: Hosting, *, isolated: bool
) -> None:
    train(world, models_catalog, hosting)
    assert world.sagemaker.models[name(1)]["EnableNetworkIsolation"] is isolated


@pytest.mark.parametrize("hosting", [FIXED, Serverless()], ids=["fixed", "serverless"])
def test_what_has_nothing_to_scale_between_is_not_registered(
    world: World, models_catalog: Catalog, hosting: Hosting
) -> None:
    train(world, models_catalog, hosting)
    assert world.scaling.targets == {}


def test_an_endpoint_is_in_service_only_when_it_is_scaled(world: World, models_catalog: Catalog) -> None:
    world.sagemaker.creating = 2
    train(world, models_catalog, SCALED)
    world.scaling.refuses = {"PutScalingPolicy": "ConcurrentUpdateException"}
    event = {"model": "flowers", "registration": {"version": 1}}
    with pytest.raises(Exception, match="PutScalingPolicy is refused") as caught:
        deploy.handler(event, LambdaContext())
    assert type(caught.value).__name__ == "ConflictError"  # Step Functions asks again, by this name
    assert deploy.handler(event, LambdaContext())["status"] == "InService"


def test_deploying_again_and_again_registers_one_target(world: World, models_catalog: Catalog) -> None:
    world.repeats = 3
    train(world, models_catalog, SCALED)
    assert list(world.scaling.targets) == [name(1)]
    assert world.scaling.policy(name(1))["PolicyName"] == name(1)


def test_an_endpoint_is_scaled_no_more_before_it_goes(world: World, models_catalog: Catalog) -> None:
    for _ in range(3):
        train(world, models_catalog, SCALED)
    assert sorted(world.scaling.targets) == [name(2), name(3)]
    assert name(1) not in world.sagemaker.endpoints


def test_a_target_whose_endpoint_is_gone_already_goes_too(world: World, models_catalog: Catalog) -> None:
    for _ in range(2):
        train(world, models_catalog, SCALED)
    del world.sagemaker.endpoints[name(1)]
    found = world.ledger.route("flowers")
    assert found.previous == 1
    train(world, models_catalog, SCALED)
    retire.handler({"model": "flowers"}, LambdaContext())
    assert name(1) not in world.scaling.targets


def test_a_version_comes_back_as_it_was_hosted_and_is_scaled_again(
    world: World, models_catalog: Catalog
) -> None:
    train(world, models_catalog, SCALED)
    train(world, models_catalog, Serverless())
    give_up_endpoint(world, 1)
    remove(world, name(1))
    assert world.scaling.targets == {}
    change("rollback")
    deploy_again(world)
    assert world.ledger.route("flowers").champion == 1
    (variant,) = world.sagemaker.configs[name(1)]["ProductionVariants"]
    assert variant["InstanceType"] == "ml.m5.large"
    assert world.scaling.targets[name(1)]["MaxCapacity"] == 4


def remove(world: World, endpoint: str) -> None:
    """Let an endpoint go, as retiring does."""
    deploy.deployment().endpoints.remove(endpoint)
    assert endpoint not in world.sagemaker.configs


@pytest.mark.parametrize(
    ("code", "error"),
    [("LimitExceededException", QuotaExceededError), ("ConcurrentUpdateException", ConflictError)],
)
def test_what_passes_by_itself_is_told_by_its_kind(world: World, code: str, error: type[Exception]) -> None:
    world.serve("flowers")
    world.scaling.refuses = {"RegisterScalableTarget": code}
    with pytest.raises(error, match=f"endpoint/{name(1)}/variant/AllTraffic"):
        Scaling(client(world)).register(name(1), SCALED)


def test_an_endpoint_whose_scaling_is_being_changed_goes_later(world: World) -> None:
    world.serve("flowers")
    world.scaling.refuses = {"DeregisterScalableTarget": "ConcurrentUpdateException"}
    with pytest.raises(ConflictError, match=name(1)):
        remove(world, name(1))
    assert name(1) in world.sagemaker.endpoints


def test_a_refusal_that_is_not_for_being_gone_is_an_error(world: World) -> None:
    world.scaling.refuses = {"DeregisterScalableTarget": "ValidationException"}
    with pytest.raises(Exception, match="ValidationException"):
        Scaling(client(world)).deregister(name(1))


def client(world: World) -> Any:
    return world.scaling._client
