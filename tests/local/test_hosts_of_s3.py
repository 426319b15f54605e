"""At which hosts the laptop's S3 serves a presigned link or form, and what it answers at the others, as S3 does.

Sources: "Virtual hosting of buckets" in the Amazon S3 User Guide and "Request routing" in the Amazon S3 API Reference; the
answers themselves as callers saw them: github.com/ansible-collections/community.aws/issues/637 (307 with ``Location``),
github.com/boto/boto3/issues/2728 (400), github.com/aws/aws-cli/issues/4338 (a link signed for another region) and
github.com/CulturalMe/meteor-slingshot/issues/150 (such a form).
"""

from __future__ import annotations

import http.client
from collections.abc import Callable, Iterator
from typing import Any
from urllib.parse import urlsplit

import boto3
import httpx
import pytest
from botocore.config import Config

from tests.local.conftest import Running

EARLIER, LATER = "eu-central-1", "eu-south-1"
"""Regions launched before and after 20 March 2019."""
GLOBAL = Config(signature_version="s3v4")
REGIONAL = Config(signature_version="s3v4", s3={"addressing_style": "virtual"})
Send = Callable[..., tuple[int, dict[str, str], str]]


def client(cloud: Running, region: str, **more: Any) -> Any:
    """A client of S3 on AWS that signs with the laptop's keys; it makes no calls."""
    key, secret = cloud.keys
    connect: Any = boto3.client
    chosen = {"config": GLOBAL, **more}
    return connect("s3", region_name=region, aws_access_key_id=key, aws_secret_access_key=secret, **chosen)


@pytest.fixture(autouse=True)
def nowhere(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("AWS_ENDPOINT_URL", "AWS_ENDPOINT_URL_S3"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def bucket(cloud: Running, name: str) -> Iterator[Callable[[str], str]]:
    made: list[tuple[Any, str]] = []

    def make(region: str) -> str:
        s3, named = client(cloud, region, endpoint_url=cloud.info["endpoint_url"]), f"{name}-{region}"
        s3.create_bucket(Bucket=named, CreateBucketConfiguration={"LocationConstraint": region})
        s3.put_object(Bucket=named, Key="k", Body=b"said")
        made.append((s3, named))
        return named

    yield make
    for s3, named in made:
        for one in s3.list_objects_v2(Bucket=named).get("Contents", []):
            s3.delete_object(Bucket=named, Key=one["Key"])
        s3.delete_bucket(Bucket=named)


@pytest.fixture
def send(cloud: Running) -> Send:
    """Send to the laptop what names a host of S3: as where that name leads here."""

    def sent(url: str, form: dict[str, str] | None = None) -> tuple[int, dict[str, str], str]:
        parts, here = urlsplit(url), urlsplit(cloud.info["endpoint_url"])
        connection = http.client.HTTPConnection(here.netloc, timeout=120)
        method, body, headers = "GET", b"", {}
        if form is not None:
            request = httpx.Request("POST", url, data=form, files={"file": ("f", b"sent")})
            method, body, headers = "POST", request.read(), {"content-type": request.headers["content-type"]}
        try:
            target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
            connection.request(method, target, body, {"host": parts.netloc, **headers})
            answer = connection.getresponse()
            told = {key.lower(): value for key, value in answer.getheaders()}
            return answer.status, told, answer.read().decode()
        finally:
            connection.close()

    return sent


def link(s3: Any, bucket: str) -> str:
    made: str = s3.generate_presigned_url("get_object", {"Bucket": bucket, "Key": "k"}, ExpiresIn=60)
    return made


@pytest.mark.parametrize("region", [EARLIER, LATER])
def test_a_link_and_a_form_for_the_host_of_the_buckets_region_are_served(
    cloud: Running, bucket: Callable[[str], str], send: Send, region: str
) -> None:
    named = bucket(region)
    s3 = client(cloud, region, config=REGIONAL)
    assert urlsplit(link(s3, named)).netloc == f"{named}.s3.{region}.amazonaws.com"
    assert send(link(s3, named))[::2] == (200, "said")
    made = s3.generate_presigned_post(named, "new", ExpiresIn=60)
    assert send(made["url"], made["fields"])[0] == 204


@pytest.mark.parametrize(
    ("region", "refusal"),
    [(EARLIER, (307, "TemporaryRedirect")), (LATER, (400, "IllegalLocationConstraintException"))],
    ids=[EARLIER, LATER],
)
def test_what_is_signed_for_the_global_host_is_redirected_or_refused(
    cloud: Running, bucket: Callable[[str], str], send: Send, region: str, refusal: tuple[int, str]
) -> None:
    (status, code), named, s3 = refusal, bucket(region), client(cloud, region)
    signed = link(s3, named)
    assert urlsplit(signed).netloc == f"{named}.s3.amazonaws.com"  # botocore's default
    answer = send(signed)
    assert (answer[0], f"<Code>{code}</Code>" in answer[2]) == (status, True)
    moved = signed.replace(".s3.", f".s3.{region}.", 1)
    assert answer[1].get("location") == (moved if status == 307 else None)
    assert answer[1].get("x-amz-bucket-region") == (region if status == 307 else None)
    if status == 307:  # the signature is for the host that it was made for
        assert send(moved)[0] == 403
    made = s3.generate_presigned_post(named, "new", ExpiresIn=60)
    assert send(made["url"], made["fields"])[0] == status
    kept = client(cloud, region, endpoint_url=cloud.info["endpoint_url"]).list_objects_v2(Bucket=named)
    assert [one["Key"] for one in kept["Contents"]] == ["k"]


def test_the_host_of_another_region_and_the_global_host_with_the_bucket_in_the_path_answer_301(
    bucket: Callable[[str], str], send: Send
) -> None:
    named = bucket(EARLIER)
    for url in (f"https://{named}.s3.eu-west-1.amazonaws.com/k", f"https://s3.amazonaws.com/{named}/k"):
        status, told, body = send(url)
        assert (status, told["x-amz-bucket-region"]) == (301, EARLIER)
        assert f"<Endpoint>{named}.s3.{EARLIER}.amazonaws.com</Endpoint>" in body
        assert "location" not in told


def test_the_global_host_serves_a_bucket_of_us_east_1(cloud: Running, send: Send) -> None:
    named = cloud.outputs["Bucket"]
    cloud.client("s3").put_object(Bucket=named, Key="k", Body=b"said")
    assert cloud.info["region"] == "us-east-1"
    url = link(client(cloud, "us-east-1"), named)
    assert urlsplit(url).netloc == f"{named}.s3.amazonaws.com"
    assert send(url)[::2] == (200, "said")


def test_a_link_that_is_signed_for_another_region_is_refused(
    cloud: Running, bucket: Callable[[str], str], send: Send
) -> None:
    named = bucket(EARLIER)
    host = f"https://s3.{EARLIER}.amazonaws.com"
    status, _, body = send(link(client(cloud, "us-east-1", endpoint_url=host), named))
    assert (status, "<Code>AuthorizationQueryParametersError</Code>" in body) == (400, True)
    assert f"the region 'us-east-1' is wrong; expecting '{EARLIER}'" in body
    here = link(client(cloud, "us-east-1", endpoint_url=cloud.info["endpoint_url"]), named)
    assert send(here)[0] == 301


def test_a_form_that_is_signed_for_another_region_is_refused(
    cloud: Running, bucket: Callable[[str], str], send: Send
) -> None:
    named = bucket(EARLIER)
    for host in (f"https://s3.{EARLIER}.amazonaws.com", cloud.info["endpoint_url"]):
        made = client(cloud, "us-east-1", endpoint_url=host).generate_presigned_post(
            named, "new", ExpiresIn=60
        )
        status, _, body = send(made["url"], made["fields"])
        assert (status, "<Code>InvalidArgument</Code>" in body) == (400, True)
