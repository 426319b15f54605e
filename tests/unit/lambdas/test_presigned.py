"""A presigned form or link names the host of its bucket's region, in every partition."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from lambdas import forget_all
from lambdas.aws import clients
from lambdas.aws.s3.presigned import Links


@pytest.fixture(autouse=True)
def nobody(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    for name, value in {"ACCESS_KEY_ID": "AKIDEXAMPLE", "SECRET_ACCESS_KEY": "secret"}.items():
        monkeypatch.setenv(f"AWS_{name}", value)
    monkeypatch.delenv("AWS_ENDPOINT_URL", raising=False)
    forget_all()
    yield
    forget_all()


def links(region: str, monkeypatch: pytest.MonkeyPatch) -> Links:
    monkeypatch.setenv("AWS_DEFAULT_REGION", region)
    return Links(clients.s3_links())


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
    region: str, host: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    signing = links(region, monkeypatch)
    link = signing.download("lake", "results.csv", filename="results.csv", seconds=60)
    assert link.startswith(f"https://{host}/results.csv?")
    assert "X-Amz-Algorithm=AWS4-HMAC-SHA256" in link
    form = signing.upload("lake", "data.csv", max_bytes=10, seconds=60)
    assert form.url == f"https://{host}/"
    assert form.fields["x-amz-algorithm"] == "AWS4-HMAC-SHA256"


def test_an_endpoint_that_is_an_address_has_the_bucket_in_its_path(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:4566")
    link = links("us-east-1", monkeypatch).download("lake", "results.csv", filename="results.csv", seconds=60)
    assert link.startswith("http://127.0.0.1:4566/lake/results.csv?")
