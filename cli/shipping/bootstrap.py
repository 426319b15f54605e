"""The roles that ``cdk bootstrap`` made in an account, which may do what a deployment does."""

from __future__ import annotations

import boto3

from cli.stage.target import Target

QUALIFIER = "hnb659fds"
"""CDK's default qualifier, which is part of every name."""


def session(target: Target, part: str) -> tuple[boto3.Session, str]:
    """Return a session with one of the roles, and the account's number.

    Parameters
    ----------
    part
        The role: ``"deploy"``, ``"image-publishing"``, ``"file-publishing"`` or ``"lookup"``.

    Raises
    ------
    botocore.exceptions.ClientError
        When the account has no such role, or the caller may not assume it.
    """
    sts = target.client("sts")
    caller = sts.get_caller_identity()
    partition, account = caller["Arn"].split(":")[1], caller["Account"]
    role = f"arn:{partition}:iam::{account}:role/cdk-{QUALIFIER}-{part}-role-{account}-{target.region}"
    keys = sts.assume_role(RoleArn=role, RoleSessionName="relearn")["Credentials"]
    made = boto3.Session(
        aws_access_key_id=keys["AccessKeyId"],
        aws_secret_access_key=keys["SecretAccessKey"],
        aws_session_token=keys["SessionToken"],
        region_name=target.region,
    )
    return made, account
