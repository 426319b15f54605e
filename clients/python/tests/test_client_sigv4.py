"""Signed requests, checked as the server checks them: the signature is computed anew from what arrived."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import pytest
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from botocore.exceptions import UnauthorizedSSOTokenError
from hypothesis import given
from hypothesis import strategies as st

from relearn_client import Client, CredentialsError, SigV4
from stub_api import INSTANCE, Ask, Asked, Reply, StubApi, serving

KEYS = Credentials("AKIDEXAMPLE", "wJalrXUtnFEMI", "a-session-token")
PARTS = re.compile(r"AWS4-HMAC-SHA256 Credential=(\S+), SignedHeaders=(\S+), Signature=(\w+)")


def signature_of(asked: Asked, region: str, keys: Credentials = KEYS) -> str:
    """Compute what the signature of an arrived request must be, with botocore, over the headers it says it signed."""
    found = PARTS.fullmatch(asked.headers["authorization"])
    assert found is not None
    signed = {name: asked.headers[name] for name in found.group(2).split(";")}
    request = AWSRequest(asked.method, f"http://{asked.headers['host']}{asked.path}", signed, asked.body)
    request.context["timestamp"] = asked.headers["x-amz-date"]
    signer = SigV4Auth(keys, "execute-api", region)
    return str(signer.signature(signer.string_to_sign(request, signer.canonical_request(request)), request))


def sent_signature(asked: Asked) -> str:
    found = PARTS.fullmatch(asked.headers["authorization"])
    assert found is not None
    return found.group(3)


def test_a_signature_is_what_the_server_computes_from_the_request(api: StubApi, ask: Ask) -> None:
    signer = SigV4(region="eu-central-1", credentials=KEYS)
    ask(
        lambda client: client.predict("iris", [INSTANCE]),
        lambda client: client.model("iris"),
        auth=signer,
    )
    for asked in api.asked:
        assert sent_signature(asked) == signature_of(asked, "eu-central-1")
        assert "Credential=AKIDEXAMPLE/" in asked.headers["authorization"]
        assert "/eu-central-1/execute-api/aws4_request" in asked.headers["authorization"]
        assert asked.headers["x-amz-security-token"] == "a-session-token"


def test_the_body_and_the_idempotency_key_can_not_be_changed_unseen(api: StubApi, ask: Ask) -> None:
    ask(lambda client: client.predict("iris", [INSTANCE]), auth=SigV4(region="eu-west-1", credentials=KEYS))
    asked = api.asked[0]
    other_body = Asked(asked.method, asked.path, asked.headers, asked.body + b" ", asked.connection)
    headers = {**asked.headers, "idempotency-key": "another"}
    other_key = Asked(asked.method, asked.path, headers, asked.body, asked.connection)
    for changed in (other_body, other_key):
        assert sent_signature(changed) != signature_of(changed, "eu-west-1")


@pytest.fixture(scope="module")
def signed_api() -> Iterator[StubApi]:
    with serving() as api:
        yield api


@pytest.fixture(scope="module")
def signed_client(signed_api: StubApi) -> Iterator[Client]:
    with Client(signed_api.url, auth=SigV4(region="eu-west-1", credentials=KEYS)) as client:
        yield client


@given(text=st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=20))
def test_any_name_and_text_is_signed_as_it_travels(
    signed_api: StubApi, signed_client: Client, text: str
) -> None:
    signed_client.predict(text, [{"text": text}])
    asked = signed_api.asked[-1]
    assert sent_signature(asked) == signature_of(asked, "eu-west-1")


def test_every_attempt_is_signed_anew_with_the_credentials_of_the_moment(api: StubApi, ask: Ask) -> None:
    class Renewed:
        def __init__(self) -> None:
            self.keys = [Credentials("FIRST", "one"), Credentials("SECOND", "two")]

        def get_frozen_credentials(self) -> Any:
            return self.keys.pop(0).get_frozen_credentials()

    api.turns = [Reply(503)]
    ask(lambda client: client.models(), auth=SigV4(region="eu-west-1", credentials=Renewed()))
    assert [re.findall(r"Credential=(\w+)", asked.headers["authorization"]) for asked in api.asked] == [
        ["FIRST"],
        ["SECOND"],
    ]
    second = Credentials("SECOND", "two")
    assert sent_signature(api.asked[1]) == signature_of(api.asked[1], "eu-west-1", second)


def test_credentials_and_region_are_found_as_every_aws_tool_finds_them(
    api: StubApi, ask: Ask, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in {
        "ACCESS_KEY_ID": "FOUND",
        "SECRET_ACCESS_KEY": "s",
        "DEFAULT_REGION": "eu-north-1",
    }.items():
        monkeypatch.setenv(f"AWS_{name}", value)
    for name in ("AWS_SESSION_TOKEN", "AWS_PROFILE"):
        monkeypatch.delenv(name, raising=False)
    ask(lambda client: client.models(), auth=SigV4())
    assert "Credential=FOUND/" in api.asked[0].headers["authorization"]
    assert sent_signature(api.asked[0]) == signature_of(api.asked[0], "eu-north-1", Credentials("FOUND", "s"))


@pytest.mark.parametrize(
    ("host", "region"),
    [
        ("abc.execute-api.ap-northeast-1.amazonaws.com", "ap-northeast-1"),
        ("abc.execute-api.cn-north-1.amazonaws.com.cn", "cn-north-1"),
        ("api.example.com", "us-west-2"),
    ],
)
def test_an_api_in_aws_says_its_region_itself(
    host: str, region: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-west-2")
    assert SigV4(credentials=KEYS)._region_of(host) == region


def test_credentials_that_can_not_be_renewed_are_a_clear_error(api: StubApi, ask: Ask) -> None:
    class Expired:
        def get_frozen_credentials(self) -> Any:
            raise UnauthorizedSSOTokenError

    with pytest.raises(CredentialsError, match="SSO"):
        ask(
            lambda client: client.models(),
            auth=SigV4(region="eu-west-1", credentials=Expired()),
        )
    assert api.asked == []


@pytest.fixture
def nothing_configured(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in (
        "ACCESS_KEY_ID",
        "SECRET_ACCESS_KEY",
        "SESSION_TOKEN",
        "PROFILE",
        "REGION",
        "DEFAULT_REGION",
    ):
        monkeypatch.delenv(f"AWS_{name}", raising=False)
    for name in ("AWS_CONFIG_FILE", "AWS_SHARED_CREDENTIALS_FILE"):
        monkeypatch.setenv(name, "/nowhere")
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")


@pytest.mark.usefixtures("nothing_configured")
def test_no_credentials_no_profile_and_no_region_are_clear_errors() -> None:
    with pytest.raises(CredentialsError, match="no AWS credentials"):
        SigV4()
    with pytest.raises(CredentialsError, match="no-such-profile"):
        SigV4(profile="no-such-profile")
    with (
        Client("http://127.0.0.1:9", auth=SigV4(credentials=KEYS)) as client,
        pytest.raises(CredentialsError, match=r"region"),
    ):
        client.models()
