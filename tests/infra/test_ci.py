from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from infra import assets
from tests.infra.synthesis import Synthesised, listed, synthesise, text

ISSUER = "token.actions.githubusercontent.com"
WORKFLOWS = assets.ROOT / ".github" / "workflows"


def test_no_repository_no_deploy_role(dev: Synthesised) -> None:
    assert "Ci" not in dev.templates


def test_one_branch_of_one_repository_may_take_the_deploy_role(everything: Synthesised) -> None:
    (role,) = everything.properties("AWS::IAM::Role", "Ci")
    (trust,) = role["AssumeRolePolicyDocument"]["Statement"]
    assert trust["Action"] == "sts:AssumeRoleWithWebIdentity"
    assert trust["Condition"] == {
        "StringEquals": {
            f"{ISSUER}:aud": "sts.amazonaws.com",
            f"{ISSUER}:sub": "repo:acme/relearn:ref:refs/heads/main",
        }
    }


def test_the_deploy_role_may_only_take_the_bootstrap_roles(everything: Synthesised) -> None:
    (role,) = everything.properties("AWS::IAM::Role", "Ci")
    (policy,) = role["Policies"]
    (statement,) = policy["PolicyDocument"]["Statement"]
    assert statement["Action"] == "sts:AssumeRole"
    resources = [text(resource) for resource in listed(statement["Resource"])]
    assert len(resources) == 4
    for resource in resources:
        assert ":role/cdk-hnb659fds-" in resource
        assert "*" not in resource


def test_an_account_that_trusts_github_already_gets_no_second_provider(tmp_path: Path) -> None:
    found = synthesise(tmp_path, "dev", github_repository="acme/relearn", github_provider="existing")
    assert not found.resources("AWS::IAM::OIDCProvider")
    (role,) = found.properties("AWS::IAM::Role", "Ci")
    federated = text(role["AssumeRolePolicyDocument"]["Statement"][0]["Principal"]["Federated"])
    assert federated == f"arn:<AWS::Partition>:iam::<AWS::AccountId>:oidc-provider/{ISSUER}"


@pytest.mark.parametrize("name", ["ci.yml", "deploy.yml", "nightly.yml"])
def test_a_workflow_calls_what_a_person_would(name: str) -> None:
    workflow = yaml.safe_load((WORKFLOWS / name).read_text())
    commands = [step["run"] for job in workflow["jobs"].values() for step in job["steps"] if "run" in step]
    assert commands
    for command in commands:
        assert command.startswith("make ")


def test_a_deploy_holds_no_stored_key() -> None:
    written = (WORKFLOWS / "deploy.yml").read_text()
    assert "id-token: write" in written
    assert "secrets." not in written
