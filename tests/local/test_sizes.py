"""What AWS measures when something is deployed: policies of roles, environments of functions."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest

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
