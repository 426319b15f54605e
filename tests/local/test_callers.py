"""What API Gateway asks before a function hears of a request, where MiniStack by itself asks less."""

from __future__ import annotations

import hashlib
import hmac
import http.client
import json
import subprocess
import sys
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

from tests.local.conftest import Running
from tests.local.test_functions import SLOW, create

FORBIDDEN = (403, {"message": "Forbidden"})
PAGE = "https://app.example.com"


@dataclass
class Api:
    """An API of the toy function, made for these tests."""

    id: str
    url: str
    region: str
    keys: tuple[str, str]

    def ask(
        self,
        path: str,
        headers: dict[str, str] | None = None,
        body: bytes | None = None,
        method: str = "POST",
    ) -> tuple[int, Any]:
        status, _, answer = self.answer(path, headers, body, method)
        return status, answer

    def answer(
        self, path: str, headers: dict[str, str] | None, body: bytes | None, method: str
    ) -> tuple[int, Any, Any]:
        request = urllib.request.Request(self.url + path, body, headers or {}, method=method)  # noqa: S310
        try:
            with urllib.request.urlopen(request, timeout=120) as answer:  # noqa: S310
                return answer.status, answer.headers, json.loads(answer.read() or b"null")
        except urllib.error.HTTPError as error:
            return error.code, error.headers, json.loads(error.read() or b"null")

    def signed(
        self,
        path: str,
        body: bytes = b"{}",
        *,
        keys: tuple[str, str] = ("", ""),
        service: str = "execute-api",
        region: str = "",
        method: str = "POST",
    ) -> dict[str, str]:
        """The headers of a signed request."""
        request = AWSRequest(method, self.url + path, {"content-type": "application/json"}, body)
        used = [given or own for given, own in zip(keys, self.keys, strict=True)]
        SigV4Auth(Credentials(*used), service, region or self.region).add_auth(request)
        return dict(request.headers)


@dataclass
class ByHand:
    """A signature as the guide describes it ("Create a signed AWS API request"), made wrong on purpose."""

    api: Api
    names: str = "content-type;host;x-amz-date;x-note"
    end: str = "aws4_request"
    note: str = "two words"

    def send(self, *more: tuple[str, str], note: str | None = None) -> int:
        """Send the signed request, with other or more lines in its head; the status of its answer."""
        url = urllib.parse.urlsplit(f"{self.api.url}/things/1")
        stamp = datetime.now(UTC).strftime("%Y%m%dT%H%M%SZ")
        head = {
            "content-type": "application/json",
            "host": url.netloc,
            "x-amz-date": stamp,
            "x-note": self.note,
        }
        signed = "".join(f"{name}:{head.get(name, '')}\n" for name in self.names.split(";"))
        digest = hashlib.sha256(b"{}").hexdigest()
        request = f"POST\n{urllib.parse.quote(url.path)}\n\n{signed}\n{self.names}\n{digest}"
        scope = f"{stamp[:8]}/{self.api.region}/execute-api/{self.end}"
        text = f"AWS4-HMAC-SHA256\n{stamp}\n{scope}\n{hashlib.sha256(request.encode()).hexdigest()}"
        key = b"AWS4" + self.api.keys[1].encode()
        for part in (*scope.split("/"), text):
            key = hmac.digest(key, part.encode(), "sha256")
        who = f"Credential={self.api.keys[0]}/{scope}, SignedHeaders={self.names}, Signature={key.hex()}"
        head |= {"x-note": self.note if note is None else note}
        lines = [*head.items(), ("authorization", f"AWS4-HMAC-SHA256 {who}"), *more]
        connection = http.client.HTTPConnection(url.netloc, timeout=120)
        connection.putrequest("POST", url.path, skip_host=True)
        for name, value in (*lines, ("content-length", "2")):
            connection.putheader(name, value)
        connection.endheaders(b"{}")
        status = connection.getresponse().status
        connection.close()
        return status


@pytest.fixture(scope="module")
def api(cloud: Running) -> Iterator[Api]:
    gateway, functions = cloud.client("apigatewayv2"), cloud.client("lambda")
    function = functions.get_function(FunctionName=cloud.outputs["Function"])["Configuration"]["FunctionArn"]
    cors = {"AllowOrigins": [PAGE], "AllowMethods": ["POST"], "AllowHeaders": ["authorization"]}
    made = gateway.create_api(Name="callers", ProtocolType="HTTP", CorsConfiguration=cors)["ApiId"]
    integration = gateway.create_integration(
        ApiId=made, IntegrationType="AWS_PROXY", IntegrationUri=function, PayloadFormatVersion="2.0"
    )["IntegrationId"]
    for key in ("POST /things/{thing}", "POST /seldom", "$default"):
        target = f"integrations/{integration}"
        gateway.create_route(ApiId=made, RouteKey=key, Target=target, AuthorizationType="AWS_IAM")
    seldom = {"POST /seldom": {"ThrottlingRateLimit": 0.001, "ThrottlingBurstLimit": 2}}
    gateway.create_stage(ApiId=made, StageName="$default", AutoDeploy=True, RouteSettings=seldom)
    functions.add_permission(
        FunctionName=function,
        StatementId="callers",
        Action="lambda:InvokeFunction",
        Principal="apigateway.amazonaws.com",
        SourceArn=f"arn:aws:execute-api:{cloud.info['region']}:{cloud.info['account']}:{made}/*",
    )
    address = f"{cloud.info['endpoint_url']}/_aws/execute-api/{made}/$default"
    yield Api(made, address, cloud.info["region"], cloud.keys)
    functions.remove_permission(FunctionName=function, StatementId="callers")
    gateway.delete_api(ApiId=made)


@pytest.fixture
def preflights(cloud: Running, api: Api) -> Iterator[None]:
    """The route without authorisation that lets preflights pass."""
    gateway = cloud.client("apigatewayv2")
    (found,) = gateway.get_integrations(ApiId=api.id)["Items"]
    target = f"integrations/{found['IntegrationId']}"
    route = gateway.create_route(ApiId=api.id, RouteKey="OPTIONS /{proxy+}", Target=target)["RouteId"]
    yield
    gateway.delete_route(ApiId=api.id, RouteId=route)


@pytest.mark.parametrize("path", ["/things/1", "/things/a%20b", "/things/1?q=a%20b&empty=&q=2", "/nothing"])
def test_a_signed_request_of_the_administrator_is_let_in(api: Api, path: str) -> None:
    assert api.ask(path, api.signed(path), b"{}")[0] == 200


@pytest.mark.parametrize("more", [0, 1])
def test_a_request_has_ten_megabytes_and_no_more(api: Api, more: int) -> None:
    """Quotas of HTTP APIs (API Gateway Developer Guide): a payload has 10 MB; what Lambda takes is less."""
    body = b" " * (10 * 1024 * 1024 + more)
    refused = api.ask("/things/1", api.signed("/things/1", body), body) == (
        413,
        {"message": "Request Entity Too Large"},
    )
    assert refused is bool(more)


def test_a_function_that_takes_longer_than_the_integration_waits_is_answered_for(
    cloud: Running, api: Api, name: str
) -> None:
    """An HTTP API waits for 30 s at most, or as long as the integration says; then 503 (serverless/serverless#11222)."""
    create(cloud, name, {"code.py": SLOW.replace('event["seconds"]', "25").format(answer="late")})
    gateway, functions = cloud.client("apigatewayv2"), cloud.client("lambda")
    function = functions.get_function(FunctionName=name)["Configuration"]["FunctionArn"]
    source = f"arn:aws:execute-api:{cloud.info['region']}:{cloud.info['account']}:{api.id}/*"
    functions.add_permission(
        FunctionName=name,
        StatementId="slow",
        Action="lambda:InvokeFunction",
        Principal="apigateway.amazonaws.com",
        SourceArn=source,
    )
    integration = gateway.create_integration(
        ApiId=api.id,
        IntegrationType="AWS_PROXY",
        IntegrationUri=function,
        PayloadFormatVersion="2.0",
        TimeoutInMillis=100,
    )["IntegrationId"]
    target = f"integrations/{integration}"
    route = gateway.create_route(
        ApiId=api.id, RouteKey="POST /slow", Target=target, AuthorizationType="AWS_IAM"
    )["RouteId"]
    status, answer = api.ask("/slow", api.signed("/slow"), b"{}")[:2]
    gateway.delete_route(ApiId=api.id, RouteId=route)
    gateway.delete_integration(ApiId=api.id, IntegrationId=integration)
    assert (status, answer) == (503, {"message": "Service Unavailable"})


def test_an_unsigned_request_is_forbidden(api: Api) -> None:
    assert api.ask("/things/1", body=b"{}") == FORBIDDEN
    assert api.ask("/nothing", body=b"{}") == FORBIDDEN
    assert api.ask("/things/1", {"authorization": "Bearer token"}, b"{}") == FORBIDDEN


@pytest.mark.parametrize(
    "wrong",
    [
        {"keys": ("", "not its secret")},
        {"keys": ("AKIDNOBODY", "secret")},
        {"keys": ("test", "test")},
        {"service": "s3"},
        {"region": "eu-west-3"},
        {"method": "GET"},
        {"body": b'{"other": 1}'},
    ],
    ids=lambda wrong: next(iter(wrong)),
)
def test_a_request_that_is_signed_wrongly_is_forbidden(api: Api, wrong: dict[str, Any]) -> None:
    assert api.ask("/things/1", api.signed("/things/1", **wrong), b"{}") == FORBIDDEN


def test_a_signature_is_for_one_path_and_query(api: Api) -> None:
    assert api.ask("/things/2", api.signed("/things/1"), b"{}") == FORBIDDEN
    assert api.ask("/things/1?a=2", api.signed("/things/1?a=1"), b"{}") == FORBIDDEN


def test_a_digest_that_is_not_the_bodys_is_forbidden(api: Api) -> None:
    """The signature is over the digest that a header names, so a changed body alone would go unseen."""
    request = AWSRequest("POST", api.url + "/things/1", {"x-amz-content-sha256": "0" * 64}, b"{}")
    SigV4Auth(Credentials(*api.keys), "execute-api", api.region).add_auth(request)
    assert api.ask("/things/1", dict(request.headers), b"{}") == FORBIDDEN


@pytest.mark.parametrize("note", ["two words", "  two words ", "two   words", " two    words  "])
def test_spaces_around_and_within_a_signed_value_count_as_one(api: Api, note: str) -> None:
    assert ByHand(api).send(note=note) == 200
    assert ByHand(api).send(note=f"{note}x") == 403
    assert ByHand(api).send(note=note.replace(" ", "")) == 403


@pytest.mark.parametrize(
    "wrong",
    [
        {"names": "content-type;x-amz-date;x-note"},
        {"names": "content-type;host;x-note"},
        {"names": "host;content-type;x-amz-date;x-note"},
        {"names": "content-type;host;host;x-amz-date;x-note"},
        {"names": "content-type;host;x-amz-date;x-note;x-other"},
        {"names": "content-type;host;;x-amz-date;x-note"},
        {"end": "aws4"},
    ],
    ids=["no host", "no date", "unsorted", "twice", "not sent", "empty", "end of the scope"],
)
def test_a_signature_over_other_headers_than_it_must_cover_is_forbidden(
    api: Api, wrong: dict[str, str]
) -> None:
    assert ByHand(api, **wrong).send() == 403


@pytest.mark.parametrize(
    "more",
    [
        ("authorization", "AWS4-HMAC-SHA256 Credential=x, SignedHeaders=host, Signature=x"),
        ("authorization", "Bearer token"),
        ("Authorization", ""),
        ("x-amz-date", "20260504T100000Z"),
        ("x-amz-security-token", "a token that nobody signed"),
        ("x-amz-meta", "a header of AWS's that nobody signed"),
    ],
)
def test_what_a_signature_does_not_cover_or_says_twice_is_forbidden(api: Api, more: tuple[str, str]) -> None:
    assert ByHand(api).send() == 200
    assert ByHand(api).send(more) == 403


@pytest.mark.parametrize(("minutes", "status"), [(-6, 403), (-4, 200), (4, 200), (6, 403)])
def test_a_signature_holds_for_five_minutes(
    api: Api, monkeypatch: pytest.MonkeyPatch, minutes: int, status: int
) -> None:
    then = datetime.now(UTC).replace(tzinfo=None) + timedelta(minutes=minutes)
    monkeypatch.setattr("botocore.auth.get_current_datetime", lambda *_, **__: then)
    assert api.ask("/things/1", api.signed("/things/1"), b"{}")[0] == status


def test_the_signers_policies_decide_what_it_may_call(cloud: Running, api: Api) -> None:
    iam = cloud.client("iam")
    iam.create_user(UserName="caller")
    made = iam.create_access_key(UserName="caller")["AccessKey"]
    keys = made["AccessKeyId"], made["SecretAccessKey"]
    assert api.ask("/things/1", api.signed("/things/1", keys=keys), b"{}") == FORBIDDEN
    place = f"arn:aws:execute-api:{cloud.info['region']}:{cloud.info['account']}:{api.id}"
    allowed = {
        "Effect": "Allow",
        "Action": "execute-api:Invoke",
        "Resource": f"{place}/$default/POST/things/1",
    }
    policy = json.dumps({"Version": "2012-10-17", "Statement": [allowed]})
    iam.put_user_policy(UserName="caller", PolicyName="one-thing", PolicyDocument=policy)
    assert api.ask("/things/1", api.signed("/things/1", keys=keys), b"{}")[0] == 200
    assert api.ask("/things/2", api.signed("/things/2", keys=keys), b"{}") == FORBIDDEN
    assert api.ask("/things/1", api.signed("/things/1", keys=(keys[0], "guessed")), b"{}") == FORBIDDEN


def test_a_route_that_is_called_too_often_answers_429(api: Api) -> None:
    asked = [api.ask("/seldom", api.signed("/seldom"), b"{}") for _ in range(4)]
    assert [status for status, _ in asked] == [200, 200, 429, 429]
    assert asked[-1][1] == {"message": "Too Many Requests"}
    assert api.ask("/things/1", api.signed("/things/1"), b"{}")[0] == 200


@pytest.mark.parametrize("end", ["raise", "die"])
def test_of_a_function_that_fails_or_is_killed_a_caller_hears_no_more_than_on_aws(api: Api, end: str) -> None:
    path = f"/things/{end}"
    assert api.ask(path, api.signed(path), b"{}") == (500, {"message": "Internal Server Error"})
    assert api.ask("/things/1", api.signed("/things/1"), b"{}")[0] == 200


def test_of_what_breaks_in_the_laptop_itself_a_caller_hears_as_little() -> None:
    """Run apart: it breaks the emulator."""
    code = """
import asyncio
from ministack.services import apigateway, lambda_svc
from local.hooks import gateway
async def full(*_, **__): raise OSError(28, "No space left on device", "/home/me/cloud/state.json")
apigateway.handle_execute = full
gateway.tell_callers_nothing_of_a_failure()
status, headers, body = asyncio.run(apigateway.handle_execute("api", "$default", "/v1/models", "GET"))
shape = lambda_svc.lambda_execute_result_to_api_proxy_response
busy, _ = shape({"throttle": True, "body": {"Reason": "ReservedFunctionConcurrentInvocationLimitExceeded"}})
print(status, body.decode(), busy["statusCode"], busy["body"])
"""
    ran = subprocess.run(
        [sys.executable, "-c", code], text=True, capture_output=True, check=True, timeout=1200
    )
    assert ran.stdout == '500 {"message":"Internal Server Error"} 503 {"message":"Service Unavailable"}\n'


def test_a_preflight_that_matches_an_authorised_default_route_is_refused(api: Api) -> None:
    # "CORS for HTTP APIs" in the API Gateway Developer Guide
    asked = {"origin": PAGE, "access-control-request-method": "POST"}
    assert api.answer("/things/1", asked, None, "OPTIONS")[0] == 403


@pytest.mark.usefixtures("preflights")
def test_a_preflight_is_answered_on_a_route_without_authorisation_to_a_page_that_may_call(api: Api) -> None:
    asked = {"origin": PAGE, "access-control-request-method": "POST"}
    status, headers, _ = api.answer("/things/1", asked, None, "OPTIONS")
    assert (status, headers["access-control-allow-origin"]) == (204, PAGE)
    other = {**asked, "origin": "https://evil.example.com"}
    status, headers, _ = api.answer("/things/1", other, None, "OPTIONS")
    assert (status, headers["access-control-allow-origin"]) == (403, None)


def test_an_answer_says_that_the_page_may_read_it(api: Api) -> None:
    headers = api.answer("/things/1", {**api.signed("/things/1"), "origin": PAGE}, b"{}", "POST")[1]
    assert headers["access-control-allow-origin"] == PAGE
