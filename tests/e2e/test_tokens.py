"""Where callers send tokens: which are refused and why, and what each scope allows."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from playwright.sync_api import Browser, Page

from relearn_client import Client, RefusedError, laptop
from tests.browser.pages import LOCAL_ALLOWED, chromium
from tests.e2e.clouds import ROOT
from tests.e2e.snippets import run, snippets
from tests.e2e.variants import ORIGIN, Variants
from tests.support.proxied import proxy

pytestmark = [pytest.mark.e2e, pytest.mark.local]

CALLS = {
    "predict": ("POST", "/v1/models/iris/predict", 200),
    "upload": ("POST", "/v1/models/iris/batches", 201),
    "operate": ("GET", "/v1/models/iris/runs", 200),
}
"""A call of each scope, and what it answers."""


@pytest.fixture(scope="module")
def info(variants: Variants) -> Path:
    """Description of a laptop cloud whose API takes tokens, once iris serves."""
    variants.stage.wait("iris serving", lambda: variants.stage.live_version("iris"))
    return variants.info


@pytest.fixture(scope="module")
def about(info: Path) -> Any:
    return json.loads(info.read_text())


def token(about: Any, *scopes: str, **more: str) -> str:
    return laptop.token(about["token_client"], [f"relearn/{scope}" for scope in scopes], **more)


def ask(about: Any, scope: str, bearer: str | None) -> httpx.Response:
    method, path, _ = CALLS[scope]
    sample = json.loads((ROOT / "training/models/iris/sample.json").read_text())
    headers = {} if bearer is None else {"authorization": f"Bearer {bearer}"}
    return httpx.request(
        method, about["api_url"] + path, headers=headers, json=sample if scope == "predict" else None
    )


@pytest.mark.parametrize("scope", CALLS)
def test_a_token_with_the_scope_is_let_in(about: Any, scope: str) -> None:
    assert ask(about, scope, token(about, scope)).status_code == CALLS[scope][2]


@pytest.mark.parametrize("scope", CALLS)
def test_a_token_without_the_scope_is_forbidden(about: Any, scope: str) -> None:
    answer = ask(about, scope, token(about, *(other for other in CALLS if other != scope)))
    assert (answer.status_code, answer.json()) == (403, {"message": "Forbidden"})


@pytest.mark.parametrize("scope", CALLS)
def test_without_a_token_nobody_is_let_in(about: Any, scope: str) -> None:
    answer = ask(about, scope, None)
    assert (answer.status_code, answer.json()) == (401, {"message": "Unauthorized"})
    assert answer.headers["www-authenticate"] == "Bearer"


def foreign(about: Any) -> str:
    """A token that says what ours say, signed by somebody else."""
    ours = token(about, *CALLS)
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    claims = jwt.decode(ours, options={"verify_signature": False})
    return jwt.encode(claims, key, "RS256", headers={"kid": jwt.get_unverified_header(ours)["kid"]})


REFUSED: dict[str, tuple[Callable[[Any], str], str]] = {
    "expired": (lambda about: token(about, *CALLS, expires_in="-1"), "the token has expired"),
    "for another audience": (
        lambda about: token(about, *CALLS, audience="another"),
        "the token does not have a valid audience",
    ),
    "of another issuer": (foreign, "the token's signature is wrong"),
    "no token at all": (lambda _: "nonsense", "the token is malformed"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_a_token_that_is_not_valid_is_refused_and_says_why(about: Any, name: str) -> None:
    make, why = REFUSED[name]
    answer = ask(about, "predict", make(about))
    assert (answer.status_code, answer.json()) == (401, {"message": "Unauthorized"})
    assert answer.headers["www-authenticate"].startswith('Bearer scope="" error="invalid_token"')
    assert why in answer.headers["www-authenticate"]


def relearn(info: Path, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    path = os.pathsep.join(map(str, (ROOT, ROOT / "clients" / "python" / "src")))
    command = [sys.executable, "-m", "cli", "--local-file", str(info), *arguments]
    return subprocess.run(
        command,
        env={**os.environ, "PYTHONPATH": path, **environment},
        capture_output=True,
        text=True,
        check=False,
    )


def test_the_command_gives_a_token_that_the_python_client_sends(info: Path, about: Any) -> None:
    made = relearn(info, "token", "--scope", "predict").stdout.strip()
    with Client(about["api_url"], auth=made) as client:
        sample = client.model("iris").sample["instances"]
        assert client.predict("iris", sample).labels == ["setosa", "versicolor", "virginica"]
        with pytest.raises(RefusedError) as caught:
            client.runs("iris")
    assert caught.value.status == 403


def test_the_snippet_of_the_page_predicts_with_a_token(about: Any, tmp_path: Path) -> None:
    if shutil.which("curl") is None:
        pytest.skip("curl is not on PATH")
    page = ROOT / "docs" / "reference" / "API.md"
    (snippet,) = (one for one in snippets(page) if "RELEARN_TOKEN" in one.code)
    shell = {"API_URL": about["api_url"], "RELEARN_TOKEN": token(about, "predict")}
    assert json.loads(run(snippet, tmp_path, shell))["predictions"][0]["label"] == "setosa"


def test_the_command_predicts_with_a_token_of_its_own_or_the_one_it_is_given(info: Path, about: Any) -> None:
    assert relearn(info, "predict", "iris", "--sample").returncode == 0
    assert relearn(info, "predict", "iris", "--sample", RELEARN_TOKEN=token(about, "predict")).returncode == 0
    refused = relearn(info, "predict", "iris", "--sample", RELEARN_TOKEN=token(about, "operate"))
    assert refused.returncode == 1
    assert refused.stderr.count("\n") == 1


def test_a_proxy_adds_a_token_of_its_own(info: Path) -> None:
    with proxy("--local-file", str(info)) as running:
        assert "iris" in [
            one["name"] for one in httpx.get(running.url + "/v1/models", timeout=120).json()["models"]
        ]


def test_the_description_names_each_operations_scope(about: Any) -> None:
    headers = {"authorization": f"Bearer {token(about, 'predict')}"}
    document = httpx.get(about["api_url"] + "/openapi.json", headers=headers, timeout=120).json()
    described = document["paths"]["/v1/models/{model}/batches"]["post"]
    assert described["security"] == [{"token": ["relearn/upload"]}]


def test_a_page_of_the_stages_origin_may_ask_before_it_has_a_token(about: Any) -> None:
    asked = {"access-control-request-method": "POST", "access-control-request-headers": "authorization"}
    url = about["api_url"] + CALLS["predict"][1]
    allowed = httpx.options(url, headers={**asked, "origin": ORIGIN})
    assert allowed.status_code == 204
    assert allowed.headers["access-control-allow-origin"] == ORIGIN
    assert "authorization" in allowed.headers["access-control-allow-headers"]
    other = httpx.options(url, headers={**asked, "origin": "https://evil.example.com"})
    assert "access-control-allow-origin" not in other.headers


FETCH = """async ([url, bearer, body]) => {
  const headers = {authorization: `Bearer ${bearer}`, "content-type": "application/json"};
  const asked = body === null ? {headers} : {method: "POST", headers, body: JSON.stringify(body)};
  try { const got = await fetch(url, asked); return [got.status, await got.json()] } catch { return "failed" }
}"""


@pytest.fixture
def browser() -> Iterator[Browser]:
    with chromium(LOCAL_ALLOWED) as started:
        yield started


def page_of(browser: Browser, origin: str) -> tuple[Page, list[str]]:
    """Open an empty page of an origin; give it with the methods of what it asks the network for."""
    page = browser.new_page()
    page.route(
        f"{origin}/",
        lambda route: route.fulfill(body="<!doctype html><title>An app</title>", content_type="text/html"),
    )
    page.goto(f"{origin}/")
    page.unroute_all()  # while anything is routed, Playwright answers preflights itself
    asked: list[str] = []
    session = page.context.new_cdp_session(page)
    session.on("Network.requestWillBeSent", lambda sent: asked.append(sent["request"]["method"]))
    session.send("Network.enable")
    return page, asked


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [CALLS["predict"], ("GET", "/v1/no-such-operation", 404)],
    ids=["a route of an operation", "the default route"],
)
def test_a_page_of_the_stages_origin_calls_with_a_token_and_a_page_of_another_does_not(
    browser: Browser, about: Any, method: str, path: str, status: int
) -> None:
    """Both routes have the authorizer, and a preflight has no token: "CORS for HTTP APIs", API Gateway Developer Guide."""
    body = json.loads((ROOT / "training/models/iris/sample.json").read_text())
    call = [about["api_url"] + path, token(about, *CALLS), body if method == "POST" else None]
    assert httpx.request(method, call[0]).status_code == 401
    page, asked = page_of(browser, ORIGIN)
    answer = page.evaluate(FETCH, call)
    assert answer[0] == status, answer
    assert "OPTIONS" in asked
    other, asked = page_of(browser, "https://evil.example.com")
    assert other.evaluate(FETCH, call) == "failed"
    assert "OPTIONS" in asked
