"""An endpoint on the laptop goes the way it goes on AWS."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from botocore.config import Config
from botocore.exceptions import ClientError

from tests.local import actions
from tests.local.actions import refusal, train
from tests.local.conftest import Running, until
from tests.local.sockets import descendants, listening

SERVERLESS = {"ServerlessConfig": {"MemorySizeInMB": 2048, "MaxConcurrency": 2}}
INSTANCE = {"InstanceType": "ml.m5.large", "InitialInstanceCount": 1}


@pytest.fixture(scope="module")
def artifact(cloud: Running) -> str:
    uri: str = train(cloud, "toy-served", answer="7")["ModelArtifacts"]["S3ModelArtifacts"]
    return uri


@pytest.fixture(scope="module")
def endpoint(cloud: Running, artifact: str) -> Iterator[str]:
    """A serverless endpoint that answers."""
    create(cloud, "toy-answers", artifact)
    assert settled(cloud, "toy-answers")["EndpointStatus"] == "InService"
    yield "toy-answers"
    cloud.client("sagemaker").delete_endpoint(EndpointName="toy-answers")


def test_an_endpoint_answers_once_its_container_does(cloud: Running, endpoint: str) -> None:
    answer = invoke(cloud, endpoint)
    assert (answer["answer"], answer["version"]) == ("7", "3")


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_what_serves_opens_no_port(cloud: Running, endpoint: str) -> None:
    """Whatever is on a port, every page in the developer's browser can ask; see local/api_gateway/door.py."""
    answered = invoke(cloud, endpoint)
    cloud.client("lambda").invoke(FunctionName=cloud.outputs["Function"])
    below = descendants(cloud.pid)
    assert answered["pid"] in below
    assert [pid for pid in below if listening(pid)] == []
    assert len(listening(cloud.pid)) == 2


def test_a_new_endpoint_is_creating_and_answers_nothing_yet(cloud: Running, artifact: str, name: str) -> None:
    create(cloud, name, artifact, SERVERLESS)
    sagemaker = cloud.client("sagemaker")
    assert sagemaker.describe_endpoint(EndpointName=name)["EndpointStatus"] == "Creating"
    assert refusal(sagemaker.delete_endpoint, EndpointName=name)[0] == "ValidationException"
    assert (
        settled(cloud, name)["ProductionVariants"][0]["CurrentServerlessConfig"]
        == SERVERLESS["ServerlessConfig"]
    )
    sagemaker.delete_endpoint(EndpointName=name)
    until(lambda: "Could not find" in "".join(gone(cloud, name)))


def test_an_endpoint_on_an_instance_answers_too(cloud: Running, artifact: str, name: str) -> None:
    create(cloud, name, artifact, INSTANCE)
    assert settled(cloud, name)["ProductionVariants"][0]["CurrentInstanceCount"] == 1
    assert invoke(cloud, name)["answer"] == "7"
    cloud.client("sagemaker").delete_endpoint(EndpointName=name)


def test_a_serverless_container_can_not_be_isolated_from_the_network(
    cloud: Running, artifact: str, name: str
) -> None:
    sagemaker = cloud.client("sagemaker")
    container = {"Image": cloud.outputs["Image"], "ModelDataUrl": artifact}
    role = cloud.outputs["JobRole"]
    sagemaker.create_model(
        ModelName=name, ExecutionRoleArn=role, PrimaryContainer=container, EnableNetworkIsolation=True
    )
    serverless, on_instances = (
        {"VariantName": "AllTraffic", "ModelName": name, **hosting} for hosting in (SERVERLESS, INSTANCE)
    )
    create = sagemaker.create_endpoint_config
    refused = refusal(create, EndpointConfigName=name, ProductionVariants=[serverless])
    assert "no network isolation" in refused[1]
    create(EndpointConfigName=name, ProductionVariants=[on_instances])


def test_an_image_with_an_oci_manifest_makes_no_model(cloud: Running, artifact: str, name: str) -> None:
    # aws/amazon-sagemaker-feedback#180: CreateModel refuses what a current Docker pushes by itself
    container = {"Image": f"{cloud.outputs['Image']}-oci", "ModelDataUrl": artifact}
    create, role = cloud.client("sagemaker").create_model, cloud.outputs["JobRole"]
    code, message = refusal(create, ModelName=name, ExecutionRoleArn=role, PrimaryContainer=container)
    assert code == "ValidationException"
    assert message.startswith("Unsupported manifest media type application/vnd.oci.image.manifest.v1+json")


def test_a_container_of_another_architecture_never_answers_its_ping(
    cloud: Running, artifact: str, name: str
) -> None:
    """aws-samples/amazon-sagemaker-custom-container#3: CreateModel takes the image, and the endpoint fails."""
    sagemaker, image = cloud.client("sagemaker"), f"{cloud.outputs['Image']}-arm"
    sagemaker.create_model(
        ModelName=name,
        ExecutionRoleArn=cloud.outputs["JobRole"],
        PrimaryContainer={"Image": image, "ModelDataUrl": artifact},
    )
    variant = {"VariantName": "AllTraffic", "ModelName": name, **SERVERLESS}
    sagemaker.create_endpoint_config(EndpointConfigName=name, ProductionVariants=[variant])
    sagemaker.create_endpoint(EndpointName=name, EndpointConfigName=name)
    found = settled(cloud, name)
    assert (found["EndpointStatus"], "ping" in found["FailureReason"]) == ("Failed", True)
    sagemaker.delete_endpoint(EndpointName=name)


def test_an_unknown_endpoint_is_a_validation_error(cloud: Running) -> None:
    code, message = refusal(
        cloud.client("sagemaker-runtime").invoke_endpoint, EndpointName="nobody", Body=b"{}"
    )
    assert (code, message) == ("ValidationError", "Endpoint nobody of account 123456789012 not found.")


def test_an_error_of_the_container_is_a_model_error_with_its_answer(cloud: Running, endpoint: str) -> None:
    with pytest.raises(ClientError) as caught:
        invoke(cloud, endpoint, bad=True)
    response: Any = caught.value.response
    assert response["Error"]["Code"] == "ModelError"
    assert response["ResponseMetadata"]["HTTPStatusCode"] == 424
    assert response["OriginalStatusCode"] == 400
    assert json.loads(response["OriginalMessage"]) == {"error": "bad input"}


def test_a_container_that_dies_is_replaced(cloud: Running, endpoint: str) -> None:
    first = invoke(cloud, endpoint)["pid"]
    with pytest.raises(ClientError, match="ModelError"):
        invoke(cloud, endpoint, die=True)
    assert until(lambda: try_invoke(cloud, endpoint))["pid"] != first


def test_a_serverless_endpoint_takes_four_megabytes_and_no_more(cloud: Running, endpoint: str) -> None:
    invoke(cloud, endpoint, padding="x" * (4 * 1024 * 1024 - 100))
    with pytest.raises(ClientError, match="ValidationError"):
        invoke(cloud, endpoint, padding="x" * (4 * 1024 * 1024))


def test_a_serverless_endpoint_returns_four_megabytes_and_no_more(cloud: Running, endpoint: str) -> None:
    """Serverless Inference, SageMaker Developer Guide: 4 MB for the payload of a request and of its answer."""
    invoke(cloud, endpoint, pad=4 * 1024 * 1024 - 1000)
    with pytest.raises(ClientError, match="this endpoint returns at most 4194304"):
        invoke(cloud, endpoint, pad=4 * 1024 * 1024)


def test_a_serverless_endpoint_throttles_beyond_its_concurrency(cloud: Running, endpoint: str) -> None:
    with ThreadPoolExecutor(3) as pool:
        answers = list(pool.map(lambda _: once(cloud, endpoint, sleep=0.7), range(3)))
    assert sorted(answers) == ["ThrottlingException", "ok", "ok"]


def test_an_endpoint_whose_container_does_not_start_fails_with_the_reason(
    cloud: Running, artifact: str, name: str
) -> None:
    create(cloud, name, artifact, environment={"BROKEN": "yes"})
    failed = settled(cloud, name)
    assert failed["EndpointStatus"] == "Failed"
    assert "did not pass the ping health check" in failed["FailureReason"]
    cloud.client("sagemaker").delete_endpoint(EndpointName=name)


def test_an_endpoint_whose_role_may_not_read_the_model_fails_with_the_reason(
    cloud: Running, artifact: str, name: str
) -> None:
    with actions.without(cloud, actions.role_name(cloud.outputs["JobRole"]), "s3:GetObject"):
        create(cloud, name, artifact)
        failed = settled(cloud, name)
    assert failed["FailureReason"].startswith("Failed to download model data")


def test_an_update_serves_the_new_configuration_and_the_old_until_then(
    cloud: Running, artifact: str, name: str
) -> None:
    sagemaker = cloud.client("sagemaker")
    create(cloud, name, artifact)
    settled(cloud, name)
    configure(cloud, f"{name}-2", artifact, SERVERLESS, {"RELEARN_MODEL_VERSION": "4"})
    sagemaker.update_endpoint(EndpointName=name, EndpointConfigName=f"{name}-2")
    assert invoke(cloud, name)["version"] == "3"
    assert (
        refusal(sagemaker.update_endpoint, EndpointName=name, EndpointConfigName=name)[0]
        == "ValidationException"
    )
    assert settled(cloud, name)["EndpointConfigName"] == f"{name}-2"
    assert invoke(cloud, name)["version"] == "4"
    sagemaker.delete_endpoint(EndpointName=name)


def test_a_configuration_in_use_can_not_be_deleted(cloud: Running, endpoint: str) -> None:
    code, message = refusal(cloud.client("sagemaker").delete_endpoint_config, EndpointConfigName=endpoint)
    assert code == "ValidationException"
    assert "in use" in message


def test_names_of_models_and_configurations_are_given_once(
    cloud: Running, artifact: str, endpoint: str
) -> None:
    with pytest.raises(ClientError, match="already existing model"):
        configure(cloud, endpoint, artifact, SERVERLESS, {})


def test_a_model_can_be_made_of_an_approved_package_with_more_environment(
    cloud: Running, artifact: str, name: str
) -> None:
    sagemaker = cloud.client("sagemaker")
    containers = [{"Image": cloud.outputs["Image"], "ModelDataUrl": artifact}]
    specification = {
        "Containers": containers,
        "SupportedContentTypes": ["application/json"],
        "SupportedResponseMIMETypes": ["application/json"],
    }
    package = sagemaker.create_model_package(
        ModelPackageGroupName="toy-group", InferenceSpecification=specification
    )
    arn = package["ModelPackageArn"]
    container = {"ModelPackageName": arn, "Environment": {"RELEARN_MODEL_VERSION": "9"}}
    model = {"ModelName": name, "ExecutionRoleArn": cloud.outputs["JobRole"], "PrimaryContainer": container}
    assert "only an approved one" in refusal(sagemaker.create_model, **model)[1]
    sagemaker.update_model_package(ModelPackageArn=arn, ModelApprovalStatus="Approved")
    sagemaker.create_model(**model)
    variant = {"VariantName": "AllTraffic", "ModelName": name, **SERVERLESS}
    sagemaker.create_endpoint_config(EndpointConfigName=name, ProductionVariants=[variant])
    sagemaker.create_endpoint(EndpointName=name, EndpointConfigName=name)
    settled(cloud, name)
    assert invoke(cloud, name)["version"] == "9"
    sagemaker.delete_endpoint(EndpointName=name)


def create(
    cloud: Running,
    name: str,
    artifact: str,
    hosting: actions.Record = SERVERLESS,
    environment: dict[str, str] | None = None,
) -> None:
    configure(cloud, name, artifact, hosting, environment or {"RELEARN_MODEL_VERSION": "3"})
    cloud.client("sagemaker").create_endpoint(EndpointName=name, EndpointConfigName=name)


def configure(
    cloud: Running, name: str, artifact: str, hosting: actions.Record, environment: dict[str, str]
) -> None:
    sagemaker = cloud.client("sagemaker")
    container = {"Image": cloud.outputs["Image"], "ModelDataUrl": artifact, "Environment": environment}
    sagemaker.create_model(
        ModelName=name, ExecutionRoleArn=cloud.outputs["JobRole"], PrimaryContainer=container
    )
    variant = {"VariantName": "AllTraffic", "ModelName": name, **hosting}
    sagemaker.create_endpoint_config(EndpointConfigName=name, ProductionVariants=[variant])


def settled(cloud: Running, name: str) -> actions.Record:
    """The endpoint, once it is neither Creating nor Updating."""
    sagemaker = cloud.client("sagemaker")

    def done() -> actions.Record | None:
        found: actions.Record = sagemaker.describe_endpoint(EndpointName=name)
        return found if found["EndpointStatus"] not in ("Creating", "Updating") else None

    found = until(done)
    assert found is not None
    return found


def gone(cloud: Running, name: str) -> tuple[str, str]:
    try:
        return refusal(cloud.client("sagemaker").describe_endpoint, EndpointName=name)
    except AssertionError:
        return "", ""


def invoke(cloud: Running, name: str, **body: object) -> actions.Record:
    answer = cloud.client("sagemaker-runtime").invoke_endpoint(
        EndpointName=name, ContentType="application/json", Body=json.dumps(body)
    )
    assert (answer["ContentType"], answer["InvokedProductionVariant"]) == ("application/json", "AllTraffic")
    found: actions.Record = json.load(answer["Body"])
    return found


def try_invoke(cloud: Running, name: str) -> actions.Record:
    try:
        return invoke(cloud, name)
    except ClientError:
        time.sleep(0.05)
        return {}


def once(cloud: Running, name: str, **body: object) -> str:
    """One try, without the SDK's own retries; "ok" or the error's code."""
    runtime = cloud.client("sagemaker-runtime", config=Config(retries={"total_max_attempts": 1}))
    try:
        runtime.invoke_endpoint(EndpointName=name, ContentType="application/json", Body=json.dumps(body))
    except ClientError as error:
        return str(error.response["Error"]["Code"])
    return "ok"
