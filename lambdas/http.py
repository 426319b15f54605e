"""HTTP in and out: an API Gateway event (payload 2.0) becomes a request, an error becomes a problem (RFC 9457)."""

from __future__ import annotations

import base64
import binascii
import json
import logging
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field
from http import HTTPStatus
from typing import Any
from urllib.parse import quote

from lambdas.aws.kept_answers import AnswerTooLargeError
from lambdas.caller_key import InvalidCallerKeyError
from lambdas.idempotency import InvalidKeyError, KeyInUseError, KeyReusedError
from relearn import problems
from relearn.columns import shown
from relearn.errors import (
    BusyError,
    FieldError,
    InvalidBodyError,
    InvalidChangeError,
    InvalidDecisionError,
    InvalidFeedbackError,
    InvalidInstancesError,
    InvalidUploadError,
    ModelFailedError,
    NotFoundError,
    NotServingError,
    NotWaitingError,
    RouteChangedError,
)
from relearn.problems import Kind

V2 = "/v2"
"""Below it the API speaks the Open Inference Protocol."""
MAX_BODY_BYTES = 4_000_000
"""What a serverless endpoint takes."""
_PATH_SAFE = "/:@!$&'()*+,;=~"
_log = logging.getLogger(__name__)


class MalformedBodyError(Exception):
    """The body is not JSON."""


class MediaTypeError(Exception):
    """The body's media type or encoding is none that the operation takes."""


class TooLargeError(Exception):
    """The body has too many bytes."""


class MethodNotAllowedError(Exception):
    """The path is known, but takes other methods.

    Parameters
    ----------
    given
        The method asked for.
    allowed
        What the path takes.
    """

    def __init__(self, given: str, allowed: tuple[str, ...]) -> None:
        super().__init__(f"got {given}; allowed: {', '.join(allowed)}")
        self.allowed = allowed


class InvalidParametersError(Exception):
    """Query parameters are wrong.

    Parameters
    ----------
    errors
        Name to what is wrong, what was given and what is allowed; at least one.
    """

    def __init__(self, errors: Mapping[str, str]) -> None:
        super().__init__("; ".join(f"{name}: {detail}" for name, detail in errors.items()))
        self.errors = errors


@dataclass(frozen=True, slots=True)
class Request:
    """What a caller sent.

    Parameters
    ----------
    id
        Names the request in answers and logs.
    path
        As sent.
    model
        The model that the path names; None when it names none.
    content_type
        As sent.
    body
        The bytes.
    method
        Upper case.
    route
        Key of the API's route that matched; see `relearn.routes`.
    parameters
        What the path's template names.
    query
        Query parameters; one that was sent twice has its values joined by commas.
    headers
        Lower-case name to value.
    caller
        Who the gateway says it is; empty when it does not say.
    """

    id: str
    path: str
    model: str | None
    content_type: str
    body: bytes
    method: str = ""
    route: str = ""
    parameters: Mapping[str, str] = field(default_factory=dict)
    query: Mapping[str, str] = field(default_factory=dict)
    headers: Mapping[str, str] = field(default_factory=dict)
    caller: str = ""

    def json(self) -> Any:
        """Read the body as JSON; NaN and Infinity are none.

        Raises
        ------
        MediaTypeError, TooLargeError, MalformedBodyError
            Each says what was given and what is allowed.
        """
        media = self.content_type.partition(";")[0].strip().lower()
        if media != "application/json":
            raise MediaTypeError(f"got content type {shown(self.content_type)}; allowed: application/json")
        if len(self.body) > MAX_BODY_BYTES:
            raise TooLargeError(f"got {len(self.body)} bytes; allowed: {MAX_BODY_BYTES}")
        try:
            return json.loads(self.body.decode("utf-8"), parse_constant=_no_constant)
        except RecursionError as error:
            raise MalformedBodyError("the body is not JSON that can be read: nested too deeply") from error
        except ValueError as error:
            raise MalformedBodyError(f"the body is not JSON: {error}") from error


@dataclass(frozen=True, slots=True)
class Content:
    """An answer that is sent as it is, not as JSON.

    Parameters
    ----------
    body
        The bytes.
    headers
        Lower-case name to value; with ``content-type`` when there is a body.
    status
        HTTP status.
    """

    body: bytes
    headers: Mapping[str, str]
    status: HTTPStatus = HTTPStatus.OK


# One line an error; anything that is not here is our own fault, and told without details.
PROBLEMS: dict[type[Exception], Kind] = {
    MalformedBodyError: problems.MALFORMED_BODY,
    InvalidKeyError: problems.INVALID_IDEMPOTENCY_KEY,
    InvalidCallerKeyError: problems.INVALID_CALLER_KEY,
    NotFoundError: problems.NOT_FOUND,
    MethodNotAllowedError: problems.METHOD_NOT_ALLOWED,
    KeyReusedError: problems.IDEMPOTENCY_KEY_REUSED,
    KeyInUseError: problems.IDEMPOTENCY_KEY_IN_USE,
    RouteChangedError: problems.ROUTE_CHANGED,
    NotWaitingError: problems.NOT_WAITING,
    TooLargeError: problems.TOO_LARGE,
    AnswerTooLargeError: problems.ANSWER_TOO_LARGE,
    MediaTypeError: problems.UNSUPPORTED_MEDIA_TYPE,
    InvalidInstancesError: problems.INVALID_INSTANCES,
    InvalidFeedbackError: problems.INVALID_FEEDBACK,
    InvalidUploadError: problems.INVALID_UPLOAD,
    InvalidChangeError: problems.INVALID_CHANGE,
    InvalidDecisionError: problems.INVALID_DECISION,
    InvalidParametersError: problems.INVALID_PARAMETERS,
    ModelFailedError: problems.MODEL_FAILED,
    NotServingError: problems.NOT_SERVING,
    BusyError: problems.FEEDBACK_BUSY,
    TimeoutError: problems.TIMEOUT,
}
_OURS = problems.INTERNAL_ERROR


def serve(event: Mapping[str, Any], answer: Callable[[Request], Any]) -> dict[str, Any]:
    """Answer an API Gateway event.

    Parameters
    ----------
    event
        HTTP API, payload format 2.0.
    answer
        Gives what is sent as JSON with status 200, or `Content`, or raises.

    Returns
    -------
    dict
        The answer as API Gateway takes it: always with the request's id, errors as problems.
    """
    request_id = event.get("requestContext", {}).get("requestId", "")
    try:
        given = answer(_request(event))
        if isinstance(given, Content):
            return _content(given, request_id)
        return _answer(HTTPStatus.OK, request_id, "application/json", given)
    except Exception as error:  # noqa: BLE001 - every error becomes an answer
        return _problem(error, request_id, event.get("rawPath", ""))


def is_v2(path: str) -> bool:
    """Tell whether a path is one of the Open Inference Protocol."""
    return path == V2 or path.startswith(V2 + "/")


def problem_kind(error: Exception) -> Kind:
    """Find how an error is told: by its class, or the nearest class it is derived from."""
    return next((PROBLEMS[cls] for cls in type(error).__mro__ if cls in PROBLEMS), _OURS)


def _request(event: Mapping[str, Any]) -> Request:
    headers = {name.lower(): value for name, value in (event.get("headers") or {}).items()}
    text = event.get("body") or ""
    try:
        body = base64.b64decode(text, validate=True) if event.get("isBase64Encoded") else text.encode()
    except (binascii.Error, UnicodeEncodeError) as error:
        raise MalformedBodyError("the body can not be decoded") from error
    context = event["requestContext"]
    parameters = event.get("pathParameters") or {}
    return Request(
        id=context["requestId"],
        path=event["rawPath"],
        model=parameters.get("model"),
        content_type=headers.get("content-type", ""),
        body=body,
        method=context["http"]["method"],
        route=event["routeKey"],
        parameters=parameters,
        query=event.get("queryStringParameters") or {},
        headers=headers,
        caller=_caller(context.get("authorizer") or {}),
    )


def _caller(authorizer: Mapping[str, Any]) -> str:
    """Name who asks: the ARN that signed the request, or the subject of the token."""
    told = (authorizer.get("iam") or {}).get("userArn")
    return str(told or ((authorizer.get("jwt") or {}).get("claims") or {}).get("sub") or "")


def _problem(error: Exception, request_id: str, path: str) -> dict[str, Any]:
    kind = problem_kind(error)
    if kind is _OURS:
        _log.error("request %s failed", request_id, exc_info=error)
    else:
        _log.info("request %s: %s", request_id, type(error).__name__, extra={"status": kind.status})
    body: dict[str, Any] = {
        "type": kind.uri,
        "title": kind.title,
        "status": kind.status,
        "detail": "Quote the request id when you report this." if kind is _OURS else _detail(error),
        "instance": quote(path, safe=_PATH_SAFE, errors="replace"),
        "request_id": request_id,
    }
    if is_v2(path):
        body["error"] = body["detail"]  # where the protocol's clients look
    headers = {}
    if isinstance(error, InvalidBodyError):
        body["errors"] = [asdict(field) for field in error.errors]
    if isinstance(error, InvalidParametersError):
        body["errors"] = [{"parameter": name, "detail": text} for name, text in error.errors.items()]
    if isinstance(error, MethodNotAllowedError):
        headers["allow"] = ", ".join(error.allowed)
    if isinstance(error, NotServingError | KeyInUseError | BusyError):
        headers["retry-after"] = str(error.retry_after_seconds)
    return _answer(kind.status, request_id, problems.MEDIA_TYPE, body, headers)


def _detail(error: Exception) -> str:
    if isinstance(error, InvalidBodyError):
        return _many(error.errors)
    return str(error)


def _many(errors: tuple[FieldError, ...]) -> str:
    first = f"{errors[0].pointer or '/'}: {errors[0].detail}"
    return first if len(errors) == 1 else f"{first}; and {len(errors) - 1} more"


def _answer(
    status: int, request_id: str, media: str, body: Any, headers: Mapping[str, str] | None = None
) -> dict[str, Any]:
    return {
        "statusCode": int(status),
        "headers": {
            "content-type": media,
            "cache-control": "no-store",
            "x-request-id": request_id,
            **(headers or {}),
        },
        "body": json.dumps(body, separators=(",", ":")),
    }


def _content(content: Content, request_id: str) -> dict[str, Any]:
    return {
        "statusCode": int(content.status),
        "headers": {"x-request-id": request_id, **content.headers},
        "body": base64.b64encode(content.body).decode(),
        "isBase64Encoded": True,
    }


def _no_constant(name: str) -> float:
    raise ValueError(f"{name} is not JSON")
