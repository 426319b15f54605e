"""What the pages about the API tell a reader to copy works, and prints what they say."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

from tests.e2e.callers import caller, policy_of
from tests.e2e.client import Stage
from tests.e2e.generated import Programs
from tests.e2e.proxied import proxy_of
from tests.e2e.snippets import FOUND, ROOT, Snippet, run
from tests.support import wire
from tests.support.proxied import Proxy

pytestmark = [pytest.mark.e2e, pytest.mark.local]

SIGNED = next(snippet for snippet in FOUND if "--aws-sigv4" in snippet.code)


MADE_UP = {
    "AWS_REGION": "eu-central-1",
    "AWS_ACCESS_KEY_ID": "AKIDEXAMPLE",
    "AWS_SECRET_ACCESS_KEY": "wJalrXUtnFEMI",
    "AWS_SESSION_TOKEN": "a-session-token",
}


@pytest.fixture(scope="module")
def serving(stage: Stage) -> Stage:
    """The laptop cloud once every model serves."""
    if stage.endpoint_url is None:
        pytest.skip("the snippets are for the laptop cloud")
    for model in ("churn", "diabetes", "iris", "tickets"):
        stage.wait(f"the first model of {model}", lambda model=model: stage.live_version(model))  # type: ignore[misc]
    return stage


@pytest.fixture(scope="module")
def proxy(serving: Stage, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Proxy]:
    with proxy_of(serving, tmp_path_factory.mktemp("proxy")) as running:
        yield running


@pytest.fixture(scope="module")
def environment(serving: Stage) -> Iterator[dict[str, str]]:
    """The shell of somebody whose role may call the API, as the AWS CLI sets it up."""
    with caller(serving, "calls-the-api", policy_of("Allow", "execute-api:Invoke", "*")) as calling:
        keys = calling.session.get_credentials()
        assert keys is not None
        yield {
            "API_URL": serving.api_url,
            "AWS_REGION": str(serving.session.region_name),
            "AWS_DEFAULT_REGION": str(serving.session.region_name),
            "AWS_ACCESS_KEY_ID": str(keys.access_key),
            "AWS_SECRET_ACCESS_KEY": str(keys.secret_key),
            "AWS_SESSION_TOKEN": str(keys.token),
        }


def need_curl(snippet: Snippet) -> None:
    if snippet.language == "sh" and shutil.which("curl") is None:
        pytest.skip("curl is not on PATH")


@pytest.mark.parametrize("language", ["sh", "python", "typescript"])
@pytest.mark.parametrize("heading", ["Predict", "Read a problem"])
def test_the_page_shows_how_in_every_language(heading: str, language: str) -> None:
    part = (
        (ROOT / "docs" / "reference" / "API.md").read_text().split(f"\n## {heading}\n")[1].split("\n## ")[0]
    )
    assert f"```{language}\n" in part


@pytest.mark.parametrize("snippet", FOUND, ids=str)
def test_a_snippet_runs_and_prints_what_the_page_shows(
    snippet: Snippet, proxy: Proxy, environment: dict[str, str], typescript: Programs, tmp_path: Path
) -> None:
    need_curl(snippet)
    output = run(snippet, tmp_path, environment, proxy.url, typescript)
    assert snippet.shows(output), output
    assert output


@pytest.fixture
def listener() -> Iterator[Any]:
    """An address that keeps what it is asked."""
    asked: list[tuple[str, dict[str, str], bytes]] = []

    def keep(path: str, headers: dict[str, str], body: bytes) -> tuple[int, dict[str, str], bytes]:
        asked.append((path, headers, body))
        return 200, {}, b""

    with wire.serving(keep) as url:
        yield url, asked


@pytest.mark.parametrize("token", ["a-session-token", ""])
def test_curl_signs_as_aws_will_check_it(listener: Any, tmp_path: Path, token: str) -> None:
    need_curl(SIGNED)
    url, asked = listener
    lines = [line for line in SIGNED.code.splitlines() if token or "$AWS_SESSION_TOKEN" not in line]
    run(replace(SIGNED, code="\n".join(lines)), tmp_path, {**MADE_UP, "API_URL": url})
    [(path, headers, body)] = asked
    _, _, signed, signature = headers["authorization"].replace(",", "").split()
    names = signed.removeprefix("SignedHeaders=").split(";")
    request = AWSRequest("POST", url + path, {name: headers[name] for name in names}, body)
    request.context["timestamp"] = headers["x-amz-date"]
    signer = SigV4Auth(Credentials("AKIDEXAMPLE", "wJalrXUtnFEMI"), "execute-api", "eu-central-1")
    expected = signer.signature(signer.string_to_sign(request, signer.canonical_request(request)), request)
    assert signature == f"Signature={expected}"
    assert {"host", "x-amz-date"} <= set(names)
    assert headers.get("x-amz-security-token", "") == token
    assert json.loads(body)["instances"]
