"""cfn-lint and cdk-nag (AwsSolutions) over every stage; acknowledged findings are exact and reasoned."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator, Mapping
from importlib import metadata
from pathlib import Path

import pytest
from aws_cdk import App, CfnResource, Validations
from cdk_nag import AwsSolutionsChecks
from constructs import IConstruct

from infra.base import grants, staging
from tests.infra.synthesis import Synthesised, synthesise

ALL = ["dev", "laptop", "prod", "everything", "tokens", "pushed", "in_region"]
CLEAN = staging.ROOT / "build" / "cfn-lint"
"""An empty file for each template in which nothing was found, by digest."""
HASH = re.compile(r"(?<![0-9a-f])[0-9a-f]{64}(?![0-9a-f])")
Finding = tuple[str, str]


@pytest.fixture(params=ALL[:-1])
def stage(request: pytest.FixtureRequest) -> Synthesised:
    found: Synthesised = request.getfixturevalue(request.param)
    return found


def findings(app: App) -> set[Finding]:
    """Each finding of cdk-nag: path of the resource, id of the rule."""
    report = AwsSolutionsChecks().validate_scope(app)
    return {
        (str(resource.construct_path), violation.rule_name)
        for violation in report.violations
        for resource in violation.violating_resources
    }


def acknowledgements(app: App) -> Iterator[tuple[IConstruct, str, str]]:
    """Each acknowledgement: on what, of which rule, and why."""
    for node in app.node.find_all():
        for entry in node.node.metadata:
            if entry.type == Validations.ACKNOWLEDGED_RULES_METADATA_KEY:
                for rule, reason in entry.data.items():
                    yield node, rule.partition("::")[2], reason


def lint(synthesised: Synthesised) -> list[str]:
    region = synthesised.settings.region or "us-east-1"
    return [
        f"{path.name}: {finding}"
        for path in sorted(synthesised.folder.glob("*.template.json"))
        for finding in linted(path.read_text("utf-8"), region)
    ]


def covering(stages: Mapping[str, Synthesised]) -> list[tuple[str, str]]:
    """Return few templates that have every type of resource: stage and stack of each, the richest first."""
    types = {
        (name, stack): {one["Type"] for one in template["Resources"].values()}
        for name, stage in stages.items()
        for stack, template in stage.templates.items()
    }
    missing = set().union(*types.values())
    chosen: list[tuple[str, str]] = []
    while missing:
        chosen.append(max(types, key=lambda one: (len(types[one] & missing), one)))
        missing -= types[chosen[-1]]
    return chosen


def linted(template: str, region: str) -> list[str]:
    """Lint a template, unless this version of cfn-lint found nothing in it before: that takes seconds.

    The hashes of assets are names, which change with every change of the code: one stands for all of them.
    """
    template = HASH.sub("0" * 64, template)
    digest = hashlib.sha256("\n".join([metadata.version("cfn-lint"), region, template]).encode()).hexdigest()
    clean = CLEAN / digest
    if clean.exists():
        return []
    from cfnlint.api import ManualArgs  # type: ignore[import-untyped]  # noqa: PLC0415 - takes a second
    from cfnlint.api import lint as cfn_lint  # noqa: PLC0415

    found = [
        f"{match.rule.id} {match.message}"
        for match in cfn_lint(template, config=ManualArgs(regions=[region]))
    ]
    if not found:
        CLEAN.mkdir(parents=True, exist_ok=True)
        clean.touch()
    return found


def test_cfn_lint_finds_nothing_in_templates_with_every_type_of_resource(
    request: pytest.FixtureRequest,
) -> None:
    stages = {name: request.getfixturevalue(name) for name in ALL[:-1]}
    for name, stack in covering(stages):
        template = stages[name].folder / f"{stack}.template.json"
        assert linted(template.read_text("utf-8"), stages[name].settings.region or "us-east-1") == [], (
            template
        )


@pytest.mark.long
@pytest.mark.parametrize("name", ALL)
def test_cfn_lint_finds_nothing(request: pytest.FixtureRequest, name: str) -> None:
    assert lint(request.getfixturevalue(name)) == []


def test_cdk_nag_finds_nothing_that_is_not_acknowledged(stage: Synthesised) -> None:
    assert findings(stage.app) == set()


def test_cdk_nag_finds_nothing_in_other_regions(in_region: Synthesised) -> None:
    assert findings(in_region.app) == set()


def test_every_acknowledgement_is_on_one_resource_and_says_why(stage: Synthesised) -> None:
    found = list(acknowledgements(stage.app))
    assert found
    for node, rule, reason in found:
        assert CfnResource.is_cfn_resource(node), node.node.path
        assert rule.startswith("AwsSolutions-"), rule
        assert len(reason.split()) >= 5, (node.node.path, rule, reason)


def test_every_acknowledgement_answers_a_finding(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without them, cdk-nag finds exactly what they acknowledge: none is stale, none too wide."""
    acknowledged = set()

    def only_note(target: IConstruct, rule: str, _reason: str) -> None:
        resource = target if CfnResource.is_cfn_resource(target) else target.node.default_child
        assert resource is not None
        acknowledged.add((resource.node.path, rule))

    monkeypatch.setattr(grants, "acknowledge", only_note)
    bare = synthesise(tmp_path, "local")
    assert acknowledged
    assert findings(bare.app) == acknowledged
