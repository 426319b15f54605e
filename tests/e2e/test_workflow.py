"""The workflow's own commands deploy one image to two accounts, and put prod back when its verification fails."""

from __future__ import annotations

import base64
import json
import os
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import boto3
import pytest

from infra.stacks.ci import ISSUER
from tests.e2e.client import Stage
from tests.e2e.clouds import LOCAL, ROOT, cloud_of
from tests.support import docker_stand_in
from tests.support.workflow import Ran, Runner

pytestmark = [pytest.mark.e2e, pytest.mark.local, pytest.mark.long]

ACCOUNTS = {"dev": "111111111111", "prod": "222222222222"}
REGION = "us-east-1"
OWN = ("cdk.json", "build", "cdk.out", ".relearn", ".git")
"""What the checkout has for itself; all else is the repository's."""


class Pipeline:
    """A checkout, the stand-in for Docker, and an account with a first deployment for each stage."""

    def __init__(self, folder: Path, clouds: ExitStack) -> None:
        self.registry = folder / "registry"
        self.checkout = _checkout(folder / "checkout")
        self.configure()
        programs = folder / "programs"
        programs.mkdir()
        (programs / "docker").write_text(
            f'#!/bin/sh\nexec "{sys.executable}" "{docker_stand_in.__file__}" "$@"\n'
        )
        (programs / "docker").chmod(0o755)
        kept = {
            key: value
            for key, value in os.environ.items()
            if not key.startswith(("AWS_", "RELEARN_", "MAKE"))
        }
        self.environment = {
            **kept,
            "PATH": f"{programs}:{os.environ['PATH']}",
            "DOCKER_STAND_IN": str(self.registry),
            "RELEARN_LOCAL": "1",
            "AWS_CONFIG_FILE": os.devnull,
            "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
            "CDK_DISABLE_CLI_TELEMETRY": "true",
        }
        self.stages = {stage: self._first_deployment(folder, stage, clouds) for stage in ACCOUNTS}

    def configure(self, **prods: object) -> None:
        """Write cdk.json; ``prods`` are settings of prod that are changed."""
        known = json.loads((ROOT / "cdk.json").read_text())
        quick = known["context"]["relearn"]["stages"]["local"]
        own = {
            stage: {
                **quick,
                "account": account,
                "region": REGION,
                "github_repository": "acme/relearn",
                "github_provider": "existing",
            }
            for stage, account in ACCOUNTS.items()
        }
        own["prod"] |= {"protect": True, **prods}
        known["context"]["relearn"]["stages"] = own
        (self.checkout / "cdk.json").write_text(json.dumps(known))

    def run(self, *jobs: str) -> dict[str, Ran]:
        """Run jobs of the workflow as a push to main does."""
        runner = Runner(
            file=ROOT / ".github" / "workflows" / "deploy.yml",
            checkout=self.checkout,
            environment=self.environment,
            known={
                "github.repository": "acme/Relearn",
                "github.actor": "somebody",
                "github.token": "token",
                "vars.DEPLOY_ROLE": "of the environment",
                "vars.AWS_REGION": REGION,
                **self.known,
            },
            actions={"aws-actions/configure-aws-credentials": self._credentials},
        )
        ran = {name: runner.job(name) for name in jobs}
        self.known = {key: value for key, value in runner.known.items() if key.startswith("needs.")}
        return ran

    known: Mapping[str, str] = {}

    def templates(self, stage: str) -> dict[str, str]:
        client = self.stages[stage].client("cloudformation")
        names = [f"relearn-{stage}-{part}" for part in ("data", "training", "serving", "monitoring", "ci")]
        return {
            name: json.dumps(client.get_template(StackName=name)["TemplateBody"], sort_keys=True)
            for name in names
        }

    def image(self, stage: str) -> str:
        """The image that a stage runs."""
        stacks = (
            self.stages[stage].client("cloudformation").describe_stacks(StackName=f"relearn-{stage}-training")
        )
        outputs = {one["OutputKey"]: one["OutputValue"] for one in stacks["Stacks"][0]["Outputs"]}
        return str(outputs["TrainingImage"])

    def _first_deployment(self, folder: Path, stage: str, clouds: ExitStack) -> Stage:
        """Deploy as a person does before the first push: it makes the role that GitHub takes."""
        app, own = folder / f"cdk.{stage}", folder / stage
        own.mkdir()
        subprocess.run(
            ["npx", "--no-install", "cdk", "synth", "--quiet", "-c", f"stage={stage}", "-o", str(app)],
            cwd=self.checkout, env=self.environment, check=True,
        )  # fmt: skip
        options = ["--account", ACCOUNTS[stage], "--images", str(self.registry)]
        return clouds.enter_context(cloud_of(own, app, (*LOCAL, *options)))

    def _credentials(self, job: Mapping[str, Any], given: Mapping[str, str]) -> Mapping[str, str]:
        """Stand in for configure-aws-credentials: take the role with the token that GitHub gives such a job."""
        stage = self.stages[job["environment"]]
        claims = {
            "iss": f"https://{ISSUER}",
            "aud": "sts.amazonaws.com",
            "sub": f"repo:acme/relearn:environment:{job['environment']}",
            "ref": "refs/heads/main",
        }
        token = ".".join(
            base64.urlsafe_b64encode(json.dumps(one).encode()).decode() for one in ({}, claims, {})
        )
        sts: Any = boto3.client(
            "sts",
            endpoint_url=stage.endpoint_url,
            region_name=REGION,
            aws_access_key_id="nobody",
            aws_secret_access_key="nobody",
        )
        keys = sts.assume_role_with_web_identity(
            RoleArn=stage.outputs["DeployRole"],
            RoleSessionName="GitHubActions",
            WebIdentityToken=token,
            DurationSeconds=int(given["role-duration-seconds"]),
        )["Credentials"]
        assert stage.described_by is not None
        about = json.loads(stage.described_by.read_text())
        about |= {
            "access_key_id": keys["AccessKeyId"],
            "secret_access_key": keys["SecretAccessKey"],
            "session_token": keys["SessionToken"],
        }
        description = self.checkout / ".relearn" / "local.json"
        description.parent.mkdir(exist_ok=True)
        description.write_text(json.dumps(about))
        return {
            "AWS_ENDPOINT_URL": str(stage.endpoint_url),
            "AWS_ACCESS_KEY_ID": keys["AccessKeyId"],
            "AWS_SECRET_ACCESS_KEY": keys["SecretAccessKey"],
            "AWS_SESSION_TOKEN": keys["SessionToken"],
            "AWS_REGION": given["aws-region"],
            "AWS_DEFAULT_REGION": given["aws-region"],
        }


def _checkout(folder: Path) -> Path:
    folder.mkdir()
    for path in ROOT.iterdir():
        if path.name not in OWN:
            (folder / path.name).symlink_to(path)
    (folder / "build").mkdir()
    (folder / "build" / "layers").symlink_to(ROOT / "build" / "layers")
    return folder


@pytest.fixture(scope="module")
def pipeline(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Pipeline]:
    with ExitStack() as clouds:
        yield Pipeline(tmp_path_factory.mktemp("pipeline"), clouds)


@pytest.fixture(scope="module")
def shipped(pipeline: Pipeline) -> dict[str, Ran]:
    return pipeline.run("image", "dev", "prod")


def test_a_push_deploys_and_verifies_one_digest_in_both_accounts(
    pipeline: Pipeline, shipped: dict[str, Ran]
) -> None:
    for name, ran in shipped.items():
        assert "failure" not in ran.outcomes.values(), f"{name}:\n{ran.told}"
    digest = shipped["image"].outputs["image"].partition("@")[2]
    assert len(digest) == len("sha256:") + 64
    for stage, account in ACCOUNTS.items():
        assert shipped[stage].outcomes["make verify"] == "success"
        assert shipped[stage].outcomes["make put-back"] == "skipped"
        assert pipeline.image(stage).startswith(f"{account}.dkr.ecr.{REGION}.")
        assert pipeline.image(stage).endswith(f"@{digest}")


def test_nothing_is_built_twice(pipeline: Pipeline, shipped: dict[str, Ran]) -> None:
    assert shipped
    calls = [json.loads(line) for line in (pipeline.registry / "calls.jsonl").read_text().splitlines()]
    assert len([call for call in calls if call[:2] == ["buildx", "build"]]) == 1


def test_a_prod_that_fails_its_verification_is_put_back(pipeline: Pipeline, shipped: dict[str, Ran]) -> None:
    assert shipped
    before, image = pipeline.templates("prod"), pipeline.image("prod")
    pipeline.configure(verify=False)  # without the sandbox models no verification passes
    ran = pipeline.run("prod")["prod"]
    assert ran.outcomes == {
        "make install PYTHON=python3.14": "success",
        "make copy-image": "success",
        "make keep-previous": "success",
        'make deploy ARGS="--require-approval never"': "success",
        "make verify": "failure",
        "make put-back": "success",
    }, ran.told
    assert pipeline.templates("prod") == before
    assert pipeline.image("prod") == image
