from __future__ import annotations

import re
import shlex
import subprocess
from pathlib import Path

import pytest
import yaml

from infra.base import staging
from tests.infra.synthesis import Synthesised, listed, synthesise, text

ISSUER = "token.actions.githubusercontent.com"
WORKFLOWS = staging.ROOT / ".github" / "workflows"
WORKFLOW_NAMES = ("ci.yml", "deploy.yml", "nightly.yml")


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


def test_a_repository_with_immutable_subjects_is_trusted_by_its_numbers(tmp_path: Path) -> None:
    # "Immutable subject claims" in GitHub's documentation of OpenID Connect: the default of repositories that were
    # created or renamed on or after 15 July 2026, e.g. repo:octocat@123456/my-repo@456789:ref:refs/heads/main
    found = synthesise(tmp_path, "dev", github_repository="acme@123/relearn@456")
    (role,) = found.properties("AWS::IAM::Role", "Ci")
    (trust,) = role["AssumeRolePolicyDocument"]["Statement"]
    subject = trust["Condition"]["StringEquals"][f"{ISSUER}:sub"]
    assert subject == "repo:acme@123/relearn@456:ref:refs/heads/main"


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


@pytest.mark.parametrize("name", WORKFLOW_NAMES)
def test_a_workflow_calls_what_a_person_would(name: str) -> None:
    workflow = yaml.safe_load((WORKFLOWS / name).read_text())
    commands = [step["run"] for job in workflow["jobs"].values() for step in job["steps"] if "run" in step]
    assert commands
    for command in commands:
        assert command.startswith("make ")
        assert "${{" not in command


@pytest.mark.parametrize("name", WORKFLOW_NAMES)
def test_a_workflow_runs_only_actions_of_one_commit_and_names_their_version(name: str) -> None:
    """A tag can be moved to other code; a commit cannot."""
    used = re.findall(r"uses: (.*)", (WORKFLOWS / name).read_text())
    assert used
    for action in used:
        assert re.fullmatch(r"[\w-]+/[\w-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+", action)


@pytest.mark.parametrize("name", WORKFLOW_NAMES)
def test_a_workflow_may_do_nothing_but_what_its_jobs_name(name: str) -> None:
    workflow = yaml.safe_load((WORKFLOWS / name).read_text())
    assert workflow["permissions"] == {}
    allowed = {"contents": "read"} | ({"id-token": "write"} if name == "deploy.yml" else {})
    for job in workflow["jobs"].values():
        assert job["permissions"] == allowed
        (checkout,) = [step for step in job["steps"] if step.get("uses", "").startswith("actions/checkout")]
        assert checkout["with"]["persist-credentials"] is False


BAD_WORKFLOW = """\
name: bad
on:
  workflow_dispatch:
    inputs:
      stage:
        required: true
jobs:
  deploy:
    runs-on: ubuntu-latest
    steps:
      - uses: actions/checkout@v4
      - run: make deploy STAGE=${{ inputs.stage }}
      - run: echo ${{ inputs.missing }} $(ls *.txt)
"""


def checks() -> list[list[str]]:
    """The commands of `make check` that look at workflows and scripts."""
    told = subprocess.run(
        ["make", "-n", "check"], cwd=staging.ROOT, text=True, capture_output=True, check=True
    )
    lines = [shlex.split(line) for line in told.stdout.splitlines()]
    return [line for line in lines if Path(line[0]).name in ("zizmor", "actionlint", "shellcheck")]


def test_make_check_finds_nothing_wrong_with_workflows_and_scripts() -> None:
    """zizmor audits them, actionlint checks their types and scripts, shellcheck what is run."""
    assert [Path(command[0]).name for command in checks()] == ["zizmor", "actionlint", "shellcheck"]
    for command in checks():
        subprocess.run(command, cwd=staging.ROOT, check=True)


def test_make_check_refuses_a_workflow_that_runs_what_its_caller_wrote(tmp_path: Path) -> None:
    (tmp_path / ".git").mkdir()
    folder = tmp_path / ".github" / "workflows"
    folder.mkdir(parents=True)
    (folder / "bad.yml").write_text(BAD_WORKFLOW)
    (tmp_path / ".ci").mkdir()
    (tmp_path / ".ci" / "run").write_text("#!/bin/sh\nrm -rf $1/*\n")
    (tmp_path / ".venv").symlink_to(staging.ROOT / ".venv")
    said = {}
    for command in checks():
        ended = subprocess.run(command, cwd=tmp_path, text=True, capture_output=True, check=False)
        assert ended.returncode
        said[Path(command[0]).name] = ended.stdout
    for found in ("template-injection", "unpinned-uses", "excessive-permissions", "artipacked"):
        assert f"[{found}]" in said["zizmor"]
    assert 'property "missing" is not defined' in said["actionlint"]
    assert "SC2046" in said["actionlint"]
    assert "SC2086" in said["shellcheck"]


def test_a_deploy_holds_no_stored_key() -> None:
    written = (WORKFLOWS / "deploy.yml").read_text()
    assert "id-token: write" in written
    assert "secrets." not in written
