"""What AWS measures when something is deployed: policies, environments of functions, state machines, queues."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.local.actions import refusal
from tests.local.conftest import Running, until
from tests.local.test_functions import zipped

TRUST = {
    "Version": "2012-10-17",
    "Statement": [
        {"Effect": "Allow", "Principal": {"Service": "lambda.amazonaws.com"}, "Action": "sts:AssumeRole"}
    ],
}


def policy(characters: int) -> dict[str, Any]:
    """A policy of so many characters without white space."""
    made = {
        "Version": "2012-10-17",
        "Statement": [{"Effect": "Allow", "Action": "s3:GetObject", "Resource": ""}],
    }
    lacking = characters - len(json.dumps(made, separators=(",", ":")))
    made["Statement"][0]["Resource"] = "arn:aws:s3:::".ljust(lacking, "x")  # type: ignore[index]
    return made


def stem(name: str) -> str:
    return re.sub("[^a-z]+", "-", name)[-50:].strip("-")


@pytest.fixture
def deployed(cloud: Running, name: str) -> Any:
    """Deploy one resource; the status of its stack, and the reason."""
    client, stack = cloud.client("cloudformation"), f"{stem(name)}-stack"

    def deploy(kind: str, properties: dict[str, Any]) -> tuple[str, str]:
        template = json.dumps({"Resources": {"One": {"Type": kind, "Properties": properties}}})
        client.create_stack(StackName=stack, TemplateBody=template, Capabilities=["CAPABILITY_NAMED_IAM"])
        until(lambda: not status().endswith("IN_PROGRESS"))
        events = client.describe_stack_events(StackName=stack)["StackEvents"]
        return status(), "\n".join(event.get("ResourceStatusReason", "") for event in events)

    def status() -> str:
        return str(client.describe_stacks(StackName=stack)["Stacks"][0]["StackStatus"])

    yield deploy
    client.delete_stack(StackName=stack)


@pytest.mark.parametrize(("more", "status"), [(0, "CREATE_COMPLETE"), (1, "ROLLBACK_COMPLETE")])
def test_a_role_whose_policies_are_longer_than_iam_takes_is_refused(
    cloud: Running, name: str, deployed: Any, more: int, status: str
) -> None:
    """IAM quotas: 10,240 characters of all inline policies of a role; white space does not count."""
    del cloud, name
    parts = [
        {"PolicyName": "A", "PolicyDocument": policy(5_000)},
        {"PolicyName": "B", "PolicyDocument": policy(5_240 + more)},
    ]
    found, reason = deployed("AWS::IAM::Role", {"AssumeRolePolicyDocument": TRUST, "Policies": parts})
    assert found == status
    assert ("Maximum policy size of 10240 bytes exceeded" in reason) is bool(more)


def test_a_policy_that_makes_a_role_too_long_is_refused(cloud: Running, name: str) -> None:
    iam, role = cloud.client("iam"), stem(name)
    iam.create_role(RoleName=role, AssumeRolePolicyDocument=json.dumps(TRUST))
    put = {"RoleName": role, "PolicyName": "A"}
    iam.put_role_policy(**put, PolicyDocument=json.dumps(policy(10_240), indent=4))
    code, message = refusal(
        iam.put_role_policy, **{**put, "PolicyName": "B"}, PolicyDocument=json.dumps(policy(200))
    )
    assert (code, message) == (
        "LimitExceeded",
        f"Maximum policy size of 10240 bytes exceeded for role {role}",
    )


def test_a_trust_policy_longer_than_iam_takes_is_refused(deployed: Any) -> None:
    """IAM quotas: 2,048 characters of a role's trust policy."""
    long = {**TRUST, "Statement": TRUST["Statement"] * 25}  # type: ignore[operator]
    found, reason = deployed("AWS::IAM::Role", {"AssumeRolePolicyDocument": long})
    assert (found, "ACLSizePerRole: 2048" in reason) == ("ROLLBACK_COMPLETE", True)


def test_a_function_with_more_than_4_kb_of_variables_is_refused(cloud: Running, name: str) -> None:
    """Lambda quotas: 4 KB of all environment variables of a function."""
    client = cloud.client("lambda")
    given = {
        "FunctionName": stem(name),
        "Role": f"arn:aws:iam::123456789012:role/{cloud.outputs['FunctionRole']}",
        "Runtime": "python3.14",
        "Handler": "code.handler",
        "Code": {"ZipFile": zipped({"code.py": "def handler(event, context): return 1"})},
    }
    most = 4_096 - len('{"A":""}')
    code, message = refusal(
        client.create_function, **given, Environment={"Variables": {"A": "x" * (most + 1)}}
    )
    assert (code, "exceeded the 4KB limit" in message) == ("InvalidParameterValueException", True)
    client.create_function(**given, Environment={"Variables": {"A": "x" * most}})


def function(cloud: Running, name: str, **more: Any) -> str:
    """A function, and its name."""
    made = cloud.client("lambda").create_function(
        FunctionName=stem(name),
        Role=f"arn:aws:iam::123456789012:role/{cloud.outputs['FunctionRole']}",
        Runtime="python3.14",
        Handler="code.handler",
        Code={"ZipFile": zipped({"code.py": "def handler(event, context): return 1"})},
        **more,
    )
    return str(made["FunctionName"])


def test_a_permission_that_makes_a_functions_policy_too_long_is_refused(
    cloud: Running, name: str, deployed: Any
) -> None:
    """Lambda quotas: 20 KB of a function's resource policy; adobe/helix-deploy#24 has the message."""
    client, known = cloud.client("lambda"), function(cloud, name)
    given = {"FunctionName": known, "Action": "lambda:InvokeFunction", "Principal": "events.amazonaws.com"}

    def source(number: int) -> str:
        return f"arn:aws:events:us-east-1:123456789012:rule/{number:04}{'x' * 1000}"

    def refused(number: int) -> tuple[str, str] | None:
        try:
            client.add_permission(**given, StatementId=f"s{number}", SourceArn=source(number))
        except ClientError as error:
            about: Any = error.response["Error"]
            return about["Code"], about["Message"]
        return None

    answers = [refused(number) for number in range(20)]
    first = next(answer for answer in answers if answer is not None)
    assert first[0] == "PolicyLengthExceededException"
    assert re.fullmatch(r"The final policy size \(2\d{4}\) is bigger than the limit \(20480\)\.", first[1])
    assert len(client.get_policy(FunctionName=known)["Policy"]) <= 20_480
    status, reason = deployed("AWS::Lambda::Permission", {**given, "SourceArn": source(99)})
    assert (status, "bigger than the limit (20480)" in reason) == ("ROLLBACK_COMPLETE", True)


def test_a_definition_longer_than_step_functions_takes_is_refused(cloud: Running, name: str) -> None:
    """CreateStateMachine: a definition has 1,048,576 characters at most (Step Functions API reference)."""
    client, role = (
        cloud.client("stepfunctions"),
        f"arn:aws:iam::123456789012:role/{cloud.outputs['FunctionRole']}",
    )
    known = {"StartAt": "A", "States": {"A": {"Type": "Succeed", "Comment": ""}}}
    known["States"]["A"]["Comment"] = "x" * (1_048_576 - len(json.dumps(known)))  # type: ignore[index]
    most = json.dumps(known)
    given = {"name": stem(name), "roleArn": role}
    code, message = refusal(client.create_state_machine, **given, definition=f"{most} ")
    assert (code, "less than or equal to 1048576" in message) == ("ValidationException", True)
    arn = client.create_state_machine(**given, definition=most)["stateMachineArn"]
    assert (
        refusal(client.update_state_machine, stateMachineArn=arn, definition=f"{most} ")[0]
        == "ValidationException"
    )
    client.delete_state_machine(stateMachineArn=arn)


def test_a_queue_that_hides_a_message_for_less_than_the_functions_timeout_is_not_mapped(
    cloud: Running, name: str, deployed: Any
) -> None:
    """github-aws-runners/terraform-aws-github-runner#465: CreateEventSourceMapping refuses it in these words."""
    client, known, sqs = cloud.client("lambda"), function(cloud, name, Timeout=31), cloud.client("sqs")
    url = sqs.create_queue(QueueName=stem(name), Attributes={"VisibilityTimeout": "30"})["QueueUrl"]
    arn = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    words = "Queue visibility timeout: 30 seconds is less than Function timeout: 31 seconds"
    mapping = {"FunctionName": known, "EventSourceArn": arn}
    assert refusal(client.create_event_source_mapping, **mapping) == ("InvalidParameterValueException", words)
    status, reason = deployed("AWS::Lambda::EventSourceMapping", mapping)
    assert (status, words in reason) == ("ROLLBACK_COMPLETE", True)
    sqs.set_queue_attributes(QueueUrl=url, Attributes={"VisibilityTimeout": "31"})
    client.create_event_source_mapping(**mapping)


@pytest.mark.parametrize(("bytes_", "taken"), [(5 * 1024 * 1024, True), (5 * 1024 * 1024 - 1, False)])
def test_a_part_that_is_not_the_last_has_5_mb(cloud: Running, name: str, bytes_: int, *, taken: bool) -> None:
    """Amazon S3 User Guide, "Amazon S3 multipart upload limits": parts of 5 MiB to 5 GiB, the last of any size."""
    s3, place = cloud.client("s3"), {"Bucket": cloud.outputs["Bucket"], "Key": name}
    upload = {**place, "UploadId": s3.create_multipart_upload(**place)["UploadId"]}
    parts = [
        {"PartNumber": number, "ETag": s3.upload_part(**upload, PartNumber=number, Body=body)["ETag"]}
        for number, body in ((1, bytes(bytes_)), (2, b"the rest"))
    ]
    complete = {**upload, "MultipartUpload": {"Parts": parts}}
    if taken:
        s3.complete_multipart_upload(**complete)
        return
    words = "Your proposed upload is smaller than the minimum allowed size"
    assert refusal(s3.complete_multipart_upload, **complete) == ("EntityTooSmall", words)
