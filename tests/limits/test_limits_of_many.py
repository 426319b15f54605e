"""What a stage of many models needs of every limit, from stages of a few: each model adds the same to its stacks."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from pathlib import Path

import pytest

from infra.base import staging
from relearn.naming import resources
from tests.limits import copies, rules
from tests.limits.rules import Use

FEW, MORE = 10, 20
HELD, STACKS = 300, 4
"""Models, of which every tenth runs in Lambda, and stacks of theirs: what docs/concepts/ARCHITECTURE.md says, and what
`make limits` synthesises."""
Uses = Mapping[tuple[str, str], Use]
"""The nearest thing by limit and stack."""


@pytest.fixture(scope="module")
def stages(tmp_path_factory: pytest.TempPathFactory) -> dict[int, Uses]:
    """Uses of the limits by the number of models."""
    return {count: measured(tmp_path_factory.mktemp("many") / "copy", count) for count in (FEW, MORE)}


def some(count: int) -> list[str]:
    """Return names of as many models, from each stack as many as from any other."""
    of_parts = [
        [name for name in copies.names(HELD) if resources.model_part(name, STACKS) == part]
        for part in resources.model_parts(STACKS)
    ]
    return [name for turn in zip(*of_parts, strict=False) for name in turn][:count]


def measured(folder: Path, models: int) -> Uses:
    names = some(models)
    copy = copies.make(folder, names, in_lambda=copies.every_tenth(names), model_stacks=STACKS)
    found: dict[tuple[str, str], Use] = {}
    for use in rules.every(copies.synthesise(copy, "dev")):
        key = use.limit, use.what.partition("/")[0]
        if key not in found or use.found > found[key].found:
            found[key] = use
    return found


@cache
def models_of(stack: str, models: int) -> int:
    """How many of the models a stack has something of its own for."""
    parts = {f"Models{number}": part for number, part in enumerate(resources.model_parts(STACKS), 1)}
    names = some(models) if models in (FEW, MORE) else copies.names(models)
    return sum(stack not in parts or resources.model_part(name, STACKS) == parts[stack] for name in names)


def needed(stages: Mapping[int, Uses], key: tuple[str, str], models: int) -> float:
    few, more = (stages[count][key].found for count in (FEW, MORE))
    of_few, of_more, of_all = (models_of(key[1], count) for count in (FEW, MORE, models))
    return few + (more - few) * (of_all - of_few) / (of_more - of_few)


def over(stages: Mapping[int, Uses], models: int) -> set[str]:
    return {
        f"{limit}, {stack}"
        for (limit, stack), use in stages[FEW].items()
        if needed(stages, (limit, stack), models) > use.allowed
    }


def test_a_stage_of_as_many_models_as_the_documents_say_stays_under_every_limit(
    stages: dict[int, Uses],
) -> None:
    said = " ".join((staging.ROOT / "docs" / "concepts" / "ARCHITECTURE.md").read_text().split())
    assert f"{HELD} models, every tenth of them in Lambda, in {STACKS} stacks" in said
    assert over(stages, HELD) == set()


def test_what_a_full_stage_meets_first_are_the_roles_that_an_account_has_unless_it_asks_for_more(
    stages: dict[int, Uses],
) -> None:
    assert over(stages, HELD + 20) == {f"IAM: roles of an account (adjustable), {rules.ACCOUNT}"}


@pytest.mark.parametrize(
    "limit",
    [
        "IAM: characters of a role's inline policies",
        "IAM: characters of a trust policy",
        "Lambda: bytes of a function's environment",
        "Lambda: bytes of a function's policy",
        "CloudWatch: alarms of a dashboard's widget",
        "CloudWatch: widgets of a dashboard",
        "SNS: bytes of a topic's policy",
        "Step Functions: bytes of a definition",
        "CloudFormation: outputs of a stack",
        "EventBridge: rules of a bus (adjustable)",
    ],
)
def test_what_does_not_grow_with_the_models(stages: dict[int, Uses], limit: str) -> None:
    few, more = (
        {key: use.found for key, use in stages[count].items() if key[0] == limit} for count in (FEW, MORE)
    )
    assert few
    assert few == more


def test_the_length_of_a_value_is_that_of_what_it_becomes() -> None:
    joined = {"Fn::Join": ["", ["arn:", {"Ref": "AWS::Partition"}, ":iam::", {"Ref": "AWS::AccountId"}]]}
    assert rules.size(joined) == len("arn:aws-us-gov:iam::123456789012")
    assert rules.size({"Fn::ImportValue": "x"}) == rules.size({"Fn::GetAtt": ["Lake", "Arn"]}) == 120
    assert rules.size(["a", {"b": 1}]) == len('["a",{"b":1}]')
