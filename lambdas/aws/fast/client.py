"""Client of AWS services without an SDK, with signed requests and one retry, for latency-critical functions.

Region, credentials and endpoint come from the environment variables of the AWS SDKs.
"""

from __future__ import annotations

import json
import random
import time
from collections.abc import Callable, Mapping
from typing import Any

from lambdas.aws.fast.connections import Connections, Reply, UnreachableError
from lambdas.aws.fast.sigv4 import Credentials, Signer
from relearn.errors import ConfigError

PAUSE_SECONDS = (0.05, 0.2)
"""Shortest and longest pause before the retry, in seconds; drawn at random, so that callers do not collide again."""
_OK = (200, 206)  # a whole object, or the requested range
_SERVER = 500
_BUSY = frozenset(
    {
        "LimitExceededException",
        "ModelNotReadyException",
        "ProvisionedThroughputExceededException",
        "RequestLimitExceeded",
        "ServiceUnavailable",
        "ServiceUnavailableException",
        "ThrottledException",
        "ThrottlingException",
        "TooManyRequestsException",
    }
)
_HOSTS = {
    "dynamodb": "dynamodb",
    "lambda": "lambda",
    "s3": "s3",
    "sagemaker": "runtime.sagemaker",
    "sqs": "sqs",
}
_VARIABLES = {
    "dynamodb": "AWS_ENDPOINT_URL_DYNAMODB",
    "lambda": "AWS_ENDPOINT_URL_LAMBDA",
    "s3": "AWS_ENDPOINT_URL_S3",
    "sagemaker": "AWS_ENDPOINT_URL_SAGEMAKER_RUNTIME",
    "sqs": "AWS_ENDPOINT_URL_SQS",
}


class RefusedError(Exception):
    """An error that an AWS service returned.

    Parameters
    ----------
    code
        Error code, such as ``"ThrottlingException"``; empty when absent.
    status
        HTTP status.
    detail
        Parsed JSON body of the error; empty when it is not JSON.
    """

    def __init__(self, code: str, status: int, detail: Mapping[str, Any]) -> None:
        super().__init__(f"AWS answered {code or 'an error without a name'}, status {status}")
        self.status = status
        self.detail = detail
        self.response = {**detail, "Error": {"Code": code}}  # as in botocore's ClientError

    @property
    def busy(self) -> bool:
        """Whether the service was throttled or temporarily unavailable."""
        return self.response["Error"]["Code"] in _BUSY


class Service:
    """Client of one AWS service.

    Parameters
    ----------
    connections
        Connections to its endpoint.
    signer
        Signs requests to it.
    sleep
        Sleeps for a number of seconds.
    clock
        Monotonic clock, in seconds.
    now
        Returns the current time in UTC, as `time.gmtime`.
    """

    def __init__(
        self,
        connections: Connections,
        signer: Signer,
        sleep: Callable[[float], None] = time.sleep,
        clock: Callable[[], float] = time.monotonic,
        now: Callable[[], time.struct_time] = time.gmtime,
    ) -> None:
        self._connections = connections
        self._signer = signer
        self._sleep = sleep
        self._clock = clock
        self._now = now

    def send(self, method: str, path: str, headers: Mapping[str, str], body: bytes, seconds: float) -> bytes:
        """Send an idempotent request and return the answer's body; see `exchange`."""
        return self.exchange(method, path, headers, body, seconds).body

    def exchange(
        self, method: str, path: str, headers: Mapping[str, str], body: bytes, seconds: float
    ) -> Reply:
        """Send an idempotent request and return the answer; retry once on a transient failure.

        Parameters
        ----------
        method
            HTTP method, upper case.
        path
            Path, percent-encoded.
        headers
            Lower-case name to value.
        body
            Body of the request.
        seconds
            Time limit in seconds, the retry included.

        Raises
        ------
        RefusedError
            The service returned an error.
        TimeoutError
            The service did not answer in time.
        UnreachableError
            The service cannot be reached.
        """
        end = self._clock() + seconds
        given = {"host": self._connections.host, **headers}
        again = True
        while True:
            stamp = time.strftime("%Y%m%dT%H%M%SZ", self._now())
            signed = self._signer.sign(method, path, given, body, stamp)
            try:
                reply = self._connections.send(method, path, signed, body, seconds)
                if reply.status in _OK:
                    return reply
                raise _refusal(reply)
            except (RefusedError, UnreachableError) as error:
                pause = random.uniform(*PAUSE_SECONDS)
                if not again or not _passing(error) or end - self._clock() <= pause:
                    raise
            self._sleep(pause)
            again, seconds = False, end - self._clock()


def service(name: str, environ: Mapping[str, str]) -> Service:
    """Return the client of one service.

    Parameters
    ----------
    name
        ``"dynamodb"``, ``"lambda"``, ``"s3"``, ``"sqs"``, or ``"sagemaker"`` for its runtime.
    environ
        Environment of the process.

    Raises
    ------
    ConfigError
        Region or credentials are missing, or the endpoint is not a URL.
    """
    region = _need(environ, "AWS_REGION")
    url = environ.get(_VARIABLES[name]) or environ.get("AWS_ENDPOINT_URL") or _url(name, region)
    if not url.startswith(("https://", "http://")):
        raise ConfigError(_VARIABLES[name], url, "a URL that starts with https:// or http://")
    credentials = Credentials(
        _need(environ, "AWS_ACCESS_KEY_ID"),
        _need(environ, "AWS_SECRET_ACCESS_KEY"),
        environ.get("AWS_SESSION_TOKEN", ""),
    )
    return Service(Connections(url.rstrip("/")), Signer(credentials, region, name))


class DynamoDB:
    """The part of boto3's DynamoDB client that latency-critical functions need, with the same names.

    Parameters
    ----------
    dynamodb
        Client of DynamoDB.
    seconds
        Time limit of one call, in seconds.
    """

    def __init__(self, dynamodb: Service, seconds: float = 3.0) -> None:
        self._service = dynamodb
        self._seconds = seconds

    def within(self, seconds: float) -> DynamoDB:
        """Return the same client with a time limit of at most ``seconds`` for each call."""
        return DynamoDB(self._service, min(self._seconds, seconds))

    def batch_get_item(self, **request: Any) -> Any:
        """Read several items."""
        return self._call("BatchGetItem", request)

    def get_item(self, **request: Any) -> Any:
        """Read an item."""
        return self._call("GetItem", request)

    def query(self, **request: Any) -> Any:
        """Read a page of items."""
        return self._call("Query", request)

    def put_item(self, **request: Any) -> Any:
        """Write an item."""
        return self._call("PutItem", request)

    def update_item(self, **request: Any) -> Any:
        """Update an item. An addition may be applied twice: when AWS fails after applying it, the retry repeats it."""
        return self._call("UpdateItem", request)

    def delete_item(self, **request: Any) -> Any:
        """Delete an item."""
        return self._call("DeleteItem", request)

    def _call(self, action: str, request: Mapping[str, Any]) -> Any:
        headers = {
            "content-type": "application/x-amz-json-1.0",
            "x-amz-target": f"DynamoDB_20120810.{action}",
        }
        return json.loads(
            self._service.send("POST", "/", headers, json.dumps(request).encode(), self._seconds)
        )


def _need(environ: Mapping[str, str], name: str) -> str:
    if not environ.get(name):
        raise ConfigError(name, None, "an environment variable that is set and not empty")
    return environ[name]


def _url(name: str, region: str) -> str:
    domain = "amazonaws.com.cn" if region.startswith("cn-") else "amazonaws.com"
    return f"https://{_HOSTS[name]}.{region}.{domain}"


def _passing(error: RefusedError | UnreachableError) -> bool:
    """Return whether a retry may help: the service is busy, failed, or cannot be reached."""
    if isinstance(error, UnreachableError):
        return True
    return error.status >= _SERVER or error.busy


def _refusal(reply: Reply) -> RefusedError:
    try:
        content = json.loads(reply.body)
    except ValueError:
        content = None
    detail: dict[str, Any] = content if isinstance(content, dict) else {}
    code = reply.headers.get("x-amzn-errortype") or str(detail.get("__type") or detail.get("code") or "")
    return RefusedError(code.partition(":")[0].rpartition("#")[2], reply.status, detail)
