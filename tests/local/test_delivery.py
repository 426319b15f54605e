"""What arrives, and what does not without its permission."""

from __future__ import annotations

import base64
import json
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import Any

import pytest

from tests.local.actions import without
from tests.local.conftest import Running, until

QUIET_SECONDS = 1.2


def test_an_upload_reaches_the_function_through_rule_and_queue(cloud: Running, name: str) -> None:
    put(cloud, f"in/{name} with spaces.csv")
    assert until(lambda: f"in/{name} with spaces.csv" in arrived(cloud))


def test_an_event_of_a_versioned_bucket_names_the_version(cloud: Running, name: str) -> None:
    s3, bucket = cloud.client("s3"), cloud.outputs["Bucket"]
    s3.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Enabled"})
    version = s3.put_object(Bucket=bucket, Key=f"in/{name}", Body=b"x")["VersionId"]
    until(lambda: f"in/{name}" in arrived(cloud))
    assert arrived(cloud)[f"in/{name}"]["version-id"] == version


def test_a_queue_takes_nothing_its_policy_does_not_admit(cloud: Running, name: str) -> None:
    sqs, url = cloud.client("sqs"), cloud.outputs["Queue"]
    policy = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["Policy"])["Attributes"]["Policy"]
    sqs.set_queue_attributes(QueueUrl=url, Attributes={"Policy": ""})
    try:
        put(cloud, f"in/{name}")
        time.sleep(QUIET_SECONDS)
    finally:
        sqs.set_queue_attributes(QueueUrl=url, Attributes={"Policy": policy})
    put(cloud, f"in/{name}-after")
    until(lambda: f"in/{name}-after" in arrived(cloud))
    assert f"in/{name}" not in arrived(cloud)


@pytest.mark.parametrize("action", ["sqs:ReceiveMessage", "sqs:DeleteMessage", "sqs:GetQueueAttributes"])
def test_a_function_whose_role_may_not_read_the_queue_gets_nothing(cloud: Running, action: str) -> None:
    key = f"in/{action}"
    with without(cloud, cloud.outputs["FunctionRole"], action):
        put(cloud, key)
        time.sleep(QUIET_SECONDS)
        assert key not in arrived(cloud)
    until(lambda: key in arrived(cloud))


def test_a_function_may_do_only_what_its_role_allows(cloud: Running) -> None:
    identity = json.load(cloud.client("lambda").invoke(FunctionName=cloud.outputs["Function"])["Payload"])[
        "identity"
    ]
    assert f":assumed-role/{cloud.outputs['FunctionRole']}/" in identity
    with without(cloud, cloud.outputs["FunctionRole"], "dynamodb:PutItem"):
        put(cloud, "in/denied")
        until(lambda: "dynamodb:PutItem" in logged(cloud))
    assert "in/denied" not in arrived(cloud)


@pytest.mark.parametrize("action", ["logs:CreateLogStream", "logs:PutLogEvents"])
def test_a_function_whose_role_may_not_log_runs_without_a_log(cloud: Running, action: str) -> None:
    client, function = cloud.client("lambda"), cloud.outputs["Function"]
    with without(cloud, cloud.outputs["FunctionRole"], action):
        before = logged(cloud)
        assert client.invoke(FunctionName=function)["StatusCode"] == 200
        assert logged(cloud) == before
    client.invoke(FunctionName=function)
    assert logged(cloud) != before


def test_the_api_invokes_only_a_function_that_admits_it(cloud: Running) -> None:
    functions, function = cloud.client("lambda"), cloud.outputs["Function"]
    assert post(cloud, "/v1/models/iris", b"{}")[0] == 200
    policy = json.loads(functions.get_policy(FunctionName=function)["Policy"])
    (statement,) = policy["Statement"]
    functions.remove_permission(FunctionName=function, StatementId=statement["Sid"])
    assert post(cloud, "/v1/models/iris", b"{}") == (500, {"message": "Internal Server Error"})
    functions.add_permission(
        FunctionName=function,
        StatementId=statement["Sid"],
        Action="lambda:InvokeFunction",
        Principal="apigateway.amazonaws.com",
        SourceArn=statement["Condition"]["ArnLike"]["AWS:SourceArn"],
    )
    assert post(cloud, "/v1/models/iris", b"{}")[0] == 200


def test_the_second_port_passes_paths_bodies_and_answers(cloud: Running) -> None:
    said = json.dumps({"text": "déjà vu"}).encode()
    status, answer = post(cloud, "/v1/models/a%20b", said)
    assert status == 200
    assert answer == {"path": "/v1/models/a b", "said": said.decode()}


def test_a_body_that_is_no_text_arrives_in_base64(cloud: Running) -> None:
    raw = b"\xff\x00binary"
    for media in ("application/octet-stream", "application/x-unheard-of"):
        _, answer = post(cloud, "/v1/models/iris", raw, media)
        assert base64.b64decode(answer["said"]) == raw


@pytest.mark.parametrize("path", ["/v2", "/v2/", "/v2/models/manifests/ready", "/v2/models/tags/list"])
def test_an_api_has_paths_that_a_registry_has_too(cloud: Running, path: str) -> None:
    assert post(cloud, path, b"{}") == (404, {"message": "Not Found"})


def test_a_rule_starts_a_state_machine_only_with_a_role_that_may(
    cloud: Running, starter: str, name: str
) -> None:
    events, machine = cloud.client("events"), cloud.outputs["Machine"]
    pattern = {"source": ["toy"], "detail-type": [name]}
    events.put_rule(Name=name, EventPattern=json.dumps(pattern))
    given = {"name": name, "hyperparameters": {}, "payload": {}}
    target = {"Id": "machine", "Arn": machine, "Input": json.dumps(given)}
    for role, count in ((cloud.outputs["JobRole"], 0), (starter, 1)):
        events.put_targets(Rule=name, Targets=[{**target, "RoleArn": role}])
        events.put_events(Entries=[{"Source": "toy", "DetailType": name, "Detail": "{}"}])
        time.sleep(0.3)
        assert len(executions(cloud, name)) == count


def test_a_schedule_calls_a_function_only_with_a_role_that_may_and_that_it_may_take_on(
    cloud: Running, name: str, caller: Callable[[str], str]
) -> None:
    scheduler, lambdas = cloud.client("scheduler"), cloud.client("lambda")
    function = lambdas.get_function(FunctionName=cloud.outputs["Function"])["Configuration"]["FunctionArn"]
    roles = {
        "stranger": cloud.outputs["JobRole"],
        "of-events": caller("events.amazonaws.com"),
        "right": caller("scheduler.amazonaws.com"),
    }
    for who, role in roles.items():
        seen = json.dumps({"detail": {"object": {"key": f"{name}-{who}"}}})
        record = {"messageId": f"{name}-{who}", "body": seen}
        scheduler.create_schedule(
            Name=f"{name}-{who}"[:64],
            ScheduleExpression=f"at({datetime.now(UTC):%Y-%m-%dT%H:%M:%S})",
            FlexibleTimeWindow={"Mode": "OFF"},
            Target={"Arn": function, "RoleArn": role, "Input": json.dumps({"Records": [record]})},
        )
    until(
        lambda: f"{name}-right" in arrived(cloud)
    )  # the laptop's scheduler looks every 10 s, at all of them
    time.sleep(QUIET_SECONDS)
    assert {key for key in arrived(cloud) if key.startswith(name)} == {f"{name}-right"}


@pytest.fixture
def caller(cloud: Running, name: str) -> Iterator[Callable[[str], str]]:
    """Roles with which a service may call the toy function."""
    iam, made = cloud.client("iam"), []
    function = f"arn:aws:lambda:*:*:function:{cloud.outputs['Function']}"
    grant = {"Effect": "Allow", "Action": "lambda:InvokeFunction", "Resource": function}

    def make(service: str) -> str:
        made.append(f"{name}-{service.partition('.')[0]}"[:64])
        trust = {"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": {"Service": service}}
        role = iam.create_role(RoleName=made[-1], AssumeRolePolicyDocument=policy_of(trust))["Role"]["Arn"]
        iam.put_role_policy(RoleName=made[-1], PolicyName="grants", PolicyDocument=policy_of(grant))
        return str(role)

    yield make
    for role in made:
        iam.delete_role_policy(RoleName=role, PolicyName="grants")
        iam.delete_role(RoleName=role)


def test_a_topic_invokes_only_a_function_that_admits_it(cloud: Running, name: str) -> None:
    sns, functions, function = cloud.client("sns"), cloud.client("lambda"), cloud.outputs["Function"]
    topic = sns.create_topic(Name=name)["TopicArn"]
    arn = functions.get_function(FunctionName=function)["Configuration"]["FunctionArn"]
    sns.subscribe(TopicArn=topic, Protocol="lambda", Endpoint=arn)
    sns.publish(TopicArn=topic, Message=json.dumps({"detail": {"object": {"key": "unheard"}}}))
    time.sleep(QUIET_SECONDS)
    functions.add_permission(
        FunctionName=function,
        StatementId=name,
        Action="lambda:InvokeFunction",
        Principal="sns.amazonaws.com",
        SourceArn=topic,
    )
    sns.publish(TopicArn=topic, Message=json.dumps({"detail": {"object": {"key": "heard"}}}))
    until(lambda: "heard" in arrived(cloud))
    assert "unheard" not in arrived(cloud)


@pytest.fixture
def starter(cloud: Running, name: str) -> Iterator[str]:
    """A role with which EventBridge may start the toy state machine."""
    iam = cloud.client("iam")
    trust = {"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": {"Service": "events.amazonaws.com"}}
    grant = {"Effect": "Allow", "Action": "states:StartExecution", "Resource": cloud.outputs["Machine"]}
    role = iam.create_role(RoleName=name, AssumeRolePolicyDocument=policy_of(trust))["Role"]["Arn"]
    iam.put_role_policy(RoleName=name, PolicyName="grants", PolicyDocument=policy_of(grant))
    yield role
    iam.delete_role_policy(RoleName=name, PolicyName="grants")
    iam.delete_role(RoleName=name)


def policy_of(statement: dict[str, Any]) -> str:
    return json.dumps({"Version": "2012-10-17", "Statement": [statement]})


def put(cloud: Running, key: str) -> None:
    cloud.client("s3").put_object(Bucket=cloud.outputs["Bucket"], Key=key, Body=b"x")


def arrived(cloud: Running) -> dict[str, Any]:
    """The objects whose events the function has seen, by key."""
    items = cloud.client("dynamodb").scan(TableName=cloud.outputs["Table"], ConsistentRead=True)["Items"]
    objects = [json.loads(item["body"]["S"])["detail"]["object"] for item in items]
    return {found["key"]: found for found in objects}


def executions(cloud: Running, job: str) -> list[str]:
    client = cloud.client("stepfunctions")
    found = client.list_executions(stateMachineArn=cloud.outputs["Machine"])["executions"]
    inputs = [
        json.loads(client.describe_execution(executionArn=item["executionArn"])["input"]) for item in found
    ]
    return [given["name"] for given in inputs if given["name"] == job]


def logged(cloud: Running) -> str:
    """Everything the function has printed."""
    group = f"/aws/lambda/{cloud.outputs['Function']}"
    events = cloud.client("logs").get_paginator("filter_log_events").paginate(logGroupName=group)
    return "\n".join(event["message"] for page in events for event in page["events"])


def post(cloud: Running, path: str, body: bytes, media: str = "application/json") -> tuple[int, Any]:
    headers = {"content-type": media}
    request = urllib.request.Request(cloud.info["api_url"] + path, data=body, headers=headers)  # noqa: S310
    try:
        with urllib.request.urlopen(request, timeout=120) as answer:  # noqa: S310
            return answer.status, json.load(answer)
    except urllib.error.HTTPError as error:
        return error.code, json.load(error)
