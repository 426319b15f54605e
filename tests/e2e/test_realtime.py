"""A model on instances is scaled and answers; its spec then names another mode, and the next promotion moves over."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from relearn.spec.hosting import Hosting, Realtime, Serverless
from relearn.spec.rollout import Canary, Limits
from tests.e2e.asking import CONNECTIONS, Load, constantly_asked
from tests.e2e.client import Stage
from tests.e2e.clouds import cloud_of, deploy_again
from tests.e2e.test_operations import MODEL, MORE, change, route
from tests.infra.synthesis import synthesise

pytestmark = [pytest.mark.e2e, pytest.mark.local, pytest.mark.long]

ON_INSTANCES = Realtime(instance="ml.m5.large", minimum=1, maximum=3, target_invocations=600)
PATIENT = Canary(steps=(25,), limits=Limits(latency_ratio=100))
"""Both modes answer for a while; a machine that is busy with other tests is no reason to withdraw one."""
UNTIL_SECONDS = 300
PAUSE = 0.05
"""Seconds between two requests of a caller: training, deploying and answering share one machine."""


@dataclass
class Story:
    """What was seen on the way, when the version that was meant to answer did: its variant, and what was scaled."""

    variants: dict[str, dict[str, Any]] = field(default_factory=dict)
    scaled: dict[str, list[tuple[str, int, int]]] = field(default_factory=dict)
    moving: Load = field(default_factory=Load)


@pytest.fixture(scope="module")
def story(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Story:
    """One account: deployed with the model on instances, then with it serverless."""
    if request.config.getoption("--target") != "local":
        pytest.skip("deploys twice: on the laptop cloud only")
    folder, told = tmp_path_factory.mktemp("modes"), Story()
    with cloud_of(folder, synthesised(folder / "before", ON_INSTANCES)) as stage:
        stage.timeout_seconds = UNTIL_SECONDS
        stage.wait_until_served(MODEL)
        look(stage, told, "first", 1)
        with constantly_asked(stage, MODEL, pause=PAUSE) as told.moving:
            update(stage, folder, Serverless())
            look(stage, told, "deployed anew", 1)
            promote(stage, "second.csv")
            look(stage, told, "moved over", 2)
        promote(stage, "third.csv")
        look(stage, told, "retired", 3)
        change(stage, "promote", version=1)
        stage.wait("it is deployed", lambda: route(stage)["champion"] == 1)
        look(stage, told, "back", 1)
    return told


def synthesised(folder: Path, where: Hosting) -> Path:
    synthesise(folder, "local", [MODEL], specs={MODEL: {"hosting": where, "rollout": PATIENT}})
    return folder


def update(stage: Stage, folder: Path, where: Hosting) -> None:
    """Update the stacks: the spec says another hosting mode now."""
    deploy_again(stage, synthesised(folder / "after", where), folder / "deploy")


def look(stage: Stage, told: Story, when: str, version: int) -> None:
    """Write down how the version that serves is hosted, and what is scaled."""
    name = f"relearn-{stage.name}-{MODEL}-v{version}"
    found = stage.client("sagemaker").describe_endpoint(EndpointName=name)
    told.variants[when] = found["ProductionVariants"][0]
    scaling = stage.client("application-autoscaling")
    targets = scaling.describe_scalable_targets(ServiceNamespace="sagemaker")["ScalableTargets"]
    told.scaled[when] = [
        (target["ResourceId"].split("/")[1][-2:], target["MinCapacity"], target["MaxCapacity"])
        for target in targets
    ]
    stage.wait(f"version {version} answers", lambda: answers(stage) == version)


def answers(stage: Stage) -> int:
    """Give the version that answers; 0: none does."""
    status, _, answer = stage.http(f"/v1/models/{MODEL}/predict", {"instances": stage.sample(MODEL)})
    return int(answer["version"]) if status == 200 else 0


def promote(stage: Stage, name: str) -> None:
    """Upload better data, and wait until what comes of it serves."""
    version_id = stage.put(MODEL, name, MORE.read_bytes())
    run = stage.run_of(MODEL, version_id, "PROMOTED", "REJECTED", "ROLLED_BACK", "FAILED")
    assert run["state"] == "PROMOTED", run["reason"]
    stage.wait("it is at rest", lambda: stage.at_rest(MODEL))


def test_a_model_on_instances_answers_and_is_scaled(story: Story) -> None:
    variant = story.variants["first"]
    assert (variant["CurrentInstanceCount"], variant["DesiredInstanceCount"]) == (1, 1)
    assert story.scaled["first"] == [("v1", 1, 3)]


def test_a_deployment_of_another_mode_leaves_what_serves_as_it_is(story: Story) -> None:
    assert story.variants["deployed anew"]["CurrentInstanceCount"] == 1
    assert story.scaled["deployed anew"] == [("v1", 1, 3)]


def test_the_next_promotion_moves_over_and_no_request_is_lost(
    story: Story, tell: Callable[[str], None]
) -> None:
    assert story.moving.failed == []
    assert story.moving.versions() == {1, 2}
    variant = story.variants["moved over"]
    assert variant["CurrentServerlessConfig"] == {"MemorySizeInMB": 2048, "MaxConcurrency": 10}
    tell(
        f"stacks updated, and a promotion from instances to serverless: {len(story.moving.seen)} requests on {CONNECTIONS} connections, "
        f"{len(story.moving.failed)} failed"
    )


def test_the_version_before_keeps_its_instances_until_it_is_retired(story: Story) -> None:
    assert story.scaled["moved over"] == [("v1", 1, 3)]
    assert story.scaled["retired"] == []


def test_a_version_that_comes_back_has_its_instances_again_and_is_scaled(story: Story) -> None:
    assert story.variants["back"]["CurrentInstanceCount"] == 1
    assert story.scaled["back"] == [("v1", 1, 3)]
