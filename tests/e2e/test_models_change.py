"""A deployed stage loses a model, gets it back, gets it under another name, and gets stacks for its models."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from local.deploy import DeployError
from tests.e2e.client import ENDS, Stage, csv_bytes, rows
from tests.e2e.clouds import cloud_of, deploy_again
from tests.e2e.flowers import MORE
from tests.limits import copies

pytestmark = [pytest.mark.e2e, pytest.mark.local, pytest.mark.long]

STAYS, GOES, RENAMED = "first", "second", "third"
LATER = {"one": (STAYS,), "again": (STAYS, GOES), "renamed": (STAYS, RENAMED)}
PARTS = ("training", "serving", "monitoring")


def app(folder: Path, *models: str, **settings: Any) -> Path:
    """Synthesise a stage whose models are copies of iris."""
    copies.synthesise(copies.make(folder, models, **settings), "local")
    return folder / "cdk.out"


def apps(folder: Path) -> Path:
    """The app of two models; below it are those that are deployed later, for the cloud knows the images of one folder."""
    first = app(folder / "both", STAYS, GOES)
    for name, models in LATER.items():
        app(folder / name, *models).rename(first / name)
    app(folder / "split", STAYS, RENAMED, model_stacks=2).rename(first / "split")
    return first


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("models")


@pytest.fixture(scope="module")
def stage(request: pytest.FixtureRequest, folder: Path) -> Iterator[Stage]:
    if request.config.getoption("--target") != "local":
        pytest.skip("deploys four times: on the laptop cloud only")
    with cloud_of(folder, apps(folder)) as running:
        for model in (STAYS, GOES):
            serves(running, model, 1)
        yield running


def serves(stage: Stage, model: str, version: int) -> None:
    stage.wait(f"version {version} of {model}", lambda: stage.live_version(model) == version)
    stage.wait(f"{model} at rest", lambda: stage.at_rest(model))
    row = {"sepal_length": 5.1, "sepal_width": 3.5, "petal_length": 1.4, "petal_width": 0.2}
    assert stage.predict(model, row)["version"] == version


def statuses(stage: Stage) -> set[str]:
    client = stage.client("cloudformation")
    stacks = [client.describe_stacks(StackName=f"relearn-local-{part}")["Stacks"][0] for part in PARTS]
    return {stack["StackStatus"] for stack in stacks}


def packages(stage: Stage, model: str) -> list[Any]:
    found: list[Any] = stage.client("sagemaker").list_model_packages(
        ModelPackageGroupName=f"relearn-local-{model}"
    )["ModelPackageSummaryList"]
    return found


def test_a_model_can_leave_come_back_as_it_was_and_be_renamed(stage: Stage, folder: Path) -> None:
    deploy_again(stage, folder / "both" / "cdk.out" / "one", folder / "scratch-1")
    assert statuses(stage) == {"UPDATE_COMPLETE"}
    assert stage.http(f"/v1/models/{GOES}")[0] == 404
    serves(stage, STAYS, 1)
    assert len(packages(stage, GOES)) == 1

    deploy_again(stage, folder / "both" / "cdk.out" / "again", folder / "scratch-2")
    assert statuses(stage) == {"UPDATE_COMPLETE"}
    serves(stage, GOES, 1)

    deploy_again(stage, folder / "both" / "cdk.out" / "renamed", folder / "scratch-3")
    assert statuses(stage) == {"UPDATE_COMPLETE"}
    serves(stage, RENAMED, 1)
    serves(stage, STAYS, 1)


def test_a_deployed_stage_gets_stacks_for_its_models_in_the_documented_steps_and_in_no_other_way(
    stage: Stage, folder: Path
) -> None:
    split, before = folder / "both" / "cdk.out" / "split", statuses(stage)
    with pytest.raises(DeployError, match="models-1-of-2"):
        deploy_again(stage, split, folder / "scratch-4")
    assert statuses(stage) == before
    serves(stage, STAYS, 1)

    deploy_again(stage, split, folder / "scratch-5", "Training")
    deploy_again(stage, split, folder / "scratch-6")
    assert statuses(stage) == {"UPDATE_COMPLETE"}
    serves(stage, STAYS, 1)
    upload = stage.put(STAYS, "more.csv", csv_bytes(list(rows(MORE))))
    run = stage.run_of(STAYS, upload, *ENDS)
    assert run["state"] != "FAILED", run["reason"]
