"""What a stage of many models needs of every limit, from stages of a few: each model adds the same."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pytest

from infra.base import staging
from tests.limits import copies, rules
from tests.limits.rules import Use

FEW, MORE = 4, 12
HELD = 110
"""What docs/concepts/ARCHITECTURE.md says; `make limits MODELS=110` synthesises so many."""


@pytest.fixture(scope="module")
def stages(tmp_path_factory: pytest.TempPathFactory) -> dict[int, dict[str, Use]]:
    """Uses of each limit by the number of models."""
    return {count: measured(tmp_path_factory.mktemp("many") / "copy", count) for count in (FEW, MORE)}


def measured(folder: Path, models: int) -> dict[str, Use]:
    copy = copies.make(folder, copies.names(models))
    return {use.limit: use for use in rules.uses(copies.synthesise(copy, "dev"))}


def needed(stages: Mapping[int, Mapping[str, Use]], limit: str, models: int) -> float:
    few, more = (stages[count][limit].found for count in (FEW, MORE))
    return few + (more - few) * (models - FEW) / (MORE - FEW)


def over(stages: Mapping[int, Mapping[str, Use]], models: int) -> set[str]:
    return {name for name, use in stages[FEW].items() if needed(stages, name, models) > use.allowed}


def test_a_stage_of_as_many_models_as_the_documents_say_stays_under_every_limit(
    stages: dict[int, dict[str, Use]],
) -> None:
    said = " ".join((staging.ROOT / "docs" / "concepts" / "ARCHITECTURE.md").read_text().split())
    assert f"holds {HELD} models" in said
    assert over(stages, HELD) == set()


def test_what_a_full_stage_meets_first_is_the_size_of_the_training_template(
    stages: dict[int, dict[str, Use]],
) -> None:
    assert over(stages, HELD + 5) == {"CloudFormation: bytes of a template in S3"}
    assert stages[MORE]["CloudFormation: bytes of a template in S3"].what == "Training"


@pytest.mark.parametrize(
    "limit",
    [
        "IAM: characters of a role's inline policies",
        "IAM: characters of a trust policy",
        "Lambda: bytes of a function's environment",
        "Lambda: bytes of a function's policy",
        "CloudWatch: alarms of a dashboard's widget",
        "SNS: bytes of a topic's policy",
        "Step Functions: bytes of a definition",
        "CloudFormation: outputs of a stack",
    ],
)
def test_what_does_not_grow_with_the_models(stages: dict[int, dict[str, Use]], limit: str) -> None:
    assert stages[FEW][limit].found == stages[MORE][limit].found


def test_the_length_of_a_value_is_that_of_what_it_becomes() -> None:
    joined = {"Fn::Join": ["", ["arn:", {"Ref": "AWS::Partition"}, ":iam::", {"Ref": "AWS::AccountId"}]]}
    assert rules.size(joined) == len("arn:aws-us-gov:iam::123456789012")
    assert rules.size({"Fn::ImportValue": "x"}) == rules.size({"Fn::GetAtt": ["Lake", "Arn"]}) == 120
    assert rules.size(["a", {"b": 1}]) == len('["a",{"b":1}]')
