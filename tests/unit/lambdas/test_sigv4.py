"""Signatures are AWS's: whatever is signed, botocore's own signer makes the same of it."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from typing import Any
from urllib.parse import quote

import boto3
import pytest
from botocore.auth import S3SigV4Auth, SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.config import Config
from botocore.credentials import Credentials as BotoCredentials
from hypothesis import given
from hypothesis import strategies as st

from lambdas.aws.fast import client as direct
from lambdas.aws.fast.connections import Connections, Reply
from lambdas.aws.fast.sigv4 import Credentials, Signer
from relearn.errors import ConfigError

PRINTABLE = st.text(st.characters(min_codepoint=33, max_codepoint=126), min_size=1)
ENDPOINT = st.text(min_size=1).filter(lambda name: name not in {".", ".."} and _encodes(name))
STAMPS = st.datetimes().filter(lambda at: at.year > 1999).map(lambda at: at.strftime("%Y%m%dT%H%M%SZ"))
ENVIRONMENT = {"AWS_REGION": "eu-central-1", "AWS_ACCESS_KEY_ID": "AKID", "AWS_SECRET_ACCESS_KEY": "secret"}


def _encodes(text: str) -> bool:
    return not any("\ud800" <= letter <= "\udfff" for letter in text)


def theirs(  # noqa: PLR0917 - all that a signature depends on
    credentials: Credentials,
    service: str,
    url: str,
    headers: dict[str, str],
    body: bytes,
    stamp: str,
    method: str = "POST",
) -> str:
    """Sign as botocore does, at a time of ours."""
    request = AWSRequest(method, url, data=body, headers={k: v for k, v in headers.items() if k != "host"})
    request.context["timestamp"] = stamp
    request.headers["X-Amz-Date"] = stamp
    if credentials.token:
        request.headers["X-Amz-Security-Token"] = credentials.token
    kind = S3SigV4Auth if service == "s3" else SigV4Auth
    signer = kind(
        BotoCredentials(credentials.access_key, credentials.secret_key, credentials.token or None),
        service,
        "eu-central-1",
    )
    text = signer.string_to_sign(request, signer.canonical_request(request))
    inject: Any = signer
    inject._inject_signature_to_request(request, signer.signature(text, request))
    return str(request.headers["Authorization"])


@given(
    keys=st.builds(Credentials, PRINTABLE, PRINTABLE, st.just("") | PRINTABLE),
    service=st.sampled_from(["sagemaker", "dynamodb", "sqs"]),
    host=st.sampled_from(["runtime.sagemaker.eu-central-1.amazonaws.com", "127.0.0.1:4566"]),
    endpoint=ENDPOINT,
    target=st.text(st.characters(min_codepoint=32, max_codepoint=126)),
    body=st.binary(),
    stamp=STAMPS,
)
def test_every_signature_is_botocores(  # noqa: PLR0917 - all that a signature depends on
    keys: Credentials, service: str, host: str, endpoint: str, target: str, body: bytes, stamp: str
) -> None:
    path = f"/endpoints/{quote(endpoint, safe='')}/invocations"
    headers = {"host": host, "content-type": "application/json", "x-amz-target": target}
    ours = Signer(keys, "eu-central-1", service).sign("POST", path, headers, body, stamp)
    scheme = "http" if ":" in host else "https"
    assert ours["authorization"] == theirs(keys, service, f"{scheme}://{host}{path}", headers, body, stamp)
    assert ours.get("x-amz-security-token", "") == keys.token


@given(
    host=st.sampled_from(["s3.eu-central-1.amazonaws.com", "127.0.0.1:4566"]),
    key=st.text(min_size=1).filter(_encodes).filter(lambda key: not {".", ".."} & set(key.split("/"))),
    body=st.binary(),
    stamp=STAMPS,
)
def test_a_signature_for_s3_is_botocores(host: str, key: str, body: bytes, stamp: str) -> None:
    keys, path = Credentials("AKID", "secret", "token"), f"/bucket/{quote(key)}"
    headers = {"host": host, "content-type": "application/jsonlines", "if-none-match": "*"}
    ours = Signer(keys, "eu-central-1", "s3").sign("PUT", path, headers, body, stamp)
    scheme = "http" if ":" in host else "https"
    sent = {**headers, "x-amz-content-sha256": ours["x-amz-content-sha256"]}
    assert ours["x-amz-content-sha256"] == hashlib.sha256(body).hexdigest()
    assert ours["authorization"] == theirs(keys, "s3", f"{scheme}://{host}{path}", sent, body, stamp, "PUT")


def test_a_signer_signs_for_the_day_it_is() -> None:
    keys = Credentials("AKID", "secret")
    signer = Signer(keys, "eu-central-1", "dynamodb")
    headers = {"host": "h", "content-type": "application/json"}
    for stamp in ("20260504T235959Z", "20260505T000000Z", "20260504T235959Z"):
        signed = signer.sign("POST", "/", headers, b"{}", stamp)["authorization"]
        assert signed == theirs(keys, "dynamodb", "https://h/", headers, b"{}", stamp)


def test_credentials_do_not_show_their_secrets() -> None:
    shown = repr(Credentials("AKID", "sesame", "token-of-mine"))
    assert "sesame" not in shown
    assert "token-of-mine" not in shown


@pytest.mark.parametrize(
    ("ours", "theirs_"),
    [("sagemaker", "sagemaker-runtime"), *((name, name) for name in ("dynamodb", "s3", "sqs"))],
)
@pytest.mark.parametrize(
    "region", ["eu-central-1", "us-east-1", "cn-north-1", "us-gov-west-1", "ap-northeast-1"]
)
def test_a_regions_endpoint_is_the_one_that_botocore_knows(ours: str, theirs_: str, region: str) -> None:
    service = direct.service(ours, {**ENVIRONMENT, "AWS_REGION": region})
    regional = Config(s3={"us_east_1_regional_endpoint": "regional"})
    client = boto3.Session("a", "b").client(theirs_, region_name=region, config=regional)  # type: ignore[call-overload]
    assert f"https://{service._connections.host}" == client.meta.endpoint_url


@pytest.mark.parametrize("name", ["AWS_ENDPOINT_URL_SAGEMAKER_RUNTIME", "AWS_ENDPOINT_URL"])
def test_an_endpoint_can_be_given(name: str) -> None:
    environ = {**ENVIRONMENT, "AWS_ENDPOINT_URL": "http://127.0.0.1:1", name: "http://127.0.0.1:4566/"}
    assert direct.service("sagemaker", environ)._connections.host == "127.0.0.1:4566"


@pytest.mark.parametrize("missing", list(ENVIRONMENT))
def test_what_is_missing_is_named(missing: str) -> None:
    with pytest.raises(ConfigError, match=missing):
        direct.service("dynamodb", {k: v for k, v in ENVIRONMENT.items() if k != missing})


def test_an_endpoint_that_is_no_url_is_refused() -> None:
    with pytest.raises(ConfigError, match=re.escape("https://")):
        direct.service("dynamodb", {**ENVIRONMENT, "AWS_ENDPOINT_URL": "localhost:4566"})


@pytest.mark.parametrize("value", ["two  spaces", " around ", "a\ttab", "  many   of  them  "])
def test_spaces_in_a_signed_header_count_as_one(value: str) -> None:
    keys = Credentials("AKID", "secret")
    headers = {"host": "h", "content-type": "application/json", "x-amz-target": value}
    stamp = "20260504T100000Z"
    signed = Signer(keys, "eu-central-1", "dynamodb").sign("POST", "/", headers, b"{}", stamp)
    single = {**headers, "x-amz-target": " ".join(value.split())}
    assert signed["authorization"] == theirs(keys, "dynamodb", "https://h/", single, b"{}", stamp)


def test_a_request_is_signed_with_its_host() -> None:
    sent: list[Mapping[str, str]] = []

    class Answering(Connections):
        def send(
            self, method: str, path: str, headers: Mapping[str, str], body: bytes, seconds: float
        ) -> Reply:
            del method, path, body, seconds
            sent.append(headers)
            return Reply(200, {}, b"")

    signer = Signer(Credentials("AKID", "secret"), "eu-central-1", "sqs")
    direct.Service(Answering("https://sqs.example:444"), signer).send("POST", "/", {}, b"", 1)
    assert sent[0]["host"] == "sqs.example:444"
    assert "SignedHeaders=host;x-amz-date" in sent[0]["authorization"]
