"""A stage of many models: what is of one model alone goes into stacks of its own, and nothing else changes."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest

from relearn.naming import resources
from tests.infra.synthesis import Synthesised, synthesise, text
from training import catalog

COUNT = 2
STACKS = ("Models1", "Models2")
KINDS = ("job", "endpoint", "exp")


@pytest.fixture(scope="module")
def split(tmp_path_factory: pytest.TempPathFactory) -> Synthesised:
    return synthesise(tmp_path_factory.mktemp("split"), "dev", model_stacks=COUNT)


@pytest.fixture(scope="module")
def on_spark(tmp_path_factory: pytest.TempPathFactory) -> Synthesised:
    """One model, in the second stack, whose features are made on Spark."""
    folder = tmp_path_factory.mktemp("split-spark")
    return synthesise(folder, "dev", ["churn"], model_stacks=COUNT, features_engine="spark")


def written(value: Any) -> Any:
    """A value with its references as text, however they are made."""
    if isinstance(value, list):
        return [written(one) for one in value]
    if isinstance(value, dict) and not next(iter(value), "").startswith(("Ref", "Fn::")):
        return {key: written(one) for key, one in value.items()}
    return text(value)


def of_models(stage: Synthesised, *parts: str) -> dict[str, Any]:
    """What the roles that are of one model are, by their names."""
    return {
        name: written(role)
        for role in stage.properties("AWS::IAM::Role", *parts)
        if (name := text(role.get("RoleName", ""))).startswith(
            tuple(f"relearn-dev-{kind}-" for kind in KINDS)
        )
    }


def without_order(template: dict[str, Any]) -> Iterator[tuple[str, Any]]:
    """Resources by logical id, but for what they wait for."""
    for logical_id, resource in template["Resources"].items():
        yield logical_id, {key: value for key, value in resource.items() if key != "DependsOn"}


def test_the_roles_are_what_they_were_in_the_stack_of_training(dev: Synthesised, split: Synthesised) -> None:
    moved = of_models(split, *STACKS)
    assert len(moved) == len(KINDS) * len(catalog.load())
    assert moved == of_models(dev, "Training")
    assert of_models(split, "Training") == {}


def test_each_model_is_in_the_stack_that_its_name_says(split: Synthesised) -> None:
    for part, stack in zip(resources.model_parts(COUNT), STACKS, strict=True):
        models = {name.rpartition("-")[2] for name in of_models(split, stack)}
        assert models == {name for name in catalog.load() if resources.model_part(name, COUNT) == part}


def test_nothing_else_of_the_stage_changes(dev: Synthesised, split: Synthesised) -> None:
    for part in ("Data", "Serving", "Monitoring"):
        assert split.templates[part] == dev.templates[part]
    moved = {k for stack in STACKS for k in split.templates[stack]["Resources"]}
    stayed = {k: r for k, r in without_order(dev.templates["Training"]) if k not in moved}
    assert dict(without_order(split.templates["Training"])) == stayed
    outputs = split.templates["Training"]["Outputs"]
    assert outputs.pop("ModelStacks") == {"Value": str(COUNT)}
    assert outputs == dev.templates["Training"]["Outputs"]


def test_a_model_has_its_roles_before_what_passes_them_is_deployed(split: Synthesised) -> None:
    manifest = json.loads((split.folder / "manifest.json").read_text())["artifacts"]
    assert set(STACKS) < set(manifest["Training"]["dependencies"])
    for stack in STACKS:
        assert "Data" in manifest[stack]["dependencies"]
        assert not {"Training", "Serving"} & set(manifest[stack]["dependencies"])


def test_the_stacks_say_how_many_they_are(split: Synthesised) -> None:
    manifest = json.loads((split.folder / "manifest.json").read_text())["artifacts"]
    named = [manifest[stack]["properties"]["stackName"] for stack in STACKS]
    assert named == ["relearn-dev-models-1-of-2", "relearn-dev-models-2-of-2"]


def test_a_job_on_spark_is_beside_the_models_roles(on_spark: Synthesised) -> None:
    (job,) = on_spark.properties("AWS::Glue::Job", "Models2")
    assert job["Name"] == "relearn-dev-features-churn"
    assert not on_spark.resources("AWS::Glue::Job", "Training")
    definition = text(on_spark.machine("retrain")["DefinitionString"])
    assert "States.Format('relearn-dev-features-{}', $.model)" in definition
    (role,) = (k for k in on_spark.resources("AWS::IAM::Role", "Training") if k.startswith("RetrainRole"))
    allowed = json.dumps(on_spark.templates["Training"]["Resources"][role]["Properties"]["Policies"])
    assert ":job/relearn-dev-features-*" in allowed


def test_a_stack_that_no_model_falls_to_is_still_one_that_cloudformation_takes(on_spark: Synthesised) -> None:
    (empty,) = on_spark.templates["Models1"]["Resources"].values()
    assert empty["Type"] == "AWS::CloudFormation::WaitConditionHandle"
