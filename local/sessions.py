"""boto3 clients of the laptop cloud, as the administrator or with a role's temporary credentials."""

from __future__ import annotations

import os
import secrets
import time
from typing import Any

import boto3
from ministack.core.responses import get_account_id, get_region
from ministack.services import sts

_SESSION_SECONDS = 12 * 3600.0
Keys = tuple[str, str, str | None]


def assume(role_arn: str, session: str) -> Keys:
    """Register a role's temporary credentials, valid for 12 hours; return (key, secret, session token).

    The role's trust policy is not checked: this is how a service gives credentials to its own instances.
    """
    name = role_arn.rsplit("/", 1)[-1]
    keys = (f"ASIA{secrets.token_hex(8).upper()}", secrets.token_hex(20), secrets.token_hex(32))
    sts.register_session(
        keys[0],
        {
            "Arn": f"arn:aws:sts::{get_account_id()}:assumed-role/{name}/{session}",
            "UserId": f"{name}:{session}",
            "SecretAccessKey": keys[1],
            "SessionToken": keys[2],
            "Expiration": time.time() + _SESSION_SECONDS,
        },
    )
    return keys


def connect(service: str, keys: Keys | None = None) -> Any:
    """Return a boto3 client of this cloud; without `keys`, as the administrator."""
    keys = keys or (os.environ["AWS_ACCESS_KEY_ID"], os.environ["AWS_SECRET_ACCESS_KEY"], None)
    connect_to: Any = boto3.client  # typed stubs want a literal service name
    return connect_to(
        service,
        endpoint_url=os.environ["AWS_ENDPOINT_URL"],
        region_name=get_region(),
        aws_access_key_id=keys[0],
        aws_secret_access_key=keys[1],
        aws_session_token=keys[2],
    )
