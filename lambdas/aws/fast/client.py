"""AWS without an SDK: what a signed request needs, and one retry. For the functions that people wait for.

Region, credentials and endpoint come from the environment, under the names that AWS's SDKs read.
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
"""How long to wait before the one retry; the middle of it is left to chance, so that callers do not meet again."""
_OK = (200, 206)  # all of an object, or as much as was asked for
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
    """AWS answered with an error.

    Parameters
    ----------
    code
        AWS's name of it, e.g. ``"ThrottlingException"``.
    status
        HTTP status.
    detail
        The JSON that came with it.
    """

    def __init__(self, code: str, status: int, detail: Mapping[str, Any]) -> None:
        super().__init__(f"AWS answered {code or 'an error without a name'}, status {status}")
        self.status = status
        self.detail = detail
        self.response = {**detail, "Error": {"Code": code}}  # where botocore's ClientError has it

    @property
    def busy(self) -> bool:
        """Whether AWS was only too busy."""
        return self.response["Error"]["Code"] in _BUSY


class Service:
    """One AWS service.

    Parameters
    ----------
    connections
        To its endpoint.
    signer
        Signs for it.
    sleep, clock, now
        Pauses, measures, and tells the time (`time.gmtime`).
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
        """Send a request that may be repeated: again, once, when AWS is too busy or fails, while there is time.

        Parameters
        ----------
        method
            Upper case.
        path
            Percent-encoded.
        headers
            Lower-case names.
        body
            What is sent.
        seconds
            How long all of it may take.

        Raises
        ------
        RefusedError, TimeoutError, UnreachableError
            AWS said no; said nothing in time; is not there.
        """
        end = self._clock() + seconds
        try:
            return self._once(method, path, headers, body, seconds)
        except (RefusedError, UnreachableError) as error:
            pause = random.uniform(*PAUSE_SECONDS)
            if not _passing(error) or end - self._clock() <= pause:
                raise
        self._sleep(pause)
        return self._once(method, path, headers, body, end - self._clock())

    def _once(self, method: str, path: str, headers: Mapping[str, str], body: bytes, seconds: float) -> bytes:
        stamp = time.strftime("%Y%m%dT%H%M%SZ", self._now())
        given = {"host": self._connections.host, **headers}
        signed = self._signer.sign(method, path, given, body, stamp)
        reply = self._connections.send(method, path, signed, body, seconds)
        if reply.status not in _OK:
            raise _refusal(reply)
        return reply.body


def service(name: str, environ: Mapping[str, str]) -> Service:
    """Make what talks to one service.

    Parameters
    ----------
    name
        ``"dynamodb"``, ``"lambda"``, ``"s3"``, ``"sqs"``, or ``"sagemaker"`` for its runtime.
    environ
        The process's environment.

    Raises
    ------
    ConfigError
        Region or credentials are missing, or the endpoint is no URL.
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
    """As much of boto3's DynamoDB client as the hot path needs, by the same names.

    Parameters
    ----------
    dynamodb
        The service.
    seconds
        How long one call may take.
    """

    def __init__(self, dynamodb: Service, seconds: float = 3.0) -> None:
        self._service = dynamodb
        self._seconds = seconds

    def within(self, seconds: float) -> DynamoDB:
        """Give the same, but no call of it takes longer than ``seconds``."""
        return DynamoDB(self._service, min(self._seconds, seconds))

    def batch_get_item(self, **request: Any) -> Any:
        """Read items."""
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
        """Change an item. What only adds may be added twice: once more when AWS failed after it had done so."""
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
    """Tell whether asking again may help: busy, a fault of AWS's own, or nobody there."""
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
