"""Somebody else than the administrator: a role that is made for a test, and assumed."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import boto3

from tests.e2e.client import Stage


@contextmanager
def caller(stage: Stage, name: str, policy: str) -> Iterator[Stage]:
    """Make a role with this policy; give the stage as who assumes it meets it."""
    iam, sts = stage.client("iam"), stage.client("sts")
    account = sts.get_caller_identity()["Account"]
    trust = policy_of("Allow", "sts:AssumeRole", None, Principal={"AWS": account})
    role = iam.create_role(RoleName=name, AssumeRolePolicyDocument=trust)["Role"]
    iam.put_role_policy(RoleName=name, PolicyName="calls", PolicyDocument=policy)
    keys = sts.assume_role(RoleArn=role["Arn"], RoleSessionName="test")["Credentials"]
    session = boto3.Session(
        keys["AccessKeyId"],
        keys["SecretAccessKey"],
        keys["SessionToken"],
        region_name=stage.session.region_name,
    )
    try:
        yield replace(stage, session=session, _clients={})
    finally:
        iam.delete_role_policy(RoleName=name, PolicyName="calls")
        iam.delete_role(RoleName=name)


def policy_of(effect: str, action: str, resource: str | None, **more: Any) -> str:
    """A policy of one statement."""
    named = {} if resource is None else {"Resource": resource}
    statement = {"Effect": effect, "Action": action, **named, **more}
    return json.dumps({"Version": "2012-10-17", "Statement": [statement]})
