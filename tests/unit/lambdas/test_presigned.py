"""Presigned forms and links: whose credentials sign them, how long they hold, and which host they name."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from botocore.exceptions import ClientError, ConnectTimeoutError

from lambdas import forget_all
from lambdas.aws import clients
from lambdas.aws.s3.presigned import Links, Signer
from relearn.errors import SigningError
from relearn.lifecycle import signing
from tests.support.agenda import Clock

ROLE = "arn:aws:iam::123456789012:role/relearn-dev-links-eu-central-1"
HOUR = timedelta(seconds=signing.SESSION_SECONDS)


@dataclass
class FakeSts:
    """AWS STS, which gives credentials that last as long as they are asked to, or a shorter time."""

    clock: Clock
    asked: list[dict[str, Any]] = field(default_factory=list)
    lasts: timedelta | None = None
    fails: Exception | None = None

    def assume_role(self, **asked: Any) -> dict[str, Any]:
        self.asked.append(asked)
        if self.fails:
            raise self.fails
        number = len(self.asked)
        lasts = self.lasts or timedelta(seconds=asked["DurationSeconds"])
        return {
            "Credentials": {
                "AccessKeyId": f"ASIA{number}",
                "SecretAccessKey": f"secret-{number}",
                "SessionToken": f"token-{number}",
                "Expiration": (self.clock.now + lasts).replace(microsecond=0),
            }
        }


@pytest.fixture(autouse=True)
def anywhere(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    for name in ("AWS_ENDPOINT_URL", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_DEFAULT_REGION", "eu-central-1")
    forget_all()
    yield
    forget_all()


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def sts(clock: Clock) -> FakeSts:
    return FakeSts(clock)


@pytest.fixture
def links(sts: FakeSts, clock: Clock) -> Links:
    return Links(sts, role=ROLE, session="relearn-dev-uploads", s3_of=clients.s3_links, clock=clock)


def download(signer: Signer) -> str:
    return signer.download("lake", "results.csv", filename="results.csv")


def key_of(signer: Signer) -> str:
    return parse_qs(urlsplit(download(signer)).query)["X-Amz-Credential"][0].partition("/")[0]


def test_the_role_is_assumed_for_an_hour_in_the_name_of_the_function(links: Links, sts: FakeSts) -> None:
    links.lasting(signing.SECONDS)
    assert sts.asked == [
        {
            "RoleArn": ROLE,
            "RoleSessionName": "relearn-dev-uploads",
            "DurationSeconds": signing.SESSION_SECONDS,
        }
    ]


def test_the_roles_credentials_sign(links: Links) -> None:
    signer = links.lasting(signing.SECONDS)
    query = parse_qs(urlsplit(download(signer)).query)
    assert query["X-Amz-Credential"][0].startswith("ASIA1/")
    assert query["X-Amz-Security-Token"] == ["token-1"]
    assert signer.upload("lake", "data.csv", max_bytes=10).fields["x-amz-security-token"] == "token-1"


def test_links_of_several_requests_are_signed_with_the_same_credentials(
    links: Links, sts: FakeSts, clock: Clock
) -> None:
    for _ in range(3):
        links.lasting(signing.SECONDS)
        clock.pass_seconds(60)
    assert len(sts.asked) == 1


def test_credentials_that_would_end_before_the_link_are_renewed(links: Links, clock: Clock) -> None:
    left = HOUR - signing.MARGIN - timedelta(seconds=signing.SECONDS)
    links.lasting(signing.SECONDS)
    clock.pass_seconds(left.total_seconds() - 1)
    assert key_of(links.lasting(signing.SECONDS)) == "ASIA1"
    clock.pass_seconds(2)
    assert key_of(links.lasting(signing.SECONDS)) == "ASIA2"


def test_a_link_holds_as_long_as_asked(links: Links, clock: Clock) -> None:
    signer = links.lasting(600)
    assert signer.ends_at == clock.now.replace(microsecond=0) + timedelta(seconds=600)
    assert parse_qs(urlsplit(download(signer)).query)["X-Amz-Expires"] == ["600"]


def test_a_link_is_promised_no_longer_than_its_credentials_last(
    links: Links, sts: FakeSts, clock: Clock
) -> None:
    sts.lasts = timedelta(minutes=15)
    signer = links.lasting(signing.SECONDS)
    assert signer.ends_at <= clock.now + sts.lasts - signing.MARGIN
    assert signer.seconds == 14 * 60


def test_no_promise_is_longer_than_what_the_signature_says(links: Links, clock: Clock) -> None:
    """A link has its end in whole seconds from the second in which it is signed, a form its end itself."""
    before = datetime.now(clock.now.tzinfo)
    clock.now = before
    signer = links.lasting(signing.SECONDS)
    query = parse_qs(urlsplit(download(signer)).query)
    signed = datetime.strptime(query["X-Amz-Date"][0] + "+0000", "%Y%m%dT%H%M%SZ%z")
    assert signer.ends_at <= signed + timedelta(seconds=int(query["X-Amz-Expires"][0]))
    form = signer.upload("lake", "data.csv", max_bytes=10)
    policy = json.loads(base64.b64decode(form.fields["policy"]))
    assert signer.ends_at <= datetime.fromisoformat(policy["expiration"])


@pytest.mark.parametrize(
    "error",
    [
        ClientError({"Error": {"Code": "AccessDenied", "Message": "no"}}, "AssumeRole"),
        ConnectTimeoutError(endpoint_url="https://sts.eu-central-1.amazonaws.com/"),
    ],
    ids=["refused", "unreachable"],
)
def test_without_credentials_nothing_is_signed(links: Links, sts: FakeSts, error: Exception) -> None:
    sts.fails = error
    with pytest.raises(SigningError):
        links.lasting(signing.SECONDS)


def test_credentials_are_asked_for_again_after_a_failure(links: Links, sts: FakeSts) -> None:
    sts.fails = ClientError({"Error": {"Code": "Throttling", "Message": "later"}}, "AssumeRole")
    with pytest.raises(SigningError):
        links.lasting(signing.SECONDS)
    sts.fails = None
    assert key_of(links.lasting(signing.SECONDS)) == "ASIA2"


def test_credentials_that_have_ended_by_this_clock_sign_nothing(links: Links, sts: FakeSts) -> None:
    sts.lasts = signing.MARGIN
    with pytest.raises(SigningError):
        links.lasting(signing.SECONDS)


@pytest.mark.parametrize(
    ("region", "host"),
    [
        ("us-east-1", "lake.s3.amazonaws.com"),
        ("ap-northeast-1", "lake.s3.ap-northeast-1.amazonaws.com"),
        ("ap-east-1", "lake.s3.ap-east-1.amazonaws.com"),
        ("eu-south-2", "lake.s3.eu-south-2.amazonaws.com"),
        ("us-gov-west-1", "lake.s3.us-gov-west-1.amazonaws.com"),
        ("cn-north-1", "lake.s3.cn-north-1.amazonaws.com.cn"),
    ],
)
def test_forms_and_links_are_for_the_regions_host(
    links: Links, region: str, host: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_DEFAULT_REGION", region)
    signer = links.lasting(60)
    link = download(signer)
    assert link.startswith(f"https://{host}/results.csv?")
    assert "X-Amz-Algorithm=AWS4-HMAC-SHA256" in link
    form = signer.upload("lake", "data.csv", max_bytes=10)
    assert form.url == f"https://{host}/"
    assert form.fields["x-amz-algorithm"] == "AWS4-HMAC-SHA256"


def test_an_endpoint_that_is_an_address_has_the_bucket_in_its_path(
    links: Links, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:4566")
    assert download(links.lasting(60)).startswith("http://127.0.0.1:4566/lake/results.csv?")


@pytest.mark.parametrize(
    ("region", "host"),
    [
        ("us-east-1", "sts.us-east-1.amazonaws.com"),
        ("eu-central-1", "sts.eu-central-1.amazonaws.com"),
        ("us-gov-west-1", "sts.us-gov-west-1.amazonaws.com"),
        ("cn-north-1", "sts.cn-north-1.amazonaws.com.cn"),
    ],
)
def test_credentials_come_from_the_regions_sts(
    region: str, host: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Sessions of the global endpoint are not valid in regions that an account enabled itself ("Manage AWS STS in an AWS Region")."""
    monkeypatch.setenv("AWS_DEFAULT_REGION", region)
    assert clients.sts().meta.endpoint_url == f"https://{host}"
