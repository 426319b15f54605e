"""CloudFormation creates nothing under a name that a resource of another stack has."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator

import pytest

from tests.local.conftest import Running
from tests.local.test_exports import ended, reasons

TRUST = {
    "Version": "2012-10-17",
    "Statement": [
        {
            "Effect": "Allow",
            "Action": "sts:AssumeRole",
            "Principal": {"Service": "sagemaker.amazonaws.com"},
        }
    ],
}
NAMED = ["CAPABILITY_NAMED_IAM"]


def template(role: str) -> str:
    given = {"RoleName": role, "AssumeRolePolicyDocument": TRUST}
    return json.dumps({"Resources": {"Role": {"Type": "AWS::IAM::Role", "Properties": given}}})


@pytest.fixture
def owner(cloud: Running, name: str) -> Iterator[str]:
    """A stack with a role, which has the stack's name."""
    stack = re.sub("[^a-z]+", "-", name)[:50]
    client = cloud.client("cloudformation")
    client.create_stack(StackName=stack, TemplateBody=template(stack), Capabilities=NAMED)
    assert ended(cloud, stack) == "CREATE_COMPLETE"
    yield stack
    client.delete_stack(StackName=stack)


def test_the_name_of_a_role_of_another_stack_is_taken(cloud: Running, owner: str) -> None:
    client, other = cloud.client("cloudformation"), f"{owner}-b"
    client.create_stack(StackName=other, TemplateBody=template(owner), Capabilities=NAMED)
    assert ended(cloud, other) == "ROLLBACK_COMPLETE"
    assert f"'AWS::IAM::Role' with identifier '{owner}' already exists in {owner}" in reasons(cloud, other)
    client.delete_stack(StackName=other)
    assert cloud.client("iam").get_role(RoleName=owner)["Role"]["RoleName"] == owner
