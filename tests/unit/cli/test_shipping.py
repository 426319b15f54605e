"""One image for every stage, and the way back to what was deployed before."""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from cli.main import app
from cli.shipping import image, previous, programs
from cli.shipping.image import Image
from relearn.errors import ConfigError, RelearnError
from tests.support import docker_stand_in
from tests.support.cli_account import NUMBER, REGION, Account

REPOSITORY = f"cdk-hnb659fds-container-assets-{NUMBER}-{REGION}"
DOCKER, OCI = docker_stand_in.DOCKER, docker_stand_in.OCI


@pytest.fixture
def docker(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The stand-in for Docker on the path, and the folder that is its registry."""
    program, registry = tmp_path / "programs" / "docker", tmp_path / "registry"
    program.parent.mkdir()
    program.write_text(f'#!/bin/sh\nexec "{sys.executable}" -S "{docker_stand_in.__file__}" "$@"\n')
    program.chmod(0o755)
    monkeypatch.setenv("PATH", str(program.parent), prepend=":")
    monkeypatch.setenv("DOCKER_STAND_IN", str(registry))
    return registry


@pytest.fixture
def context(tmp_path: Path) -> Path:
    file = tmp_path / "context" / "training" / "Dockerfile"
    file.parent.mkdir(parents=True)
    file.write_text("FROM scratch\n")
    return tmp_path / "context"


def calls(registry: Path) -> list[list[str]]:
    return [json.loads(line) for line in (registry / "calls.jsonl").read_text().splitlines()]


# the image


def test_the_image_is_built_for_sagemaker_and_pushed_once(
    docker: Path, context: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in {"REGISTRY_USER": "me", "REGISTRY_PASSWORD": "pass", "GITHUB_SHA": "c0ffee"}.items():
        monkeypatch.setenv(name, value)
    told = tmp_path / "outputs"
    monkeypatch.setenv("GITHUB_OUTPUT", str(told))
    ended = CliRunner().invoke(app, ["push-image", "--context", str(context), "--to", "ghcr.io/Acme/Relearn"])
    assert ended.exit_code == 0, ended.output
    image = Image.of(ended.stdout.strip())
    assert image.repository == "ghcr.io/acme/relearn"
    assert told.read_text() == f"image={image}\n"
    (built,) = [call for call in calls(docker) if call[:2] == ["buildx", "build"]]
    assert built[built.index("--platform") + 1] == "linux/amd64"
    assert "type=image,name=ghcr.io/acme/relearn:c0ffee,push=true,oci-mediatypes=false" in built
    assert {"--provenance=false", "--sbom=false"} <= set(built)
    assert (docker / "ghcr.io.password").read_text() == "pass"
    assert not any("pass" in call for call in calls(docker))


def test_an_image_whose_manifest_sagemaker_refuses_is_not_deployed(
    docker: Path, context: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = programs.run

    def told_as_oci(command: Sequence[str], **more: Any) -> str:
        return real(command, **more).replace(DOCKER, OCI)

    monkeypatch.setattr(image, "run", told_as_oci)
    with pytest.raises(RelearnError, match=re.escape(f"manifest of {OCI}; SageMaker takes {DOCKER} alone")):
        image.build(context, "ghcr.io/acme/relearn", "latest")
    assert docker.exists()


@pytest.mark.parametrize("wrong", ["ghcr.io/acme/relearn:latest", "sha256:" + "0" * 64, "", "a@sha256:0"])
def test_only_an_image_by_its_digest_is_taken(wrong: str) -> None:
    with pytest.raises(ConfigError, match="an image by its digest"):
        Image.of(wrong)


def test_a_machine_without_docker_says_so(
    context: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    ended = CliRunner().invoke(app, ["push-image", "--context", str(context), "--to", "ghcr.io/acme/relearn"])
    assert ended.exit_code == 1
    assert "docker is not installed" in ended.output


@pytest.fixture
def copied(aws: Account, monkeypatch: pytest.MonkeyPatch) -> list[list[str]]:
    """The commands of Docker; a copy puts the manifest that it is told into the account."""
    aws.target.client("ecr").create_repository(repositoryName=REPOSITORY)
    ran: list[list[str]] = []

    def run(command: Sequence[str], **_: Any) -> str:
        ran.append(list(command))
        if "create" in command:
            manifest = MANIFEST if "--prefer-index=false" in command else json.dumps({"list": MANIFEST})
            aws.target.client("ecr").put_image(
                repositoryName=REPOSITORY,
                imageTag=command[command.index("--tag") + 1].rpartition(":")[2],
                imageManifest=manifest,
                imageManifestMediaType=DOCKER,
            )
        return ""

    monkeypatch.setattr(image, "run", run)
    return ran


MANIFEST = json.dumps(
    {"schemaVersion": 2, "mediaType": DOCKER, "config": {"digest": "sha256:1"}, "layers": []}
)


def digest_of(aws: Account, manifest: str) -> str:
    ecr = aws.target.client("ecr")
    ecr.create_repository(repositoryName="scratch")
    put = ecr.put_image(
        repositoryName="scratch", imageTag="a", imageManifest=manifest, imageManifestMediaType=DOCKER
    )
    return str(put["image"]["imageId"]["imageDigest"])


def test_a_copy_in_the_account_of_the_stage_has_the_same_digest_and_is_made_once(
    aws: Account, copied: list[list[str]]
) -> None:
    source = Image("ghcr.io/acme/relearn", digest_of(aws, MANIFEST))
    assert image.copy(aws.target, source) == source.digest
    login, create = copied
    assert login[:3] == ["docker", "login", f"{NUMBER}.dkr.ecr.{REGION}.amazonaws.com"]
    assert create[-1] == str(source)
    # `cdk gc` looks for the tag of an image in the templates, which name the digest.
    assert create[create.index("--tag") + 1].rpartition(":")[2] == source.digest.partition(":")[2]
    assert image.copy(aws.target, source) == source.digest
    assert len(copied) == 2


def test_a_copy_with_another_digest_is_refused(aws: Account, copied: list[list[str]]) -> None:
    other = Image("ghcr.io/acme/relearn", f"sha256:{'0' * 64}")
    with pytest.raises(RelearnError, match="the copy has another digest"):
        image.copy(aws.target, other)
    assert copied


def test_a_copy_of_another_architecture_is_refused_before_anything_is_deployed(
    aws: Account, copied: list[list[str]]
) -> None:
    aws.platform = "linux/arm64"
    with pytest.raises(RelearnError, match="platform of the image: linux/arm64; needed: linux/amd64"):
        image.copy(aws.target, Image("ghcr.io/acme/relearn", digest_of(aws, MANIFEST)))
    assert copied


@pytest.mark.parametrize(("platform", "code"), [("linux/amd64", 0), ("linux/arm64", 1)])
def test_the_image_of_a_deployed_stage_is_looked_at_as_the_role_that_pushes_images(
    aws: Account, platform: str, code: int
) -> None:
    ecr = aws.target.client("ecr")
    ecr.create_repository(repositoryName=REPOSITORY)
    ecr.put_image(
        repositoryName=REPOSITORY, imageTag="a", imageManifest=MANIFEST, imageManifestMediaType=DOCKER
    )
    uri = f"{NUMBER}.dkr.ecr.{REGION}.amazonaws.com/{REPOSITORY}:a"
    stack = template("new") | {"Outputs": {"TrainingImage": {"Value": uri}}}
    aws.target.client("cloudformation").create_stack(
        StackName="relearn-dev-training", TemplateBody=json.dumps(stack)
    )
    aws.platform = platform
    ended = CliRunner().invoke(app, ["check-image"])
    assert ended.exit_code == code
    assert platform in ended.output


# the templates


def deployed(aws: Account, part: str, description: str) -> None:
    cloudformation = aws.target.client("cloudformation")
    name, body = f"relearn-dev-{part}", json.dumps(template(description))
    if part in {one["StackName"].rpartition("-")[2] for one in cloudformation.describe_stacks()["Stacks"]}:
        cloudformation.update_stack(StackName=name, TemplateBody=body)
    else:
        cloudformation.create_stack(StackName=name, TemplateBody=body)


def template(description: str) -> dict[str, Any]:
    return {"Description": description, "Resources": {"Topic": {"Type": "AWS::SNS::Topic"}}}


@pytest.fixture
def kept(aws: Account, tmp_path: Path) -> Path:
    """The templates of a stage of two stacks, which was deployed anew since."""
    for part in ("data", "training"):
        deployed(aws, part, "old")
    folder = tmp_path / "previous"
    assert previous.keep(aws.target, folder) == ["relearn-dev-data", "relearn-dev-training"]
    for part in ("data", "training"):
        deployed(aws, part, "new")
    return folder


def test_stacks_of_models_are_kept_too_and_go_before_what_needs_them(aws: Account, tmp_path: Path) -> None:
    split = template("split")
    outputs = {"ModelStacks": {"Value": "2"}}
    client = aws.target.client("cloudformation")
    for part, more in (
        ("data", {}),
        ("training", {"Outputs": outputs}),
        ("models-1-of-2", {}),
        ("models-2-of-2", {}),
    ):
        client.create_stack(StackName=f"relearn-dev-{part}", TemplateBody=json.dumps(split | more))
    client.create_stack(StackName="relearn-dev-models-1-of-3", TemplateBody=json.dumps(split))
    assert previous.keep(aws.target, tmp_path / "previous") == [
        "relearn-dev-data",
        "relearn-dev-models-1-of-2",
        "relearn-dev-models-2-of-2",
        "relearn-dev-training",
    ]


def test_what_is_kept_is_an_assembly_that_the_bootstrap_roles_deploy(kept: Path) -> None:
    assembly = json.loads((kept / "manifest.json").read_text())["artifacts"]
    stack = assembly["relearn-dev-data"]["properties"]
    assert json.loads((kept / stack["templateFile"]).read_text()) == template("old")
    assert ":role/cdk-hnb659fds-deploy-role-" in stack["assumeRoleArn"]
    files = json.loads((kept / assembly["relearn-dev-data.assets"]["properties"]["file"]).read_text())[
        "files"
    ]
    (file,) = files.values()
    assert stack["stackTemplateAssetObjectUrl"].endswith("/" + file["destinations"]["own"]["objectKey"])


def test_stacks_are_put_back_in_the_order_that_cloudformation_takes(aws: Account, kept: Path) -> None:
    tried: list[str] = []

    def deploy(folder: Path, stack: str) -> bool:
        tried.append(stack)
        if stack == "relearn-dev-training" and tried == [stack]:
            return False  # it imports what the stack of before exports
        body = (folder / f"{stack}.template.json").read_text()
        aws.target.client("cloudformation").update_stack(StackName=stack, TemplateBody=body)
        return True

    said: list[str] = []
    assert previous.put_back(aws.target, kept, say=said.append, deploy=deploy)
    assert tried == ["relearn-dev-training", "relearn-dev-data", "relearn-dev-training"]
    assert said == ["tried again, after the others: relearn-dev-training"]


def test_stacks_that_can_not_be_put_back_are_named(aws: Account, kept: Path) -> None:
    with pytest.raises(RelearnError, match="could not be put back: relearn-dev-training, relearn-dev-data"):
        previous.put_back(aws.target, kept, say=print, deploy=lambda *_: False)


def test_a_stack_that_does_not_have_the_template_of_before_is_named(aws: Account, kept: Path) -> None:
    with pytest.raises(RelearnError, match="stack relearn-dev-data does not have the template of before"):
        previous.put_back(aws.target, kept, say=print, deploy=lambda *_: True)


def test_a_stage_that_was_not_deployed_before_can_not_be_put_back(aws: Account, tmp_path: Path) -> None:
    with pytest.raises(RelearnError, match="nothing was kept before the deployment"):
        previous.put_back(aws.target, tmp_path, say=print)
    assert previous.keep(aws.target, tmp_path) == []
    with pytest.raises(RelearnError, match="stage dev was not deployed before"):
        previous.put_back(aws.target, tmp_path, say=print)
