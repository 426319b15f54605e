"""The laptop cloud as an account: who gets in, what it listens on, what its functions see."""

from __future__ import annotations

import hashlib
import json
import sys
import urllib.request
from collections.abc import Sequence
from pathlib import Path

import pytest
from botocore.exceptions import ClientError

from tests.local import actions, toy
from tests.local.actions import job_request, refusal
from tests.local.conftest import Running
from tests.local.sockets import listening


def test_a_signature_by_an_unknown_key_is_refused(cloud: Running) -> None:
    stranger = cloud.client("sagemaker", aws_access_key_id="AKIASTRANGER00000000")
    assert refusal(stranger.list_training_jobs)[0] == "UnrecognizedClientException"


def test_a_user_may_do_only_what_its_policy_allows(cloud: Running, name: str) -> None:
    iam = cloud.client("iam")
    iam.create_user(UserName=name)
    keys = iam.create_access_key(UserName=name)["AccessKey"]
    user = cloud.client(
        "sagemaker", aws_access_key_id=keys["AccessKeyId"], aws_secret_access_key=keys["SecretAccessKey"]
    )
    code, message = refusal(user.create_training_job, **job_request(cloud, name))
    assert (code, "sagemaker:CreateTrainingJob" in message) == ("AccessDeniedException", True)
    jobs = f"arn:aws:sagemaker:us-east-1:123456789012:training-job/{name}"
    grants = [{"Effect": "Allow", "Action": "sagemaker:*", "Resource": jobs}]
    allow(iam, name, grants)
    assert "iam:PassRole" in refusal(user.create_training_job, **job_request(cloud, name))[1]
    condition = {"StringEquals": {"iam:PassedToService": "sagemaker.amazonaws.com"}}
    role = cloud.outputs["JobRole"]
    allow(
        iam,
        name,
        [*grants, {"Effect": "Allow", "Action": "iam:PassRole", "Resource": role, "Condition": condition}],
    )
    user.create_training_job(**job_request(cloud, name))


def test_alarms_are_looked_at_with_a_permission_on_all_of_them(cloud: Running, name: str) -> None:
    iam = cloud.client("iam")
    iam.create_user(UserName=name)
    keys = iam.create_access_key(UserName=name)["AccessKey"]
    user = cloud.client(
        "cloudwatch", aws_access_key_id=keys["AccessKeyId"], aws_secret_access_key=keys["SecretAccessKey"]
    )
    alarms = "arn:aws:cloudwatch:us-east-1:123456789012:alarm"
    looks = {"Effect": "Allow", "Action": "cloudwatch:DescribeAlarms"}
    allow(iam, name, [{**looks, "Resource": f"{alarms}:{name}*"}])
    assert refusal(user.describe_alarms, AlarmNamePrefix=name)[0] == "AccessDeniedException"
    allow(iam, name, [{**looks, "Resource": f"{alarms}:*"}])
    assert user.describe_alarms(AlarmNamePrefix=name)["MetricAlarms"] == []


def test_setting_tags_needs_its_own_permission(cloud: Running, name: str) -> None:
    tagged = {**job_request(cloud, name), "Tags": [{"Key": "a", "Value": "b"}]}
    role = cloud.outputs["MachineRole"]
    task = {
        "Type": "Task", "Resource": "arn:aws:states:::sagemaker:createTrainingJob.sync", "Parameters": tagged, "End": True,
    }  # fmt: skip
    client = cloud.client("stepfunctions")
    machine = client.create_state_machine(
        name=name,
        roleArn=f"arn:aws:iam::123456789012:role/{role}",
        definition=json.dumps({"StartAt": "A", "States": {"A": task}}),
    )["stateMachineArn"]
    arn = client.start_execution(stateMachineArn=machine)["executionArn"]
    assert "sagemaker:AddTags" in actions.outcome(cloud, arn)["cause"]


def test_a_role_that_does_not_trust_sagemaker_can_not_be_given_to_a_job(cloud: Running, name: str) -> None:
    request = job_request(cloud, name)
    request["RoleArn"] = f"arn:aws:iam::123456789012:role/{cloud.outputs['MachineRole']}"
    assert "Could not assume role" in refusal(cloud.client("sagemaker").create_training_job, **request)[1]


def test_an_operation_that_is_not_there_is_refused_by_name(cloud: Running) -> None:
    code, message = refusal(cloud.client("sagemaker").list_notebook_instances)
    assert code == "ValidationException"
    assert "ListNotebookInstances is not part of the laptop cloud" in message


def test_loopback_counts_as_tls(cloud: Running) -> None:
    bucket = cloud.outputs["Bucket"]
    cloud.client("s3").put_object(Bucket=bucket, Key="over-tls", Body=b"x")
    assert "aws:SecureTransport" in cloud.client("s3").get_bucket_policy(Bucket=bucket)["Policy"]


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_nothing_listens_beyond_loopback(cloud: Running) -> None:
    assert [address.partition(":")[0] for address in listening(cloud.pid)] == ["0100007F", "0100007F"]


def test_a_function_can_import_its_code_its_layers_packages_and_boto3_alone(cloud: Running) -> None:
    client = cloud.client("lambda")
    seen = json.load(client.invoke(FunctionName=cloud.outputs["Function"])["Payload"])
    # packaging stands for a package of the layer that is installed here too; the layer's own files are not used.
    assert seen["modules"] == ["boto3", "index", "packaging"]


def test_a_function_does_not_see_the_developers_environment(cloud: Running) -> None:
    seen = json.load(cloud.client("lambda").invoke(FunctionName=cloud.outputs["Function"])["Payload"])
    assert not {"PYTHONPATH", "PYTHONDONTWRITEBYTECODE", "AWS_PROFILE", "PYTEST_CURRENT_TEST"} & set(
        seen["environment"]
    )


def test_the_image_is_in_the_registry_without_docker(cloud: Running, assembly: Path) -> None:
    ecr = cloud.client("ecr")
    repository = "cdk-hnb659fds-container-assets-123456789012-us-east-1"
    tag = toy.image_tag(assembly)
    (image,) = ecr.describe_images(repositoryName=repository, imageIds=[{"imageTag": tag}])["imageDetails"]
    assert image["imageTags"] == [tag]
    assert cloud.outputs["Image"].endswith(f"/{repository}:{tag}")


def test_registry_permissions_are_for_the_named_repository(cloud: Running, name: str) -> None:
    iam = cloud.client("iam")
    iam.create_user(UserName=name)
    keys = iam.create_access_key(UserName=name)["AccessKey"]
    repository = "cdk-hnb659fds-container-assets-123456789012-us-east-1"
    arn = f"arn:aws:ecr:us-east-1:123456789012:repository/{repository}"
    allow(iam, name, [{"Effect": "Allow", "Action": "ecr:DescribeRepositories", "Resource": arn}])
    user = cloud.client(
        "ecr", aws_access_key_id=keys["AccessKeyId"], aws_secret_access_key=keys["SecretAccessKey"]
    )
    user.describe_repositories(repositoryNames=[repository])
    with pytest.raises(ClientError, match="AccessDenied"):
        user.describe_repositories(repositoryNames=["another"])


@pytest.mark.parametrize(("image", "platform"), [("", "linux/amd64"), ("-arm", "linux/arm64")])
def test_the_registry_has_the_configuration_that_the_asset_asks_for(
    cloud: Running, image: str, platform: str
) -> None:
    """GetDownloadUrlForLayer gives links to layers and configurations that an image refers to (ECR API reference)."""
    ecr, (place, _, tag) = cloud.client("ecr"), cloud.outputs["Image"].rpartition(":")
    named = {"repositoryName": place.partition("/")[2]}
    (found,) = ecr.batch_get_image(**named, imageIds=[{"imageTag": tag + image}])["images"]
    digest = json.loads(found["imageManifest"])["config"]["digest"]
    url = ecr.get_download_url_for_layer(**named, layerDigest=digest)["downloadUrl"]
    with urllib.request.urlopen(url) as answer:  # noqa: S310 - an address of this cloud
        content = answer.read()
    about = json.loads(content)
    assert f"{about['os']}/{about['architecture']}" == platform
    assert digest == f"sha256:{hashlib.sha256(content).hexdigest()}"
    with pytest.raises(ClientError, match="LayersNotFoundException"):
        ecr.get_download_url_for_layer(**named, layerDigest=f"sha256:{'0' * 64}")


def allow(iam: object, user: str, statements: Sequence[object]) -> None:
    document = json.dumps({"Version": "2012-10-17", "Statement": statements})
    iam.put_user_policy(UserName=user, PolicyName="grants", PolicyDocument=document)  # type: ignore[attr-defined]
