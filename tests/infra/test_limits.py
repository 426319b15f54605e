"""Templates that CloudFormation would refuse are refused before it is asked."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from infra.base import limits
from relearn.errors import RelearnError


def written(folder: Path, *, resources: int, size: int = 0) -> Path:
    """Write a template of as many resources, and of a size in bytes when one is given."""
    template = json.dumps({"Resources": {f"R{number}": {} for number in range(resources)}})
    (folder / "Full.template.json").write_text(template.ljust(size))
    (folder / "Other.template.json").write_text("{}")
    return folder


@pytest.mark.parametrize(("resources", "size"), [(500, 0), (1, 1_000_000)])
def test_as_much_as_cloudformation_takes_passes(tmp_path: Path, resources: int, size: int) -> None:
    limits.check(written(tmp_path, resources=resources, size=size), models=7)


@pytest.mark.parametrize(
    ("resources", "size", "said"),
    [(501, 0, "501 resources in 5,917 bytes"), (1, 1_000_001, "1 resources in 1,000,001 bytes")],
)
def test_more_is_refused_with_the_stack_what_it_has_and_the_remedy(
    tmp_path: Path, resources: int, size: int, said: str
) -> None:
    with pytest.raises(RelearnError) as refused:
        limits.check(written(tmp_path, resources=resources, size=size), models=7)
    told = str(refused.value)
    assert told.startswith(f"the stack Full of a stage with 7 models has {said}")
    assert "CloudFormation takes 500 in 1,000,000: keep some of the models in a copy of this folder" in told


@pytest.mark.parametrize("name", ["Training", "Models2"])
def test_where_the_models_own_resources_are_too_many_more_stacks_are_the_remedy(
    tmp_path: Path, name: str
) -> None:
    written(tmp_path, resources=501).joinpath("Full.template.json").rename(tmp_path / f"{name}.template.json")
    with pytest.raises(
        RelearnError, match=rf"the stack {name} .*: give the models more stacks \(model_stacks"
    ):
        limits.check(tmp_path, models=7)
