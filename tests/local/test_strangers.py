"""Who has no key of the cloud gets nothing of it: wherever a request comes from, and whatever it claims to be."""

from __future__ import annotations

import base64
import hashlib
import http.client
import json
import os
import re
import secrets
import shlex
import shutil
import socket
import stat
import subprocess
import sys
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from botocore.auth import SigV4Auth, SigV4QueryAuth
from botocore.awsrequest import AWSRequest
from botocore.config import Config
from botocore.credentials import Credentials
from botocore.exceptions import ClientError

from tests.local.conftest import ROOT, Running

PAGE, EVIL = "https://app.example.com", "https://evil.example.com"
Answer = tuple[int, dict[str, str], bytes]
PORTS = ("endpoint_url", "api_url")
CREATE = b"Action=CreateUser&Version=2010-05-08&UserName="


def ask(
    cloud: Running,
    target: str = "/",
    *,
    port: str = "endpoint_url",
    method: str = "GET",
    headers: dict[str, str] | None = None,
    body: bytes = b"",
) -> Answer:
    """Send exactly this; headers that are "" are left out."""
    netloc = urlsplit(cloud.info[port]).netloc
    connection = http.client.HTTPConnection(netloc, timeout=120)
    try:
        connection.putrequest(method, target, skip_host=True, skip_accept_encoding=True)
        for name, value in {"host": netloc, "content-length": str(len(body)), **(headers or {})}.items():
            if value:
                connection.putheader(name, value)
        connection.endheaders(body)
        answer = connection.getresponse()
        return answer.status, {name.lower(): value for name, value in answer.getheaders()}, answer.read()
    finally:
        connection.close()


def signed(
    cloud: Running, keys: tuple[str, str], service: str = "iam", body: bytes = b"", **more: str
) -> dict[str, str]:
    request = AWSRequest("POST", f"{cloud.info['endpoint_url']}/", more, body)
    SigV4Auth(Credentials(*keys), service, cloud.info["region"]).add_auth(request)
    return dict(request.headers)


def claimed(key: str, service: str = "iam") -> dict[str, str]:
    """A signature that was made up."""
    now = datetime.now(UTC)
    scope = f"{key}/{now:%Y%m%d}/us-east-1/{service}/aws4_request"
    authorization = (
        f"AWS4-HMAC-SHA256 Credential={scope}, SignedHeaders=host;x-amz-date, Signature={'0' * 64}"
    )
    return {"authorization": authorization, "x-amz-date": f"{now:%Y%m%dT%H%M%SZ}"}


def users(cloud: Running) -> set[str]:
    return {user["UserName"] for user in cloud.client("iam").list_users()["Users"]}


def elsewhere(netloc: str) -> list[dict[str, str]]:
    port = netloc.rpartition(":")[2]
    return [
        {"host": f"rebound.example:{port}"},
        {"host": "127.0.0.1"},
        {"host": "127.0.0.1:1"},
        {"host": f"localhost.:{port}"},
        {"host": f"evil.example.localhost.evil.example:{port}"},
        {"origin": EVIL},
        {"origin": "http://127.0.0.1:1"},
        {"origin": "null"},
        {"sec-fetch-site": "cross-site"},
        {"sec-fetch-site": "same-site"},
        {"sec-fetch-site": "cross-site", "sec-fetch-mode": "navigate", "sec-fetch-dest": "document"},
    ]


@pytest.mark.parametrize("port", PORTS)
@pytest.mark.parametrize("number", range(11))
def test_what_comes_from_another_site_is_refused_on_both_ports(
    cloud: Running, port: str, number: int
) -> None:
    headers = elsewhere(urlsplit(cloud.info[port]).netloc)[number]
    for method in ("GET", "POST", "PUT", "OPTIONS"):
        status, answered, body = ask(
            cloud, "/v1/models/x", port=port, method=method, headers=headers, body=b"{}"
        )
        assert (status, "the laptop cloud refuses this request" in body.decode()) == (403, True), method
        assert "access-control-allow-origin" not in answered


def test_a_request_without_a_host_is_refused(cloud: Running) -> None:
    for port in PORTS:
        for host in ({"host": ""}, {"host": " "}):
            assert ask(cloud, port=port, headers=host)[0] in (400, 403)


def test_even_a_good_signature_is_refused_when_a_page_of_another_origin_sends_it(
    cloud: Running, name: str
) -> None:
    body = CREATE + name.encode()
    headers = signed(cloud, cloud.keys, body=body) | {"content-type": "application/x-www-form-urlencoded"}
    assert ask(cloud, method="POST", headers={**headers, "origin": EVIL}, body=body)[0] == 403
    assert name not in users(cloud)


@pytest.mark.parametrize("host", ["localhost", "LOCALHOST", "127.0.0.1"])
@pytest.mark.parametrize("port", PORTS)
def test_the_machines_own_names_are_let_in(cloud: Running, port: str, host: str) -> None:
    own = f"{host}:{urlsplit(cloud.info[port]).port}"
    headers = {"host": own, "origin": f"http://{own}", "sec-fetch-site": "same-origin"}
    assert (
        b"laptop cloud refuses"
        not in ask(cloud, "/v1/models/x", port=port, method="POST", headers=headers, body=b"{}")[2]
    )


@pytest.mark.parametrize("port", PORTS)
@pytest.mark.parametrize("target", ["http://evil.example/", "*"])
def test_a_target_that_is_no_path_is_refused(cloud: Running, port: str, target: str) -> None:
    assert ask(cloud, target, port=port, method="OPTIONS")[0] in (400, 403)


@pytest.mark.parametrize(
    ("method", "target"),
    [
        ("GET", "/_ministack/health"),
        ("GET", "/_ministack/ready"),
        ("GET", "/_localstack/health"),
        ("GET", "/_localstack/info"),
        ("GET", "/health"),
        ("POST", "/_ministack/reset"),
        ("POST", "/_ministack/config"),
        ("GET", "/_ministack/sqs/messages?QueueUrl=x"),
        ("GET", "/_ministack/ses/messages"),
        ("GET", "/_ministack/sns/sms-messages"),
        ("GET", "/_ministack/iot/ca.pem"),
        ("GET", "/_ministack/rds/ca.pem"),
        ("GET", "/_ministack/elasticache/ca.pem"),
        ("GET", "/_ministack/transfer/sftp-ports"),
        ("GET", "/_ministack/lambda-code/relearn-toy-function"),
        ("GET", "/_ministack/lambda-layers/x/1/content"),
        ("POST", "/_ministack/rds/iam-auth"),
        ("POST", "/_ministack/eks-auth/123456789012/us-east-1/cluster/aaaaaaaaaaaaaaaaaaaa"),
        ("PUT", "/_ministack/cfn-signal/x"),
        ("GET", "/oauth2/authorize"),
        ("GET", "/logout"),
        ("GET", "/latest/meta-data/iam/security-credentials/"),
        ("GET", "/iceberg/v1/config"),
        ("POST", "/Execute"),
        ("GET", "/v2/email/identities"),
        ("GET", "/v20180820/bucket"),
    ],
)
@pytest.mark.parametrize("port", PORTS)
def test_the_emulators_own_endpoints_answer_nobody(
    cloud: Running, port: str, method: str, target: str
) -> None:
    status, headers, body = ask(
        cloud, target, port=port, method=method, body=b"{}" if method != "GET" else b""
    )
    assert status in (400, 403, 404), (status, body)
    assert "access-control-allow-origin" not in headers
    if port == "api_url":
        assert json.loads(body) == {"message": "Not Found"}
    assert cloud.client("s3").head_bucket(Bucket=cloud.outputs["Bucket"])


def test_a_made_up_address_for_a_custom_resources_answer_is_worth_nothing(cloud: Running) -> None:
    target = f"/_ministack/cfn-response/{secrets.token_hex(8)}"
    assert ask(cloud, target, port="api_url", method="PUT", body=b"{}")[0] == 404
    assert ask(cloud, target, method="PUT", body=b'{"Status": "SUCCESS"}')[2] == b""


@pytest.mark.parametrize("key", ["test", "", "123456789012", "000000000000", "AKIASTRANGER00000000", "own"])
def test_a_made_up_signature_is_refused(cloud: Running, name: str, key: str) -> None:
    key = cloud.keys[0] if key == "own" else key
    form = {"content-type": "application/x-www-form-urlencoded"}
    body = CREATE + name.encode()
    status, _, answer = ask(cloud, method="POST", headers={**claimed(key), **form}, body=body)
    assert status == 403
    code = "SignatureDoesNotMatch" if key == cloud.keys[0] else "InvalidClientTokenId|IncompleteSignature"
    assert re.search(f"<Code>({code})</Code>", answer.decode())
    for wrong in (
        signed(cloud, (key or "x", "guessed"), body=body),
        signed(cloud, ("test", "test"), body=body),
    ):
        assert ask(cloud, method="POST", headers={**wrong, **form}, body=body)[0] == 403
    assert name not in users(cloud)


@pytest.mark.parametrize(
    "authorization", ["Basic dGVzdDp0ZXN0", "Bearer token", "AWS test:x", "AWS4-HMAC-SHA256"]
)
def test_credentials_of_another_kind_are_nobodys(cloud: Running, name: str, authorization: str) -> None:
    form = {"content-type": "application/x-www-form-urlencoded", "authorization": authorization}
    assert ask(cloud, method="POST", headers=form, body=CREATE + name.encode())[0] in (400, 403)
    assert ask(cloud, headers={"authorization": authorization})[0] in (400, 403)
    assert name not in users(cloud)


def test_two_signatures_are_none(cloud: Running, name: str) -> None:
    body = CREATE + name.encode()
    good = signed(cloud, cloud.keys, body=body)
    headers = {name: value for name, value in good.items() if name.lower() != "authorization"}
    own = good["Authorization"]
    for pair in ((own, own), (own, claimed("test")["authorization"]), ("Basic eDp5", own)):
        sent = {**headers, "Authorization": pair[0], "authorization": pair[1]}
        form = {"content-type": "application/x-www-form-urlencoded"}
        assert ask(cloud, method="POST", headers=sent | form, body=body)[0] in (400, 403)
    assert name not in users(cloud)


def test_a_request_without_a_signature_reaches_no_service(cloud: Running, name: str) -> None:
    targets = {
        "DynamoDB_20120810.ListTables": "application/x-amz-json-1.0",
        "SageMaker.ListTrainingJobs": "application/x-amz-json-1.1",
        "AnyScaleFrontendService.DescribeScalableTargets": "application/x-amz-json-1.1",
        "AWSStepFunctions.ListStateMachines": "application/x-amz-json-1.0",
        "AmazonSSM.GetParameter": "application/x-amz-json-1.1",
    }
    for target, kind in targets.items():
        status, _, body = ask(
            cloud, method="POST", headers={"x-amz-target": target, "content-type": kind}, body=b"{}"
        )
        assert (status, b"MissingAuthenticationToken" in body) in ((403, True), (400, True)), (target, body)
    invoke = f"/2015-03-31/functions/{cloud.outputs['Function']}/invocations"
    for path in (invoke, "/endpoints/any/invocations", "/2015-03-31/functions"):
        assert (
            ask(cloud, method="POST", target=path, headers={"content-type": "text/plain"}, body=b"{}")[0]
            == 403
        )
    assert ask(cloud, method="POST", body=b"Action=AssumeRoleWithWebIdentity&Version=2011-06-15")[0] == 403
    form = {"content-type": "application/x-www-form-urlencoded"}
    assert ask(cloud, method="POST", headers=form, body=CREATE + name.encode())[0] == 403
    assert ask(cloud, target=f"/?{(CREATE + name.encode()).decode()}")[0] == 403
    assert name not in users(cloud)


def test_nothing_of_s3_is_anonymous(cloud: Running, name: str) -> None:
    bucket = cloud.outputs["Bucket"]
    cloud.client("s3").put_object(Bucket=bucket, Key=name, Body=b"secret")
    for method, target in (
        ("GET", "/"),
        ("GET", f"/{bucket}"),
        ("GET", f"/{bucket}/{name}"),
        ("PUT", f"/{name}"),
    ):
        assert ask(cloud, method=method, target=target)[0] == 403
    host = f"{bucket}.localhost:{urlsplit(cloud.info['endpoint_url']).port}"
    assert ask(cloud, target=f"/{name}", headers={"host": host})[0] == 403
    assert ask(cloud, method="DELETE", target=f"/{bucket}/{name}")[0] == 403
    assert cloud.client("s3").get_object(Bucket=bucket, Key=name)["Body"].read() == b"secret"


@pytest.mark.parametrize("version", ["s3", "s3v4"])
def test_a_presigned_link_counts_only_as_it_was_signed(cloud: Running, version: str) -> None:
    name = "presigned-link"
    bucket, s3 = cloud.outputs["Bucket"], cloud.client("s3", config=Config(signature_version=version))
    s3.put_object(Bucket=bucket, Key=name, Body=b"said")
    link = s3.generate_presigned_url("get_object", {"Bucket": bucket, "Key": name}, ExpiresIn=60)
    target = link.removeprefix(cloud.info["endpoint_url"])
    page = {"sec-fetch-site": "cross-site", "sec-fetch-mode": "navigate"}
    assert ask(cloud, target=target, headers=page)[::2] == (200, b"said")
    wrong = [
        re.sub("Signature=[^&]+", "Signature=" + "0" * 64, target),
        target.replace(f"/{name}?", "/other?"),
        re.sub("(?<=[?&])(X-Amz-)?Signature=[^&]+", "", target),
        re.sub(cloud.keys[0], "test", target),
        re.sub("(Expires=[0-9]+)", "\\g<1>0", target),
    ]
    for changed in wrong:
        assert changed != target
        assert ask(cloud, target=changed)[0] in (400, 403), changed
        assert ask(cloud, target="/v20180820/tags/x?" + changed.partition("?")[2])[0] in (400, 403), changed
    assert ask(cloud, target=target, headers={"origin": EVIL})[1].get("access-control-allow-origin") is None


def test_a_link_for_another_service_is_checked_too(cloud: Running) -> None:
    def link(keys: tuple[str, str]) -> str:
        url = f"{cloud.info['endpoint_url']}/?Action=GetCallerIdentity&Version=2011-06-15"
        request = AWSRequest("GET", url)
        SigV4QueryAuth(Credentials(*keys), "sts", cloud.info["region"], expires=60).add_auth(request)
        return str(request.url).removeprefix(cloud.info["endpoint_url"])

    status, _, body = ask(cloud, target=link(cloud.keys))
    assert (status, b":root" in body) == (200, True)
    assert ask(cloud, target=link((cloud.keys[0], "guessed")))[0] == 403
    assert ask(cloud, target=link(("test", "test")))[0] == 403


def form(fields: dict[str, str], content: bytes) -> tuple[dict[str, str], bytes]:
    """A form as a browser sends it: its headers and its body."""
    border = secrets.token_hex(8)
    parts = [
        f'--{border}\r\ncontent-disposition: form-data; name="{k}"\r\n\r\n{v}\r\n' for k, v in fields.items()
    ]
    file = f'--{border}\r\ncontent-disposition: form-data; name="file"; filename="f"\r\n\r\n'
    body = "".join([*parts, file]).encode() + content + f"\r\n--{border}--\r\n".encode()
    return {"content-type": f"multipart/form-data; boundary={border}"}, body


def test_a_presigned_form_is_taken_from_any_page_which_may_not_read_the_answer(
    cloud: Running, name: str
) -> None:
    bucket, s3 = cloud.outputs["Bucket"], cloud.client("s3", config=Config(signature_version="s3v4"))
    made = s3.generate_presigned_post(bucket, name, ExpiresIn=60)
    target = made["url"].removeprefix(cloud.info["endpoint_url"])
    page = {"origin": EVIL, "sec-fetch-site": "cross-site"}
    headers, body = form(made["fields"], b"sent")
    status, answered, _ = ask(cloud, method="POST", target=target, headers=headers | page, body=body)
    assert (status, answered.get("access-control-allow-origin")) == (204, None)
    assert s3.get_object(Bucket=bucket, Key=name)["Body"].read() == b"sent"
    policy = base64.b64encode(b'{"expiration": "2099-01-01T00:00:00Z", "conditions": []}').decode()
    for changed in ({"x-amz-signature": "0" * 64}, {"policy": policy}, {"key": "other"}):
        headers, body = form(made["fields"] | changed, b"forged")
        assert ask(cloud, method="POST", target=target, headers=headers | page, body=body)[0] == 403, changed
    headers, body = form({"key": name}, b"forged")
    assert ask(cloud, method="POST", target=target, headers=headers | page, body=body)[0] == 403
    assert ask(cloud, method="POST", target="/", headers=headers | page, body=body)[0] in (403, 405)
    assert s3.get_object(Bucket=bucket, Key=name)["Body"].read() == b"sent"


def test_a_buckets_own_configuration_lets_a_page_read(cloud: Running, name: str) -> None:
    s3 = cloud.client("s3")
    s3.create_bucket(Bucket=name)
    rules = [{"AllowedOrigins": [PAGE], "AllowedMethods": ["GET", "POST"]}]
    s3.put_object(Bucket=name, Key="k", Body=b"said")
    link = s3.generate_presigned_url("get_object", {"Bucket": name, "Key": "k"}, ExpiresIn=60)
    target = link.removeprefix(cloud.info["endpoint_url"])
    preflight = {"origin": PAGE, "access-control-request-method": "GET"}
    assert ask(cloud, method="OPTIONS", target=target, headers=preflight)[0] == 403
    s3.put_bucket_cors(Bucket=name, CORSConfiguration={"CORSRules": rules})
    for origin, told in ((PAGE, PAGE), (EVIL, None)):
        for method, headers in (("GET", {}), ("OPTIONS", preflight)):
            answer = ask(cloud, method=method, target=target, headers={**headers, "origin": origin})
            assert answer[1].get("access-control-allow-origin") == told
            assert answer[0] == (403 if (method, told) == ("OPTIONS", None) else 200)


def test_no_answer_of_a_service_may_be_read_by_a_page(cloud: Running) -> None:
    calls: list[Callable[[], Any]] = [
        lambda: cloud.client("s3").list_buckets(),
        lambda: cloud.client("dynamodb").list_tables(),
        lambda: cloud.client("sts").get_caller_identity(),
        lambda: cloud.client("sqs").list_queues(),
        lambda: cloud.client("lambda").list_functions(),
        lambda: cloud.client("sagemaker").list_models(),
        lambda: cloud.client("apigatewayv2").get_apis(),
    ]
    for call in calls:
        headers = call()["ResponseMetadata"]["HTTPHeaders"]
        assert [name for name in headers if name.startswith("access-control")] == []


def test_nobody_gets_in_by_websocket(cloud: Running, name: str) -> None:
    """Not even to an API that speaks it: a page of any origin may open one, and no preflight asks before."""
    gateway = cloud.client("apigatewayv2")
    api = gateway.create_api(Name=name, ProtocolType="WEBSOCKET", RouteSelectionExpression="$request.body.a")
    gateway.create_stage(ApiId=api["ApiId"], StageName="live", AutoDeploy=True)
    key = base64.b64encode(os.urandom(16)).decode()
    head = {
        "upgrade": "websocket",
        "connection": "Upgrade",
        "sec-websocket-version": "13",
        "sec-websocket-key": key,
    }
    for port in PORTS:
        for origin in ("", EVIL, cloud.info[port]):
            headers = {**head, "content-length": "", "origin": origin}
            assert ask(cloud, f"/_aws/execute-api/{api['ApiId']}/live", port=port, headers=headers)[0] == 403
    gateway.delete_api(ApiId=api["ApiId"])


@pytest.mark.skipif(shutil.which("curl") is None, reason="needs curl")
def test_what_the_readme_says_reaches_the_cloud(cloud: Running, tmp_path: Path) -> None:
    page = (ROOT / "README.md").read_text(encoding="utf-8")
    (evaluated,) = re.findall(r'^eval "\$\(\S+relearn --local env\)"', page, re.MULTILINE)
    (who,) = re.findall(r"--user (\S+)", page)
    file = tmp_path / "local.json"
    file.write_text(cloud.description)
    command = f"{shlex.quote(sys.executable)} -m cli --local-file {shlex.quote(str(file))}"
    here = evaluated.replace(".venv/bin/relearn --local", command)
    asked = '"$AWS_ENDPOINT_URL/?Action=GetCallerIdentity&Version=2011-06-15"'
    script = f"{here}\ncurl -sS --aws-sigv4 aws:amz:us-east-1:sts --user {who} {asked}"
    told = subprocess.run(
        ["sh", "-ec", script], cwd=ROOT, capture_output=True, text=True, check=True, timeout=1200
    )
    assert f"<Arn>arn:aws:iam::{cloud.info['account']}:root</Arn>" in told.stdout


def test_a_functions_credentials_can_not_be_made_of_its_name(cloud: Running) -> None:
    """MiniStack makes them so: lambda_runtime.execution_credentials of 1.5.33."""
    client = cloud.client("lambda")
    client.invoke(FunctionName=cloud.outputs["Function"])
    config = client.get_function(FunctionName=cloud.outputs["Function"])["Configuration"]
    digest = hashlib.sha256(f"{config['FunctionArn']}:{config['Role']}".encode()).hexdigest()
    guessed = {
        "aws_access_key_id": f"ASIA{digest[:16].upper()}",
        "aws_secret_access_key": hashlib.sha256(f"secret:{digest}".encode()).hexdigest(),
        "aws_session_token": hashlib.sha256(f"token:{digest}".encode()).hexdigest(),
    }
    with pytest.raises(ClientError, match=r"InvalidClientTokenId|UnrecognizedClient"):
        cloud.client("sts", **guessed).get_caller_identity()


def test_the_administrators_keys_are_random_and_its_owners_alone(
    cloud: Running, tmp_path_factory: pytest.TempPathFactory
) -> None:
    files = tmp_path_factory.getbasetemp().glob("cloud*/info.json")
    file = next(one for one in files if json.loads(one.read_text())["pid"] == cloud.pid)
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    key, secret = cloud.keys
    assert (re.fullmatch("AKIA[0-9A-F]{16}", key), len(set(secret)) > 8, len(secret)) != (None, True, 0)
    told = (file.parent / "cloud.log").read_text()
    assert told.count(secret) == 1
    assert f"export AWS_SECRET_ACCESS_KEY={secret}" in told


def test_the_ports_are_not_reached_by_another_address_of_this_machine(cloud: Running) -> None:
    addresses: list[Any] = [found[4][0] for found in socket.getaddrinfo(socket.gethostname(), None)]
    for address in {one for one in addresses if not str(one).startswith(("127.", "::1"))}:
        for port in PORTS:
            with socket.socket() as outside:
                assert outside.connect_ex((address, urlsplit(cloud.info[port]).port)) != 0
