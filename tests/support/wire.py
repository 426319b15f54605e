"""AWS over real HTTP, for clients other than botocore: the fake's SageMaker runtime and function hosts, otherwise moto.

Every request must carry the signature that botocore's own signer computes; AWS refuses any other.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import unquote

from botocore.auth import S3SigV4Auth, SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from botocore.exceptions import ClientError

from tests.support.fake_sagemaker import REGION, FakeSageMaker, RefusedError

KEYS = {
    "AWS_ACCESS_KEY_ID": "AKIDEXAMPLE",
    "AWS_SECRET_ACCESS_KEY": "secret/key+1",
    "AWS_SESSION_TOKEN": "to/ken==",
}
CALLS = {
    "BatchGetItem": "batch_get_item",
    "GetItem": "get_item",
    "Query": "query",
    "PutItem": "put_item",
    "UpdateItem": "update_item",
    "DeleteItem": "delete_item",
}
_FUNCTIONS = "/2015-03-31/functions/"
Answer = tuple[int, dict[str, str], bytes]
Behaviour = Callable[[str, dict[str, str], bytes], Answer | None]
"""Path, headers and body to status, headers and body; None closes the connection without an answer."""


class LocalAWS:
    """The HTTP endpoint of AWS, as described in the module.

    Attributes
    ----------
    once
        Behaviours for the next requests to endpoints, each used once; afterwards the fake answers.
    queue_once, s3_once, table_once
        The same for the queue of prediction records, for writes to the lake and for look-ups.
    reads
        Requests to tables, each with its action.
    fetched
        Keys of objects that were read.
    hosts
        Functions that can be invoked: name to a function of the event.
    """

    def __init__(self, sagemaker: FakeSageMaker, dynamodb: Any, sqs: Any = None, s3: Any = None) -> None:
        self._sagemaker = sagemaker
        self._dynamodb = dynamodb
        self._sqs = sqs
        self._s3 = s3
        self.once: list[Behaviour] = []
        self.queue_once: list[Behaviour] = []
        self.s3_once: list[Behaviour] = []
        self.table_once: list[Behaviour] = []
        self.reads: list[tuple[str, Any]] = []
        self.url = ""
        self.hosts: dict[str, Callable[[Any], Any]] = {}
        self.fetched: list[str] = []

    def __call__(self, path: str, headers: dict[str, str], body: bytes) -> Answer | None:
        target = headers.get("x-amz-target", "").partition(".")[0]
        if target == "AmazonSQS":
            return self._queue(path, headers, body)
        if target:
            return self._table(path, headers, body)
        if path.startswith(_FUNCTIONS):
            return self._call(path, headers, body)
        if "x-amz-content-sha256" in headers:
            return (self._get if "range" in headers else self._put)(path, headers, body)
        return self._invoke(path, headers, body)

    def _invoke(self, path: str, headers: dict[str, str], body: bytes) -> Answer | None:
        check_signature(path, headers, body, "sagemaker")
        if self.once:
            return self.once.pop(0)(path, headers, body)
        endpoint = unquote(path.split("/")[2])
        self._sagemaker.calls.append("InvokeEndpoint")
        try:
            return 200, {}, self._sagemaker._answer(endpoint, json.loads(body))
        except RefusedError as error:
            content = {"Message": str(error), **error.parsed}
            code = error.parsed["Error"]["Code"]
            return (
                error.status,
                {"x-amzn-ErrorType": f"{code}:http://internal/"},
                json.dumps(content).encode(),
            )

    def _queue(self, path: str, headers: dict[str, str], body: bytes) -> Answer | None:
        check_signature(path, headers, body, "sqs")
        assert headers["x-amz-target"] == "AmazonSQS.SendMessage"
        if self.queue_once:
            return self.queue_once.pop(0)(path, headers, body)
        sent = self._sqs.send_message(**json.loads(body))
        return 200, {}, json.dumps({"MessageId": sent["MessageId"]}).encode()

    def _call(self, path: str, headers: dict[str, str], body: bytes) -> Answer:
        check_signature(path, headers, body, "lambda")
        function = unquote(path.split("/")[3])
        if function not in self.hosts:
            return 404, {"x-amzn-ErrorType": "ResourceNotFoundException"}, b"{}"
        try:
            return 200, {}, json.dumps(self.hosts[function](json.loads(body))).encode()
        except Exception as error:  # noqa: BLE001 - as Lambda tells it
            told = {"errorMessage": str(error), "errorType": type(error).__name__}
            return 200, {"x-amz-function-error": "Unhandled"}, json.dumps(told).encode()

    def _get(self, path: str, headers: dict[str, str], body: bytes) -> Answer:
        check_signature(path, headers, body, "s3", "GET")
        _, bucket, key = unquote(path).split("/", 2)
        self.fetched.append(key)
        try:
            found = self._s3.get_object(Bucket=bucket, Key=key, Range=headers["range"])
        except ClientError as error:
            return error.response["ResponseMetadata"]["HTTPStatusCode"], {}, b"<Error>as XML</Error>"
        return 206, {}, found["Body"].read()

    def _put(self, path: str, headers: dict[str, str], body: bytes) -> Answer | None:
        check_signature(path, headers, body, "s3", "PUT")
        if self.s3_once:
            return self.s3_once.pop(0)(path, headers, body)
        _, bucket, key = unquote(path).split("/", 2)
        try:
            self._s3.put_object(Bucket=bucket, Key=key, Body=body, IfNoneMatch=headers["if-none-match"])
        except ClientError as error:
            return error.response["ResponseMetadata"]["HTTPStatusCode"], {}, b"<Error>as XML</Error>"
        return 200, {}, b""

    def _table(self, path: str, headers: dict[str, str], body: bytes) -> Answer | None:
        check_signature(path, headers, body, "dynamodb")
        action = headers["x-amz-target"].partition(".")[2]
        if action == "BatchGetItem" and self.table_once:
            return self.table_once.pop(0)(path, headers, body)
        return self._ledger(action, json.loads(body))

    def _ledger(self, action: str, request: dict[str, Any]) -> Answer:
        self.reads.append((action, request))
        try:
            answer = getattr(self._dynamodb, CALLS[action])(**request)
        except ClientError as error:
            code = error.response["Error"]["Code"]
            told = {"__type": f"com.amazonaws.dynamodb.v20120810#{code}", "message": str(error)}
            return 400, {}, json.dumps(told).encode()
        return 200, {}, json.dumps({k: v for k, v in answer.items() if k != "ResponseMetadata"}).encode()


def check_signature(
    path: str, headers: dict[str, str], body: bytes, service: str, method: str = "POST"
) -> None:
    """Assert that a request's signature equals the one that botocore computes."""
    names = headers["authorization"].partition("SignedHeaders=")[2].partition(",")[0].split(";")
    request = AWSRequest(method, f"http://{headers['host']}{path}", data=body)
    for name in names:
        request.headers[name] = headers[name]
    request.context["timestamp"] = headers["x-amz-date"]
    key, secret, token = KEYS.values()
    kind = S3SigV4Auth if service == "s3" else SigV4Auth
    signer = kind(Credentials(key, secret, token), service, REGION)
    signature = signer.signature(signer.string_to_sign(request, signer.canonical_request(request)), request)
    assert headers["x-amz-security-token"] == token
    assert {"host", "content-type", "x-amz-date", "x-amz-security-token"} <= set(names)
    assert headers["authorization"].endswith(f"Signature={signature}")


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128  # tests connect many callers at once


@contextmanager
def serving(behaviour: Behaviour) -> Iterator[str]:
    """Answer GET, POST and PUT requests over persistent HTTP/1.1 connections; yields the URL."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        wbufsize = -1  # buffers, so that head and body are sent together

        def do_GET(self) -> None:
            self.do_POST()

        def do_PUT(self) -> None:
            self.do_POST()

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers.get("content-length") or 0))
            headers = {name.lower(): value for name, value in self.headers.items()}
            if (answer := behaviour(self.path, headers, body)) is None:
                self.close_connection = True
                return
            status, more, content = answer
            self.send_response(status)
            for name, value in {"Content-Length": str(len(content)), **more}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, *_: Any) -> None:
            return

    server = _Server(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}"
    finally:
        server.shutdown()
        server.server_close()


@contextmanager
def receiving() -> Iterator[tuple[str, list[Any]]]:
    """Receive answers as CloudFormation does; yields the presigned URL for them, and the JSON of those that came."""
    came: list[Any] = []

    def receive(_path: str, _headers: dict[str, str], body: bytes) -> Answer:
        came.append(json.loads(body))
        return 200, {}, b""

    with serving(receive) as url:
        yield f"{url}/answer?signature=abc", came
