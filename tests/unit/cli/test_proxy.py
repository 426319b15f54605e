"""proxy: everything passes with credentials added, for this machine alone, and no credential is told."""

from __future__ import annotations

import http.client
import json
import socket
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from typer.testing import CliRunner

from cli.main import app
from tests.support.proxied import Proxy, proxy

KEY, SECRET, REGION = "AKIDEXAMPLE", "wJalrXUtnFEMI-secret", "eu-west-1"
BINARY = bytes(range(256)) * 40


@dataclass
class Upstream:
    """The API: keeps what it was asked, answers what it is told to."""

    url: str
    asked: list[tuple[str, str, dict[str, str], bytes]] = field(default_factory=list)
    status: int = 200
    headers: list[tuple[str, str]] = field(default_factory=list)
    body: bytes = b"{}"


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: _Server

    def handle_one_request(self) -> None:
        self.raw_requestline = self.rfile.readline()
        if not self.raw_requestline or not self.parse_request():
            self.close_connection = True
            return
        api = self.server.api
        headers = {name.lower(): value for name, value in self.headers.items()}
        body = self.rfile.read(int(headers.get("content-length", 0)))
        api.asked.append((self.command, self.path, headers, body))
        self.send_response_only(api.status)
        for name, value in [*api.headers, ("content-length", str(len(api.body)))]:
            self.send_header(name, value)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(api.body)


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    api: Upstream


@pytest.fixture(scope="module")
def server() -> Iterator[_Server]:
    with _Server(("127.0.0.1", 0), _Handler) as made:
        thread = threading.Thread(target=made.serve_forever, args=(0.01,), daemon=True)
        thread.start()
        yield made
        made.shutdown()
        thread.join()


@pytest.fixture
def api(server: _Server) -> Upstream:
    server.api = Upstream(f"http://127.0.0.1:{server.server_port}")
    return server.api


def local(folder: Path, url: str, **outputs: str) -> tuple[str, str]:
    """Options that name an API as the laptop cloud's."""
    file = folder / "local.json"
    about = {"access_key_id": KEY, "secret_access_key": SECRET, "region": REGION, "stage": "local"}
    file.write_text(json.dumps({**about, "endpoint_url": url, "api_url": url, "outputs": outputs}))
    return "--local-file", str(file)


@pytest.fixture(scope="module")
def signing(server: _Server, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Proxy]:
    with proxy(*local(tmp_path_factory.mktemp("proxy"), f"http://127.0.0.1:{server.server_port}")) as running:
        yield running


Answer = tuple[int, list[tuple[str, str]], bytes]


def ask(
    to: Proxy,
    method: str = "GET",
    target: str = "/v1/models",
    body: bytes | None = None,
    headers: dict[str, str] | None = None,
) -> Answer:
    connection = http.client.HTTPConnection(urlsplit(to.url).netloc, timeout=120)
    try:
        connection.putrequest(method, target, skip_host=True, skip_accept_encoding=True)
        sent = {"host": urlsplit(to.url).netloc, **(headers or {})}
        if body is not None:
            sent["content-length"] = str(len(body))
        for name, value in sent.items():
            connection.putheader(name, value)
        connection.endheaders(body)
        answer = connection.getresponse()
        return answer.status, answer.getheaders(), answer.read()
    finally:
        connection.close()


def signature_of(method: str, url: str, headers: dict[str, str], body: bytes) -> str:
    """What AWS would compute of a request as it arrived."""
    names = headers["authorization"].split("SignedHeaders=")[1].split(",")[0].split(";")
    request = AWSRequest(method, url, {name: headers[name] for name in names}, body)
    request.context["timestamp"] = headers["x-amz-date"]
    signer = SigV4Auth(Credentials(KEY, SECRET), "execute-api", REGION)
    return str(signer.signature(signer.string_to_sign(request, signer.canonical_request(request)), request))


@pytest.mark.parametrize("method", ["GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"])
@pytest.mark.parametrize("target", ["/v1/models/iris/runs?limit=5&next=a%2Fb", "/v1/models/a%20b%2Fc", "/"])
def test_every_method_and_path_arrives_as_sent_with_a_signature_that_aws_would_compute(
    signing: Proxy, api: Upstream, method: str, target: str
) -> None:
    body = None if method == "GET" else BINARY
    assert ask(signing, method, target, body, {"content-type": "application/octet-stream"})[0] == 200
    [(asked_method, path, headers, arrived)] = api.asked
    assert (asked_method, path, arrived) == (method, target, body or b"")
    assert headers["content-type"] == "application/octet-stream"
    assert f"/{REGION}/execute-api/aws4_request" in headers["authorization"]
    assert headers["authorization"].endswith(
        "Signature=" + signature_of(method, api.url + target, headers, arrived)
    )


@pytest.mark.parametrize("status", [200, 201, 404, 422, 503])
def test_the_answer_comes_back_as_it_was_given(signing: Proxy, api: Upstream, status: int) -> None:
    api.status, api.body = status, BINARY
    api.headers = [("x-request-id", "r-1"), ("vary", "a"), ("vary", "b"), ("content-encoding", "gzip")]
    got, headers, body = ask(signing, "POST", body=b"{}")
    assert (got, body) == (status, BINARY)
    assert headers == [*api.headers, ("content-length", str(len(BINARY)))]


def test_an_answer_without_a_body_stays_without(signing: Proxy, api: Upstream) -> None:
    api.body = b"12345"
    status, headers, body = ask(signing, "HEAD")
    assert (status, dict(headers)["content-length"], body) == (200, "5", b"")


def test_headers_pass_but_for_other_credentials_and_the_browsers_own(signing: Proxy, api: Upstream) -> None:
    kept = {"idempotency-key": "k-1", "inference-header-content-length": "12", "accept": "x/y"}
    dropped = {"cookie": "session=1", "referer": signing.url, "origin": signing.url, "te": "trailers"}
    other = {"authorization": "Bearer theirs", "x-amz-security-token": "theirs"}
    ask(signing, "POST", body=b"{}", headers={**kept, **dropped, **other})
    headers = api.asked[0][2]
    assert {name: headers.get(name) for name in kept} == kept
    assert not {"cookie", "referer", "origin", "te", "x-amz-security-token"} & set(headers)
    assert "theirs" not in headers["authorization"]
    assert headers["host"] == urlsplit(api.url).netloc


@pytest.mark.parametrize("name", ["127.0.0.1", "localhost", "LOCALHOST"])
def test_the_machines_own_names_are_answered(signing: Proxy, api: Upstream, name: str) -> None:
    own = f"{name}:{urlsplit(signing.url).port}"
    headers = {"host": own, "origin": f"http://{own}", "sec-fetch-site": "same-origin"}
    assert ask(signing, "POST", body=b"{}", headers=headers)[0] == 200
    assert len(api.asked) == 1


@pytest.mark.parametrize(
    "headers",
    [
        {"host": "rebound.example:8000"},
        {"host": "127.0.0.1"},
        {"host": "127.0.0.1:1"},
        {"host": ""},
        {"origin": "https://evil.example"},
        {"origin": "http://127.0.0.1:1"},
        {"origin": "null"},
        {"sec-fetch-site": "cross-site"},
        {"sec-fetch-site": "same-site"},
    ],
    ids=str,
)
@pytest.mark.parametrize("method", ["GET", "POST", "OPTIONS"])
def test_who_comes_from_elsewhere_is_refused_and_never_passed_on(
    signing: Proxy, api: Upstream, method: str, headers: dict[str, str]
) -> None:
    status, _, body = ask(signing, method, headers=headers)
    assert (status, api.asked) == (403, [])
    assert json.loads(body)["title"] == "Not from here"


@pytest.mark.parametrize("target", ["http://evil.example/", "@evil.example/", "*"])
def test_a_target_that_is_no_path_never_leaves_for_another_host(
    signing: Proxy, api: Upstream, target: str
) -> None:
    status, _, _ = ask(signing, "OPTIONS", target)
    assert status in (200, 400, 403)
    assert [path for _, path, _, _ in api.asked if path != "/"] == []


def test_a_body_that_breaks_off_is_not_passed_on(signing: Proxy, api: Upstream) -> None:
    own = urlsplit(signing.url)
    with socket.create_connection((own.hostname, own.port)) as broken:
        broken.sendall(
            f"POST /half HTTP/1.1\r\nhost: {own.netloc}\r\ncontent-length: 100\r\n\r\nhalf".encode()
        )
    ask(signing, "POST", "/whole", b"{}")
    assert [path for _, path, _, _ in api.asked] == ["/whole"]


def test_it_listens_on_this_machine_alone(signing: Proxy) -> None:
    port = urlsplit(signing.url).port
    with socket.socket() as elsewhere:
        elsewhere.bind(("127.0.0.2", port or 0))  # taken, if the proxy listened on every address


def test_requests_are_told_without_secrets_and_ctrl_c_ends_it(api: Upstream, tmp_path: Path) -> None:
    with proxy(*local(tmp_path, api.url)) as running:
        api.status = 422
        ask(
            running,
            "POST",
            "/v1/models/iris/predict?q=hidden",
            b'{"secret": 1}',
            {"authorization": "Bearer t-1"},
        )
        told = running.end()
        assert running.process.returncode == 130
    assert "POST /v1/models/iris/predict 422 " in told
    headers = api.asked[0][2]
    for secret in (KEY, SECRET, "t-1", "hidden", "secret", headers["authorization"].rpartition("=")[2]):
        assert secret not in told
    assert "Traceback" not in told


def test_with_a_token_requests_are_its_bearers(api: Upstream, tmp_path: Path) -> None:
    with proxy(*local(tmp_path, api.url), env={"RELEARN_TOKEN": "a.b.c"}) as running:
        ask(running)
        assert "a.b.c" not in running.end()
    assert api.asked[0][2]["authorization"] == "Bearer a.b.c"
    assert "x-amz-date" not in api.asked[0][2]


def test_a_stage_that_takes_tokens_wants_one_before_it_listens(tmp_path: Path) -> None:
    target = local(tmp_path, "http://127.0.0.1:9", ApiScopePrefix="relearn/")
    result = CliRunner().invoke(app, [*target, "proxy", "--port", "0"])
    assert (result.exit_code, result.stderr.count("\n")) == (1, 1)
    assert "--token or RELEARN_TOKEN" in result.stderr


def test_an_api_that_does_not_answer_is_a_problem_that_says_so(tmp_path: Path) -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{unused.getsockname()[1]}"
        with proxy(*local(tmp_path, url)) as running:
            status, headers, body = ask(running)
    assert (status, dict(headers)["content-type"]) == (502, "application/problem+json")
    assert f"{url} does not answer" in json.loads(body)["detail"]


def test_a_port_that_is_taken_is_one_clear_line(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        target = local(tmp_path, "http://127.0.0.1:9")
        result = CliRunner().invoke(app, [*target, "proxy", "--port", str(port)])
    assert (result.exit_code, result.stderr.count("\n")) == (1, 1)
    assert f"port: got {port}" in result.stderr
