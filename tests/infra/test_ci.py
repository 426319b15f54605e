from __future__ import annotations

import re
import shlex
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from infra.base import staging
from infra.base.functions import RUNTIME
from infra.stacks.ci import SESSION_HOURS
from relearn.naming import sandbox
from tests.infra.conftest import PLACE
from tests.infra.synthesis import Synthesised, listed, statements, synthesise, text

ISSUER = "token.actions.githubusercontent.com"
WORKFLOWS = staging.ROOT / ".github" / "workflows"
WORKFLOW_NAMES = ("ci.yml", "deploy.yml", "nightly.yml")
STAGES = ("dev", "prod")
MORE_PERMISSIONS = {
    "image": {"packages": "write"},
    **{stage: {"packages": "read", "id-token": "write"} for stage in STAGES},
}


def test_no_repository_no_deploy_role(dev: Synthesised) -> None:
    assert "Ci" not in dev.templates


def test_the_environment_of_the_stage_on_one_branch_of_one_repository_may_take_the_deploy_role(
    everything: Synthesised,
) -> None:
    # A job in an environment has it in its token's subject instead of the branch: "Example subject claims" in GitHub's
    # documentation. STS takes the claim `ref` as a condition of its own since January 2026.
    (role,) = everything.properties("AWS::IAM::Role", "Ci")
    (trust,) = role["AssumeRolePolicyDocument"]["Statement"]
    assert trust["Action"] == "sts:AssumeRoleWithWebIdentity"
    assert trust["Condition"] == {
        "StringEquals": {
            f"{ISSUER}:aud": "sts.amazonaws.com",
            f"{ISSUER}:sub": "repo:acme/relearn:environment:dev",
            f"{ISSUER}:ref": "refs/heads/main",
        }
    }


def test_a_repository_with_immutable_subjects_is_trusted_by_its_numbers(tmp_path: Path) -> None:
    # "Immutable subject claims" in GitHub's documentation of OpenID Connect: the default of repositories that were
    # created or renamed on or after 15 July 2026, e.g. repo:octocat@123456/my-repo@456789:environment:prod
    found = synthesise(tmp_path, "dev", ["iris"], **PLACE, github_repository="acme@123/relearn@456")
    (role,) = found.properties("AWS::IAM::Role", "Ci")
    (trust,) = role["AssumeRolePolicyDocument"]["Statement"]
    subject = trust["Condition"]["StringEquals"][f"{ISSUER}:sub"]
    assert subject == "repo:acme@123/relearn@456:environment:dev"


def test_the_deploy_role_may_take_the_bootstrap_roles_and_no_other(everything: Synthesised) -> None:
    taking = [s for _, s in statements(everything) if "sts:AssumeRole" in listed(s["Action"])]
    (statement,) = taking
    assert statement["Action"] == "sts:AssumeRole"
    resources = [text(resource) for resource in listed(statement["Resource"])]
    assert len(resources) == 4
    for resource in resources:
        assert ":role/cdk-hnb659fds-" in resource
        assert "*" not in resource


def test_the_deploy_role_touches_data_of_the_sandbox_models_alone(everything: Synthesised) -> None:
    (role,) = everything.resources("AWS::IAM::Role", "Ci")
    own = [statement for owner, statement in statements(everything) if owner == role]
    folders = [
        text(resource).rpartition("/")[0].split("/", 1)[1]
        for statement in own
        if "s3:GetObject" in listed(statement["Action"])
        for resource in listed(statement["Resource"])
    ]
    assert folders
    assert {folder.rpartition("/")[2] for folder in folders} == set(sandbox.MODELS)
    (table,) = [statement for statement in own if "dynamodb:Query" in listed(statement["Action"])]
    keys = table["Condition"]["ForAllValues:StringLike"]["dynamodb:LeadingKeys"]
    assert {key.split("#")[1] for key in keys} == set(sandbox.MODELS)


def test_an_account_that_trusts_github_already_gets_no_second_provider(tmp_path: Path) -> None:
    found = synthesise(
        tmp_path, "dev", ["iris"], **PLACE, github_repository="acme/relearn", github_provider="existing"
    )
    assert not found.resources("AWS::IAM::OIDCProvider")
    (role,) = found.properties("AWS::IAM::Role", "Ci")
    federated = text(role["AssumeRolePolicyDocument"]["Statement"][0]["Principal"]["Federated"])
    assert federated == f"arn:aws:iam::{PLACE['account']}:oidc-provider/{ISSUER}"


def workflow(name: str) -> dict[Any, Any]:
    found: dict[Any, Any] = yaml.safe_load((WORKFLOWS / name).read_text())
    return found


def commands(job: dict[str, Any]) -> list[str]:
    return [step["run"] for step in job.get("steps", []) if "run" in step]


@pytest.mark.parametrize("name", WORKFLOW_NAMES)
def test_a_workflow_calls_what_a_person_would(name: str) -> None:
    found = [command for job in workflow(name)["jobs"].values() for command in commands(job)]
    assert found
    for command in found:
        assert command.startswith("make ")
        assert "${{" not in command


@pytest.mark.parametrize("name", WORKFLOW_NAMES)
def test_a_workflow_runs_only_actions_of_one_commit_and_names_their_version(name: str) -> None:
    """A tag can be moved to other code; a commit cannot."""
    used = re.findall(r"uses: (.*)", (WORKFLOWS / name).read_text())
    assert used
    for action in used:
        own = action == "$/.github/workflows/ci.yml"  # of the very commit that runs
        assert own or re.fullmatch(r"[\w-]+/[\w-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+", action)


@pytest.mark.parametrize("name", WORKFLOW_NAMES)
def test_a_workflow_may_do_nothing_but_what_its_jobs_name(name: str) -> None:
    found = workflow(name)
    assert found["permissions"] == {}
    for of, job in found["jobs"].items():
        more = MORE_PERMISSIONS.get(of, {}) if name == "deploy.yml" else {}
        assert job["permissions"] == {"contents": "read", **more}
        if "uses" not in job:
            (checkout,) = [s for s in job["steps"] if s.get("uses", "").startswith("actions/checkout")]
            assert checkout["with"]["persist-credentials"] is False


def test_a_push_to_main_is_tested_built_once_and_deployed_to_dev_and_then_to_prod() -> None:
    found = workflow("deploy.yml")
    assert found[True]["push"] == {"branches": ["main"]}  # YAML reads the key `on` as true
    jobs = found["jobs"]
    assert {name: job.get("needs") for name, job in jobs.items()} == {
        "test": None,
        "image": "test",
        "dev": "image",
        "prod": ["image", "dev"],
    }
    assert jobs["test"]["uses"] == "$/.github/workflows/ci.yml"
    every = [command for job in jobs.values() for command in commands(job)]
    assert [command for command in every if re.match("make image\\b", command)] == ["make image"]


def test_a_job_deploys_in_the_environment_of_its_stage_one_at_a_time() -> None:
    jobs = workflow("deploy.yml")["jobs"]
    assert {name: job["environment"] for name, job in jobs.items() if "environment" in job} == {
        stage: stage for stage in STAGES
    }
    for stage in STAGES:
        assert jobs[stage]["env"]["STAGE"] == stage
        assert jobs[stage]["concurrency"] == {"group": f"deploy-{stage}", "cancel-in-progress": False}


def test_every_stage_gets_the_digest_that_was_built() -> None:
    jobs = workflow("deploy.yml")["jobs"]
    assert jobs["image"]["outputs"] == {"image": "${{ steps.push.outputs.image }}"}
    (push,) = [step for step in jobs["image"]["steps"] if step.get("id") == "push"]
    assert push["run"] == "make image"
    for stage in STAGES:
        assert jobs[stage]["env"]["IMAGE"] == "${{ needs.image.outputs.image }}"
        assert all("IMAGE" not in step.get("env", {}) for step in jobs[stage]["steps"])


def test_a_stage_is_verified_and_put_back_when_anything_after_its_templates_were_kept_fails() -> None:
    jobs = workflow("deploy.yml")["jobs"]
    assert jobs["dev"]["steps"] == jobs["prod"]["steps"]
    assert commands(jobs["prod"]) == [
        "make install PYTHON=python3.14",
        "make copy-image",
        "make keep-previous",
        'make deploy ARGS="--require-approval never"',
        "make verify",
        "make put-back",
    ]
    conditions = {step["run"]: step["if"] for step in jobs["prod"]["steps"] if "if" in step}
    assert conditions == {
        "make put-back": "(failure() || cancelled()) && steps.previous.outcome == 'success'"
    }
    (kept,) = [step for step in jobs["prod"]["steps"] if step.get("id") == "previous"]
    assert kept["run"] == "make keep-previous"


def test_the_credentials_outlast_the_job_that_has_them() -> None:
    jobs = workflow("deploy.yml")["jobs"]
    for stage in STAGES:
        (taken,) = [step["with"] for step in jobs[stage]["steps"] if "role-to-assume" in step.get("with", {})]
        seconds = taken["role-duration-seconds"]
        assert jobs[stage]["timeout-minutes"] * 60 < seconds <= SESSION_HOURS * 3600


def test_the_role_may_be_had_as_long_as_the_workflow_asks(everything: Synthesised) -> None:
    # AssumeRoleWithWebIdentity refuses a DurationSeconds above the role's maximum, which is an hour by default
    (role,) = everything.properties("AWS::IAM::Role", "Ci")
    assert role["MaxSessionDuration"] == SESSION_HOURS * 3600


def test_what_deploys_runs_on_the_python_of_the_functions_so_that_bytecode_is_staged() -> None:
    jobs = workflow("deploy.yml")["jobs"]
    for name in ("image", *STAGES):
        (python,) = [step["with"] for step in jobs[name]["steps"] if "python-version" in step.get("with", {})]
        assert f"python{python['python-version']}" == RUNTIME.name
        assert f"make install PYTHON={RUNTIME.name}" in commands(jobs[name])


def test_a_pull_request_builds_the_image_and_runs_train_and_serve_in_it() -> None:
    found = workflow("ci.yml")
    assert "pull_request" in found[True]
    assert commands(found["jobs"]["image"])[-1] == "make image-test"


def test_a_push_to_main_does_not_build_the_image_to_test_it_too() -> None:
    found = workflow("ci.yml")
    assert set(found[True]) == {"pull_request", "workflow_call"}
    assert found["jobs"]["image"]["if"] == "github.event_name == 'pull_request'"


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
