"""A role is assumed with a token of GitHub's only as its trust policy says, and no longer than it allows."""

from __future__ import annotations

import base64
import json
import secrets
from collections.abc import Callable
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.local.conftest import Running

ISSUER = "token.actions.githubusercontent.com"
CLAIMS = {"aud": "sts.amazonaws.com", "sub": "repo:acme/relearn:environment:prod", "ref": "refs/heads/main"}
HOURS = 3


def token(**changed: str) -> str:
    parts = ({"alg": "none"}, {"iss": f"https://{ISSUER}", **CLAIMS, **changed})
    return ".".join([*(base64.urlsafe_b64encode(json.dumps(part).encode()).decode() for part in parts), "x"])


@pytest.fixture
def assume(cloud: Running) -> Callable[..., Any]:
    """Assume a role that trusts one environment of one branch."""
    statement = {
        "Effect": "Allow",
        "Action": "sts:AssumeRoleWithWebIdentity",
        "Principal": {"Federated": f"arn:aws:iam::123456789012:oidc-provider/{ISSUER}"},
        "Condition": {"StringEquals": {f"{ISSUER}:{claim}": value for claim, value in CLAIMS.items()}},
    }
    role = cloud.client("iam").create_role(
        RoleName=f"github-{secrets.token_hex(4)}",
        MaxSessionDuration=HOURS * 3600,
        AssumeRolePolicyDocument=json.dumps({"Version": "2012-10-17", "Statement": [statement]}),
    )["Role"]["Arn"]

    def with_token(written: str, seconds: int = 3600) -> Any:
        return cloud.client("sts").assume_role_with_web_identity(
            RoleArn=role, RoleSessionName="ci", WebIdentityToken=written, DurationSeconds=seconds
        )

    return with_token


def test_a_token_with_every_claim_is_taken_for_as_long_as_the_role_allows(
    assume: Callable[..., Any],
) -> None:
    assert assume(token(), HOURS * 3600)["Credentials"]["SessionToken"]


@pytest.mark.parametrize(
    "changed",
    [{"sub": "repo:acme/relearn:environment:dev"}, {"ref": "refs/heads/mine"}, {"aud": "somebody"}],
    ids=lambda changed: next(iter(changed)),
)
def test_a_token_of_another_environment_branch_or_audience_is_refused(
    assume: Callable[..., Any], changed: dict[str, str]
) -> None:
    with pytest.raises(ClientError, match="AccessDenied"):
        assume(token(**changed))


def test_a_session_longer_than_the_role_allows_is_refused(assume: Callable[..., Any]) -> None:
    with pytest.raises(ClientError, match="exceeds the MaxSessionDuration"):
        assume(token(), HOURS * 3600 + 1)
