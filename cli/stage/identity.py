"""The identity of the caller's AWS credentials."""

from __future__ import annotations

from botocore.exceptions import BotoCoreError, ClientError

from cli.stage.target import Target


def who(target: Target) -> str:
    """Return the caller's ARN; empty when AWS does not return it."""
    try:
        return str(target.client("sts").get_caller_identity()["Arn"])
    except (ClientError, BotoCoreError):
        return ""
