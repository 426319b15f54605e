"""``relearn doctor`` says before a deploy what the account lacks, and how to get it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import httpx
import pytest
from typer.testing import CliRunner

from cli.checks import stage
from cli.checks.stage import StageSettings
from cli.commands.doctor import examine
from cli.main import app
from cli.stage.target import Choice, Target
from relearn.errors import ConfigError
from tests.support.cli_account import (
    CONCURRENCY,
    ENDPOINTS,
    NUMBER,
    SPECS,
    TRANSFORM,
    Account,
)


def doctor(*arguments: str) -> Any:
    return CliRunner().invoke(app, ["doctor", *arguments])


# the command


def test_an_account_that_can_take_the_stage_passes_every_check(aws: Account) -> None:
    result = doctor()
    assert result.exit_code == 0
    lines = result.stdout.splitlines()
    assert [line.split()[0] for line in lines] == ["ok"] * len(lines)
    assert len(lines) == 9
    assert f"account {NUMBER}" in lines[0]
    del aws


def test_what_is_lacking_fails_the_command_and_says_exactly_what_to_request(aws: Account) -> None:
    aws.own[ENDPOINTS] = 5
    result = doctor("--models", "iris", "--models", "churn")
    assert result.exit_code == 1
    (line, advice) = result.stdout.splitlines()[3:5]
    assert line == "failed  serverless endpoints: 5; needed: 6: 2 models, 3 endpoints each"
    code = "L-" + advice.split("(L-")[1].split(")")[0]
    assert advice.strip() == (
        f'→ request 6 instead of 5 of the quota "{ENDPOINTS}" ({code}) of sagemaker: aws service-quotas '
        f"request-service-quota-increase --service-code sagemaker --quota-code {code} --desired-value 6 "
        "--region eu-west-1"
    )


def test_scripts_get_the_request_as_json(aws: Account) -> None:
    aws.own[CONCURRENCY] = 10
    result = doctor("--json", "--models", "iris")
    assert result.exit_code == 1
    (failed,) = [found for found in json.loads(result.stdout) if found["status"] == "failed"]
    request = failed["request"]
    assert (request["service"], request["name"], request["current"], request["needed"]) == (
        "sagemaker",
        CONCURRENCY,
        10,
        30,
    )
    assert request["code"] in request["command"]


def test_a_warning_alone_does_not_fail_the_command(aws: Account) -> None:
    aws.own[TRANSFORM] = 0
    result = doctor()
    assert result.exit_code == 0
    assert "warning ml.m5.large for transform jobs: 0; needed: 1" in result.stdout


def test_only_the_models_that_are_named_count(aws: Account) -> None:
    aws.own[ENDPOINTS] = 3
    assert doctor("--models", "iris").exit_code == 0
    assert doctor().exit_code == 1


def test_a_model_that_is_not_there_is_one_clear_line(aws: Account) -> None:
    del aws
    result = doctor("--models", "rose")
    assert result.exit_code == 1
    assert "no model 'rose'; there are: " in result.stderr


def test_the_laptop_has_no_quotas_but_an_identity_and_a_bootstrap(
    aws: Account, monkeypatch: pytest.MonkeyPatch
) -> None:
    local = Target(
        "local", aws.target.session, "https://sts.amazonaws.com"
    )  # moto answers at any of AWS's names
    monkeypatch.setattr(local, "client", aws.target.client)
    monkeypatch.setattr(Choice, "target", lambda _: local)
    aws.denied = {"ListServiceQuotas", "GetAccountSettings", "ListEndpoints"}
    result = doctor()
    assert result.exit_code == 0
    assert [line.split(":")[0].split(maxsplit=1)[1] for line in result.stdout.splitlines()] == [
        "identity",
        "CDK bootstrap",
    ]
    assert "The laptop has no quotas" in result.stderr


# what AWS does not tell


def test_credentials_that_aws_does_not_know_end_the_examination(aws: Account) -> None:
    aws.denied = {"GetCallerIdentity"}
    (found,) = examine(aws.target, SPECS)
    assert (found.check, found.status) == ("identity", "failed")


@pytest.mark.parametrize(
    ("operation", "check", "action"),
    [
        ("GetParameter", "CDK bootstrap", "ssm:GetParameter"),
        ("ListServiceQuotas", "serverless endpoints", "servicequotas:ListServiceQuotas"),
        ("ListServiceQuotas", "instances for jobs", "servicequotas:ListServiceQuotas"),
        ("GetAccountSettings", "Lambda concurrency", "lambda:GetAccountSettings"),
    ],
)
def test_what_may_not_be_asked_is_unknown_and_names_the_action_to_allow(
    aws: Account, operation: str, check: str, action: str
) -> None:
    aws.denied = {operation}
    found = aws.finding(check)
    assert (found.status, found.advice) == ("unknown", f"allow {action} to whoever runs this")
    assert doctor().exit_code == 0


def test_what_others_hold_is_left_out_when_it_may_not_be_asked_and_that_is_said(aws: Account) -> None:
    aws.denied = {"ListEndpoints"}
    found = aws.finding("serverless endpoints")
    assert found.status == "ok"
    assert "what others hold was not counted: allow sagemaker:ListEndpoints" in found.needed


def test_a_service_that_fails_leaves_its_check_unknown_and_the_others_go_on(aws: Account) -> None:
    aws.broken = {"ListServiceQuotas"}
    statuses = {found.check: found.status for found in examine(aws.target, SPECS)}
    assert statuses["serverless endpoints"] == "unknown"
    assert statuses["Lambda concurrency"] == "ok"


# the account


@pytest.mark.parametrize(("version", "status"), [("5", "failed"), ("6", "ok"), ("28", "ok")])
def test_the_bootstrap_must_be_as_new_as_the_templates_demand(
    aws: Account, version: str, status: str
) -> None:
    aws.bootstrap(version)
    assert aws.finding("CDK bootstrap").status == status


def test_without_a_bootstrap_the_command_that_makes_it_is_told(aws: Account) -> None:
    aws.target.client("ssm").delete_parameter(Name="/cdk-bootstrap/hnb659fds/version")
    found = aws.finding("CDK bootstrap")
    assert (found.status, found.advice) == ("failed", f"npx cdk bootstrap aws://{NUMBER}/eu-west-1")


def test_a_stage_that_cdk_json_sends_elsewhere_is_not_examined_in_the_wrong_place(
    aws: Account, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(
        stage, "load_settings", lambda _: StageSettings(account="210987654321", region="us-east-1")
    )
    for key, option in (("account", "--profile"), ("region", "--region")):
        found = aws.finding(f"{key} of the stage")
        assert found.status == "failed"
        assert option in found.advice


def test_the_settings_of_a_stage_are_read_from_cdk_json(tmp_path: Path) -> None:
    file = tmp_path / "cdk.json"
    stages = {"prod": {"protect": True, "region": "eu-west-1", "predict_reserved_concurrency": 50}}
    file.write_text(json.dumps({"context": {"relearn": {"stages": stages}}}))
    assert stage.load_settings("prod", file) == StageSettings(
        region="eu-west-1", predict_reserved_concurrency=50
    )
    with pytest.raises(ConfigError, match="one of prod"):
        stage.load_settings("dev", file)


# the image


REPOSITORY = "cdk-hnb659fds-container-assets-123456789012-eu-west-1"


def deployed(aws: Account, media_type: str, *, by_digest: bool = False) -> None:
    """Push an image, and deploy a stage that names it, by its tag or by its digest."""
    ecr = aws.target.client("ecr")
    ecr.create_repository(repositoryName=REPOSITORY)
    manifest = {"schemaVersion": 2, "mediaType": media_type, "config": {"digest": "sha256:1"}, "layers": []}
    put = ecr.put_image(
        repositoryName=REPOSITORY,
        imageTag="built",
        imageManifest=json.dumps(manifest),
        imageManifestMediaType=media_type,
    )
    named = f"@{put['image']['imageId']['imageDigest']}" if by_digest else ":built"
    uri = f"{NUMBER}.dkr.ecr.eu-west-1.amazonaws.com/{REPOSITORY}{named}"
    topic = {"Type": "AWS::SNS::Topic"}
    template = {"Resources": {"Topic": topic}, "Outputs": {"TrainingImage": {"Value": uri}}}
    name = f"relearn-{aws.target.stage}-training"
    aws.target.client("cloudformation").create_stack(StackName=name, TemplateBody=json.dumps(template))


@pytest.mark.parametrize("by_digest", [False, True])
def test_an_image_that_sagemaker_takes_passes(aws: Account, *, by_digest: bool) -> None:
    deployed(aws, "application/vnd.docker.distribution.manifest.v2+json", by_digest=by_digest)
    assert aws.finding("manifest of the image").status == "ok"
    assert aws.finding("platform of the image").found == "linux/amd64"


@pytest.mark.parametrize("kind", ["manifest", "index"])
def test_an_image_with_an_oci_manifest_fails_and_says_how_to_build_it_anew(aws: Account, kind: str) -> None:
    # aws/amazon-sagemaker-feedback#180
    deployed(aws, f"application/vnd.oci.image.{kind}.v1+json")
    found = aws.finding("manifest of the image")
    assert (found.status, found.found) == ("failed", f"application/vnd.oci.image.{kind}.v1+json")
    assert (
        f"aws ecr batch-delete-image --repository-name {REPOSITORY} --image-ids imageTag=built"
        in found.advice
    )
    assert "make deploy" in found.advice


def test_an_image_of_another_architecture_fails_and_says_how_to_build_it_anew(aws: Account) -> None:
    # SageMaker's instances start no program of another architecture: aws/deep-learning-containers#1157
    deployed(aws, "application/vnd.docker.distribution.manifest.v2+json")
    aws.platform = "linux/arm64"
    found = aws.finding("platform of the image")
    assert (found.status, found.found) == ("failed", "linux/arm64")
    assert found.needed.startswith("linux/amd64")
    assert "--image-ids imageTag=built" in found.advice
    assert "make deploy" in found.advice


def test_a_configuration_that_can_not_be_read_leaves_the_platform_unknown(
    aws: Account, monkeypatch: pytest.MonkeyPatch
) -> None:
    deployed(aws, "application/vnd.docker.distribution.manifest.v2+json")

    def unreachable(_: str) -> bytes:
        raise httpx.ConnectError("no way there")

    monkeypatch.setattr("cli.checks.image.download", unreachable)
    found = aws.finding("platform of the image")
    assert (found.status, "no way there" in found.found) == ("unknown", True)
