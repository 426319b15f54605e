"""A role is assumed by whom its trust policy names, for no longer than AWS gives, and nothing that it signed outlasts it."""

from __future__ import annotations

import json
import secrets
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import Any
from urllib.parse import parse_qs, urlsplit

import boto3
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError
from ministack.core.responses import get_account_id
from ministack.services import s3, sts

from local.hooks import assumed_roles
from tests.local.conftest import Running

ACCOUNT = "123456789012"
HOUR, LONGEST = 3600, 43_200
Assume = Callable[..., Any]


def make_role(cloud: Running, *trusted: str, hours: int = 1) -> str:
    """Create a role that these principals may assume; its ARN."""
    statement = {"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": {"AWS": list(trusted)}}
    role = cloud.client("iam").create_role(
        RoleName=f"assumed-{secrets.token_hex(4)}",
        MaxSessionDuration=hours * HOUR,
        AssumeRolePolicyDocument=json.dumps({"Version": "2012-10-17", "Statement": [statement]}),
    )
    return str(role["Role"]["Arn"])


def allow(cloud: Running, role: str, action: str, resource: str) -> None:
    statement = {"Effect": "Allow", "Action": action, "Resource": resource}
    cloud.client("iam").put_role_policy(
        RoleName=role.rpartition("/")[2],
        PolicyName="allowed",
        PolicyDocument=json.dumps({"Version": "2012-10-17", "Statement": [statement]}),
    )


def assumed(client: Any, role: str, seconds: int = HOUR) -> dict[str, Any]:
    found: dict[str, Any] = client.assume_role(
        RoleArn=role, RoleSessionName="function", DurationSeconds=seconds
    )["Credentials"]
    return found


def keys(credentials: dict[str, Any]) -> dict[str, str]:
    return {
        "aws_access_key_id": credentials["AccessKeyId"],
        "aws_secret_access_key": credentials["SecretAccessKey"],
        "aws_session_token": credentials["SessionToken"],
    }


def fetch(link: str) -> bytes:
    with urllib.request.urlopen(link, timeout=60) as answer:  # noqa: S310
        content: bytes = answer.read()
    return content


def acting_as(cloud: Running, role: str) -> Any:
    """AWS STS, called by a role that has no permission but what its policy says."""
    return cloud.client("sts", **keys(assumed(cloud.client("sts"), role)))


@pytest.fixture
def function(cloud: Running) -> str:
    """The role of a function, without any permission."""
    return make_role(cloud, f"arn:aws:iam::{ACCOUNT}:root")


def test_a_role_that_the_trust_policy_names_needs_no_permission(cloud: Running, function: str) -> None:
    role = make_role(cloud, function)
    credentials = assumed(acting_as(cloud, function), role)
    found = cloud.client("sts", **keys(credentials)).get_caller_identity()["Arn"]
    assert found == f"arn:aws:sts::{ACCOUNT}:assumed-role/{role.rpartition('/')[2]}/function"


def test_a_role_that_the_trust_policy_does_not_name_is_refused(cloud: Running, function: str) -> None:
    other = make_role(cloud, f"arn:aws:iam::{ACCOUNT}:root")
    role = make_role(cloud, function)
    allow(cloud, other, "sts:AssumeRole", role)
    with pytest.raises(ClientError, match="AccessDenied"):
        assumed(acting_as(cloud, other), role)


def test_where_a_trust_policy_names_the_account_a_permission_is_needed_too(
    cloud: Running, function: str
) -> None:
    role = make_role(cloud, f"arn:aws:iam::{ACCOUNT}:root")
    caller = acting_as(cloud, function)
    with pytest.raises(ClientError, match="AccessDenied"):
        assumed(caller, role)
    allow(cloud, function, "sts:AssumeRole", role)
    assert assumed(caller, role)["SessionToken"]


@pytest.mark.parametrize("seconds", [899, LONGEST + 1])
def test_a_session_of_less_than_15_minutes_or_more_than_12_hours_is_refused(
    cloud: Running, seconds: int
) -> None:
    role = make_role(cloud, f"arn:aws:iam::{ACCOUNT}:root", hours=12)
    unchecked = cloud.client("sts", config=Config(parameter_validation=False))
    with pytest.raises(ClientError, match=r"ValidationError.*durationSeconds"):
        assumed(unchecked, role, seconds)


def test_a_session_longer_than_the_role_allows_is_refused(cloud: Running) -> None:
    role = make_role(cloud, f"arn:aws:iam::{ACCOUNT}:root", hours=2)
    assert assumed(cloud.client("sts"), role, 2 * HOUR)
    with pytest.raises(ClientError, match=r"ValidationError.*MaxSessionDuration"):
        assumed(cloud.client("sts"), role, 2 * HOUR + 1)


def test_a_role_that_assumes_a_role_gets_an_hour_at_most_whatever_the_role_allows(
    cloud: Running, function: str
) -> None:
    """Source: AssumeRole, DurationSeconds, AWS STS API Reference; "Methods to assume a role", IAM User Guide."""
    role = make_role(cloud, function, hours=12)
    caller = acting_as(cloud, function)
    assert assumed(caller, role, HOUR)
    with pytest.raises(ClientError, match=r"ValidationError.*1 hour session limit .* role chaining"):
        assumed(caller, role, HOUR + 1)


def test_credentials_say_when_they_end(cloud: Running, function: str) -> None:
    before = time.time()
    ends_at = assumed(acting_as(cloud, function), make_role(cloud, function), 900)["Expiration"].timestamp()
    assert before - 1 <= ends_at - 900 <= time.time() + 1


def test_a_link_allows_what_the_role_that_signed_it_may_do(cloud: Running, function: str) -> None:
    role, bucket = make_role(cloud, function), f"links-{secrets.token_hex(4)}"
    cloud.client("s3").create_bucket(Bucket=bucket)
    cloud.client("s3").put_object(Bucket=bucket, Key="a", Body=b"content")
    signing = cloud.client("s3", **keys(assumed(acting_as(cloud, function), role)), config=Config(s3=PATHS))
    link = signing.generate_presigned_url("get_object", Params={"Bucket": bucket, "Key": "a"}, ExpiresIn=60)
    with pytest.raises(urllib.error.HTTPError, match="403"):
        fetch(link)
    allow(cloud, role, "s3:GetObject", f"arn:aws:s3:::{bucket}/*")
    assert fetch(link) == b"content"


PATHS: Any = {"addressing_style": "path"}


@pytest.fixture
def session(monkeypatch: pytest.MonkeyPatch) -> Iterator[dict[str, Any]]:
    """A role's session in this process, which the test may end; and the hook that remembers it."""
    monkeypatch.setattr(sts, "_evict_expired_sessions", sts._evict_expired_sessions)
    assumed_roles.remember_ended_sessions()
    key = f"ASIA{secrets.token_hex(8).upper()}"
    found = {
        "Arn": f"arn:aws:sts::{get_account_id()}:assumed-role/r/s",
        "AccessKeyId": key,
        "SecretAccessKey": "secret",
        "SessionToken": "token",
        "Expiration": time.time() + HOUR,
    }
    sts.register_session(key, found)
    yield found
    sts._sessions.pop(key, None)


def local_s3(session: dict[str, Any]) -> Any:
    connect: Any = boto3.client
    return connect(
        "s3",
        **keys(session),
        region_name="us-east-1",
        endpoint_url="http://127.0.0.1:1",
        config=Config(signature_version="s3v4", s3=PATHS),
    )


def follow(link: str) -> tuple[int, str]:
    """Follow a link; status and what S3 says when it refuses it."""
    parts = urlsplit(link)
    refused = s3._verify_presigned_sigv4("GET", parts.path, {"host": parts.netloc}, parse_qs(parts.query))
    return (200, "") if refused is None else (refused[0], refused[2].decode())


def end(session: dict[str, Any], seconds_ago: float = 1) -> None:
    """Let a session end; others begin meanwhile."""
    session["Expiration"] = time.time() - seconds_ago
    other = {**session, "Expiration": time.time() + HOUR}
    sts.register_session("ASIAOTHER", other)
    sts._sessions.pop("ASIAOTHER")


def test_a_link_ends_with_the_credentials_that_signed_it(session: dict[str, Any]) -> None:
    """Source: "Who can create a presigned URL", Amazon S3 User Guide; ExpiredToken in "Error Responses", Amazon S3 API Reference."""
    asked = {"Bucket": "bucket", "Key": "key"}
    link = local_s3(session).generate_presigned_url("get_object", Params=asked, ExpiresIn=HOUR)
    assert follow(link) == (200, "")
    end(session)
    status, said = follow(link)
    assert (status, "<Code>ExpiredToken</Code>" in said) == (400, True), said


def test_a_form_ends_with_the_credentials_that_signed_it(
    session: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ministack.app.AUTH", True)
    form = local_s3(session).generate_presigned_post("bucket", "key", ExpiresIn=HOUR)["fields"]
    fields = {name.lower(): value for name, value in form.items()} | {"bucket": "bucket"}

    def send() -> tuple[int, str]:
        status, _, said = s3._enforce_signed_post_policy(fields, "bucket", "us-east-1", 1, True)
        return status, said.decode().partition("<Code>")[2].partition("</Code>")[0]

    assert send() == (403, "AccessDenied")  # what is asked next: the role may do nothing
    end(session)
    assert send() == (400, "ExpiredToken")


def test_a_link_past_its_own_end_is_refused_while_its_credentials_last(session: dict[str, Any]) -> None:
    link = local_s3(session).generate_presigned_url(
        "get_object", Params={"Bucket": "bucket", "Key": "key"}, ExpiresIn=60
    )
    signed = parse_qs(urlsplit(link).query)["X-Amz-Date"][0]
    earlier = datetime.fromtimestamp(time.time() - 61, UTC).strftime("%Y%m%dT%H%M%SZ")
    status, said = follow(link.replace(signed, earlier))
    assert (status, "Request has expired" in said) == (403, True), said


def test_ended_credentials_are_forgotten_after_a_day(session: dict[str, Any]) -> None:
    end(session, seconds_ago=2 * 24 * HOUR)
    assert session["AccessKeyId"] not in sts._sessions
