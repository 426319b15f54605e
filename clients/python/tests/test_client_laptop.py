"""The laptop cloud's description: where its API is, and how its owner's requests are let in."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs

import pytest

from relearn_client import Bearer, Client, CredentialsError, SigV4, laptop
from stub_api import StubApi

KEYS = {"access_key_id": "id", "secret_access_key": "secret", "region": "eu-west-1"}


@dataclass
class Issuer:
    """A token endpoint that answers what it is told to."""

    client: dict[str, str]
    asked: list[dict[str, list[str]]] = field(default_factory=list)
    answer: tuple[int, Any] = (200, {"access_token": "a-token"})


@pytest.fixture
def issuer() -> Iterator[Issuer]:
    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            made.asked.append(parse_qs(self.rfile.read(int(self.headers["content-length"])).decode()))
            status, body = made.answer
            self.send_response(status)
            self.end_headers()
            self.wfile.write(json.dumps(body).encode())

        def log_message(self, *_: object) -> None:
            pass

    with HTTPServer(("127.0.0.1", 0), Handler) as server:
        url = f"http://127.0.0.1:{server.server_port}/token"
        made = Issuer({"token_endpoint": url, "client_id": "laptop", "client_secret": "hidden"})
        thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
        thread.start()
        yield made
        server.shutdown()
        thread.join()


def described(folder: Path, **about: Any) -> Path:
    file = folder / "local.json"
    file.write_text(json.dumps(about))
    return file


def test_where_requests_are_signed_its_administrator_signs(api: StubApi, tmp_path: Path) -> None:
    file = described(tmp_path, api_url=api.url, outputs={"ApiAuth": "iam"}, **KEYS)
    assert isinstance(laptop.find(file)[1], SigV4)
    with Client.local(file) as client:
        client.models()
    assert "Credential=id/" in api.asked[0].headers["authorization"]
    assert "/eu-west-1/execute-api/" in api.asked[0].headers["authorization"]


def test_where_tokens_are_taken_one_with_every_scope_is_asked_for(
    api: StubApi, issuer: Issuer, tmp_path: Path
) -> None:
    outputs = {"ApiAuth": "jwt", "ApiScopePrefix": "our/"}
    file = described(tmp_path, api_url=api.url, outputs=outputs, token_client=issuer.client, **KEYS)
    assert isinstance(laptop.find(file)[1], Bearer)
    with Client.local(file) as client:
        client.models()
    assert api.asked[0].headers["authorization"] == "Bearer a-token"
    assert issuer.asked == [
        {
            "grant_type": ["client_credentials"],
            "client_id": ["laptop"],
            "client_secret": ["hidden"],
            "scope": ["our/predict our/upload our/operate"],
        }
    ]


@pytest.mark.parametrize(
    ("answer", "why"),
    [
        ((401, {"error": "invalid_client"}), "invalid_client"),
        ((400, {"error": "invalid_request", "error_description": "takes no tokens"}), "takes no tokens"),
        ((500, []), "gives no token"),
    ],
)
def test_a_refusal_of_the_issuer_is_told(issuer: Issuer, answer: tuple[int, Any], why: str) -> None:
    issuer.answer = answer
    with pytest.raises(CredentialsError, match=why) as caught:
        laptop.token(issuer.client, ["our/predict"])
    assert "hidden" not in str(caught.value)


def test_an_issuer_that_is_gone_is_told() -> None:
    with pytest.raises(CredentialsError, match="does not answer"):
        laptop.token(
            {"token_endpoint": "http://127.0.0.1:9/token", "client_id": "a", "client_secret": "b"}, []
        )
