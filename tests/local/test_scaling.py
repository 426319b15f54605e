"""Instances of an endpoint are scaled on the laptop by the rules of Application Auto Scaling, permissions included."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest

from tests.local.actions import refusal, train
from tests.local.conftest import Running, until
from tests.local.test_endpoints import SERVERLESS, configure, create, settled

TWO = {"InstanceType": "ml.m5.large", "InitialInstanceCount": 2}
PLACE = "us-east-1:123456789012"
TRACKED = {
    "PolicyType": "TargetTrackingScaling",
    "TargetTrackingScalingPolicyConfiguration": {
        "TargetValue": 500.0,
        "PredefinedMetricSpecification": {"PredefinedMetricType": "SageMakerVariantInvocationsPerInstance"},
    },
}
LINKED_SERVICE = "sagemaker.application-autoscaling.amazonaws.com"
LINKED_ROLE = f"{LINKED_SERVICE}/AWSServiceRoleForApplicationAutoScaling_SageMakerEndpoint"


def target(endpoint: str) -> dict[str, str]:
    return {
        "ServiceNamespace": "sagemaker",
        "ResourceId": f"endpoint/{endpoint}/variant/AllTraffic",
        "ScalableDimension": "sagemaker:variant:DesiredInstanceCount",
    }


@pytest.fixture(scope="module")
def artifact(cloud: Running) -> str:
    uri: str = train(cloud, "toy-scaled", answer="7")["ModelArtifacts"]["S3ModelArtifacts"]
    return uri


@pytest.fixture(scope="module")
def endpoint(cloud: Running, artifact: str) -> Iterator[str]:
    """An endpoint on two instances."""
    create(cloud, "toy-two", artifact, TWO)
    settled(cloud, "toy-two")
    yield "toy-two"
    cloud.client("sagemaker").delete_endpoint(EndpointName="toy-two")


@pytest.fixture
def scaled(cloud: Running, endpoint: str) -> Iterator[Any]:
    """A client, while the endpoint is registered between one instance and four."""
    client = cloud.client("application-autoscaling")
    client.register_scalable_target(**target(endpoint), MinCapacity=1, MaxCapacity=4)
    yield client
    if client.describe_scalable_targets(ServiceNamespace="sagemaker")["ScalableTargets"]:
        client.deregister_scalable_target(**target(endpoint))


def counts(cloud: Running, endpoint: str) -> tuple[int, int]:
    (variant,) = settled(cloud, endpoint)["ProductionVariants"]
    return variant["CurrentInstanceCount"], variant["DesiredInstanceCount"]


def test_an_endpoint_has_as_many_instances_as_its_configuration_says(cloud: Running, endpoint: str) -> None:
    assert counts(cloud, endpoint) == (2, 2)


def test_a_type_of_instance_that_does_not_exist_is_refused(cloud: Running, artifact: str, name: str) -> None:
    with pytest.raises(Exception, match=r"ml\.m5\.tiny"):
        configure(cloud, name, artifact, {**TWO, "InstanceType": "ml.m5.tiny"}, {})


@pytest.mark.parametrize(
    "hosting",
    [{"InstanceType": "ml.m5.large"}, {**SERVERLESS, "InitialInstanceCount": 1}],
    ids=["instances of no number", "a number of no instances"],
)
def test_a_number_goes_with_a_type_of_instance(
    cloud: Running, artifact: str, name: str, hosting: dict[str, Any]
) -> None:
    with pytest.raises(Exception, match="InitialInstanceCount goes with InstanceType"):
        configure(cloud, name[:40] + str(len(hosting)), artifact, hosting, {})


def test_what_is_registered_is_told_with_its_bounds(endpoint: str, scaled: Any) -> None:
    (found,) = scaled.describe_scalable_targets(
        ServiceNamespace="sagemaker", ResourceIds=[target(endpoint)["ResourceId"]]
    )["ScalableTargets"]
    assert (found["MinCapacity"], found["MaxCapacity"]) == (1, 4)
    assert found["RoleARN"].endswith(LINKED_ROLE)


def test_registering_again_changes_the_bounds_that_are_given(endpoint: str, scaled: Any) -> None:
    scaled.register_scalable_target(**target(endpoint), MaxCapacity=3)
    (found,) = scaled.describe_scalable_targets(ServiceNamespace="sagemaker")["ScalableTargets"]
    assert (found["MinCapacity"], found["MaxCapacity"]) == (1, 3)


def test_bounds_move_the_number_of_instances(cloud: Running, endpoint: str, scaled: Any) -> None:
    scaled.register_scalable_target(**target(endpoint), MinCapacity=3)
    assert counts(cloud, endpoint) == (3, 3)
    scaled.register_scalable_target(**target(endpoint), MinCapacity=1, MaxCapacity=2)
    assert counts(cloud, endpoint) == (2, 2)


def test_a_policy_needs_a_target_and_goes_with_it(endpoint: str, scaled: Any) -> None:
    policy = {**target(endpoint), "PolicyName": "tracks", **TRACKED}
    first = scaled.put_scaling_policy(**policy)["PolicyARN"]
    assert scaled.put_scaling_policy(**policy)["PolicyARN"] == first
    (found,) = scaled.describe_scaling_policies(ServiceNamespace="sagemaker")["ScalingPolicies"]
    assert found["TargetTrackingScalingPolicyConfiguration"]["TargetValue"] == 500
    scaled.deregister_scalable_target(**target(endpoint))
    assert scaled.describe_scaling_policies(ServiceNamespace="sagemaker")["ScalingPolicies"] == []
    for call, request in (
        (scaled.put_scaling_policy, policy),
        (scaled.deregister_scalable_target, target(endpoint)),
    ):
        assert refusal(call, **request)[0] == "ObjectNotFoundException"


def test_what_is_no_endpoint_on_instances_is_not_scaled(cloud: Running, artifact: str, name: str) -> None:
    client = cloud.client("application-autoscaling")
    create(cloud, name, artifact, SERVERLESS)
    settled(cloud, name)
    for endpoint in (name, "nobody"):
        code, message = refusal(
            client.register_scalable_target, **target(endpoint), MinCapacity=1, MaxCapacity=2
        )
        assert (code, f"endpoint/{endpoint}/" in message) == ("ValidationException", True)
    cloud.client("sagemaker").delete_endpoint(EndpointName=name)


def test_burstable_instances_are_not_scaled(cloud: Running, artifact: str, name: str) -> None:
    create(cloud, name, artifact, {"InstanceType": "ml.t2.medium", "InitialInstanceCount": 1})
    settled(cloud, name)
    client = cloud.client("application-autoscaling")
    refused = refusal(client.register_scalable_target, **target(name), MinCapacity=1, MaxCapacity=2)
    assert refused == (
        "ValidationException",
        "cannot register a variant with ml.t2.medium as a scalable target",
    )
    cloud.client("sagemaker").delete_endpoint(EndpointName=name)


def test_instances_that_are_scaled_keep_their_type(
    cloud: Running, artifact: str, endpoint: str, scaled: Any
) -> None:
    other = {"InstanceType": "ml.c5.large", "InitialInstanceCount": 1}
    configure(cloud, "toy-two-other", artifact, other, {"RELEARN_MODEL_VERSION": "3"})
    update = cloud.client("sagemaker").update_endpoint
    request = {"EndpointName": endpoint, "EndpointConfigName": "toy-two-other"}
    assert "must be deregistered as scalable targets" in refusal(update, **request)[1]
    scaled.deregister_scalable_target(**target(endpoint))
    update(**request)
    assert counts(cloud, endpoint) == (1, 1)
    update(EndpointName=endpoint, EndpointConfigName=endpoint)
    until(lambda: counts(cloud, endpoint) == (2, 2))


def statement(*actions: str, on: str, **equals: str) -> dict[str, Any]:
    made: dict[str, Any] = {"Effect": "Allow", "Action": list(actions), "Resource": on}
    return made | ({"Condition": {"StringEquals": equals}} if equals else {})


GRANTS = {
    "application-autoscaling:RegisterScalableTarget": statement(
        "application-autoscaling:RegisterScalableTarget",
        on=f"arn:aws:application-autoscaling:{PLACE}:scalable-target/*",
        **{
            "application-autoscaling:service-namespace": "sagemaker",
            "application-autoscaling:scalable-dimension": "sagemaker:variant:DesiredInstanceCount",
        },
    ),
    "sagemaker:DescribeEndpoint": statement(
        "sagemaker:DescribeEndpoint", on=f"arn:aws:sagemaker:{PLACE}:endpoint/toy-*"
    ),
    "sagemaker:DescribeEndpointConfig": statement(
        "sagemaker:DescribeEndpointConfig", on=f"arn:aws:sagemaker:{PLACE}:endpoint-config/toy-*"
    ),
    "sagemaker:UpdateEndpointWeightsAndCapacities": statement(
        "sagemaker:UpdateEndpointWeightsAndCapacities", on=f"arn:aws:sagemaker:{PLACE}:endpoint/toy-*"
    ),
    "cloudwatch:PutMetricAlarm": statement(
        "cloudwatch:PutMetricAlarm", on=f"arn:aws:cloudwatch:{PLACE}:alarm:TargetTracking-endpoint/toy-*"
    ),
    "cloudwatch:DeleteAlarms": statement(
        "cloudwatch:DeleteAlarms", on=f"arn:aws:cloudwatch:{PLACE}:alarm:TargetTracking-endpoint/toy-*"
    ),
    "cloudwatch:DescribeAlarms": statement(
        "cloudwatch:DescribeAlarms", on=f"arn:aws:cloudwatch:{PLACE}:alarm:*"
    ),
    "iam:CreateServiceLinkedRole": statement(
        "iam:CreateServiceLinkedRole",
        on=f"arn:aws:iam::123456789012:role/aws-service-role/{LINKED_ROLE}",
        **{"iam:AWSServiceName": LINKED_SERVICE},
    ),
}


@pytest.fixture(scope="module")
def user(cloud: Running) -> Any:
    """A client of a user who has no policy yet."""
    iam = cloud.client("iam")
    iam.create_user(UserName="scaler")
    keys = iam.create_access_key(UserName="scaler")["AccessKey"]
    return cloud.client(
        "application-autoscaling",
        aws_access_key_id=keys["AccessKeyId"],
        aws_secret_access_key=keys["SecretAccessKey"],
    )


def allow(cloud: Running, statements: list[dict[str, Any]]) -> None:
    policy = json.dumps({"Version": "2012-10-17", "Statement": statements})
    cloud.client("iam").put_user_policy(UserName="scaler", PolicyName="grants", PolicyDocument=policy)


def forget_role(cloud: Running) -> None:
    """Let it be the account's first scaled endpoint."""
    role = LINKED_ROLE.rpartition("/")[2]
    if role in [one["RoleName"] for one in cloud.client("iam").list_roles()["Roles"]]:
        cloud.client("iam").delete_service_linked_role(RoleName=role)


@pytest.mark.parametrize("lacking", GRANTS)
def test_who_lets_an_endpoint_be_scaled_needs_what_scaling_does(
    cloud: Running, endpoint: str, user: Any, lacking: str
) -> None:
    forget_role(cloud)
    request = {**target(endpoint), "MinCapacity": 1, "MaxCapacity": 4}
    allow(cloud, [grant for name, grant in GRANTS.items() if name != lacking])
    code, message = refusal(user.register_scalable_target, **request)
    denied = lacking.startswith("application-autoscaling")
    assert code == ("AccessDeniedException" if denied else "ValidationException")
    assert lacking in message
    allow(cloud, list(GRANTS.values()))
    user.register_scalable_target(**request)
    assert (
        cloud.client("iam")
        .get_role(RoleName=LINKED_ROLE.rpartition("/")[2])["Role"]["Path"]
        .endswith(f"/{LINKED_SERVICE}/")
    )
    cloud.client("application-autoscaling").deregister_scalable_target(**target(endpoint))


def test_an_operation_that_is_not_there_is_refused_by_its_name(cloud: Running) -> None:
    client = cloud.client("application-autoscaling")
    code, message = refusal(client.describe_scheduled_actions, ServiceNamespace="sagemaker")
    assert (code, "DescribeScheduledActions is not part" in message) == ("ValidationException", True)
