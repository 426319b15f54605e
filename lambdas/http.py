"""HTTP in and out: an API Gateway event (payload 2.0) becomes a request, an error becomes a problem (RFC 9457)."""

from __future__ import annotations

import base64
import binascii
import json
import logging
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from http import HTTPStatus
from typing import Any

from relearn.columns import shown
from relearn.errors import (
    FieldError,
    InvalidInstancesError,
    ModelFailedError,
    NotFoundError,
    NotServingError,
)

MAX_BODY_BYTES = 4_000_000
"""What a serverless endpoint takes."""
_log = logging.getLogger(__name__)


class MalformedBodyError(Exception):
    """The body is not JSON."""


class MediaTypeError(Exception):
    """The body's media type is not JSON's."""


class TooLargeError(Exception):
    """The body has too many bytes."""


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
    """

    id: str
    path: str
    model: str | None
    content_type: str
    body: bytes

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
class Kind:
    """How one class of errors is told to a caller.

    Parameters
    ----------
    status
        HTTP status.
    slug
        End of the problem's type URI; never changes.
    title
        Short and always the same.
    """

    status: HTTPStatus
    slug: str
    title: str


# One line an error; anything that is not here is our own fault, and told without details.
PROBLEMS: dict[type[Exception], Kind] = {
    MalformedBodyError: Kind(HTTPStatus.BAD_REQUEST, "malformed-body", "The body is not JSON"),
    NotFoundError: Kind(HTTPStatus.NOT_FOUND, "not-found", "There is no such thing"),
    TooLargeError: Kind(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, "too-large", "The body is too large"),
    MediaTypeError: Kind(
        HTTPStatus.UNSUPPORTED_MEDIA_TYPE, "unsupported-media-type", "The body must be JSON"
    ),
    InvalidInstancesError: Kind(
        HTTPStatus.UNPROCESSABLE_ENTITY, "invalid-instances", "The body does not fit the model"
    ),
    ModelFailedError: Kind(HTTPStatus.BAD_GATEWAY, "model-failed", "The model failed"),
    NotServingError: Kind(HTTPStatus.SERVICE_UNAVAILABLE, "not-serving", "The model is not ready to answer"),
    TimeoutError: Kind(HTTPStatus.GATEWAY_TIMEOUT, "timeout", "The model did not answer in time"),
}
_OURS = Kind(HTTPStatus.INTERNAL_SERVER_ERROR, "internal-error", "Something is wrong on our side")


def serve(event: Mapping[str, Any], answer: Callable[[Request], Any]) -> dict[str, Any]:
    """Answer an API Gateway event.

    Parameters
    ----------
    event
        HTTP API, payload format 2.0.
    answer
        Gives what is sent as JSON with status 200, or raises.

    Returns
    -------
    dict
        The answer as API Gateway takes it: always with the request's id, errors as problems.
    """
    request_id = event.get("requestContext", {}).get("requestId", "")
    try:
        return _answer(HTTPStatus.OK, request_id, "application/json", answer(_request(event)))
    except Exception as error:  # noqa: BLE001 - every error becomes an answer
        return _problem(error, request_id, event.get("rawPath", ""))


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
    return Request(
        id=event["requestContext"]["requestId"],
        path=event["rawPath"],
        model=(event.get("pathParameters") or {}).get("model"),
        content_type=headers.get("content-type", ""),
        body=body,
    )


def _problem(error: Exception, request_id: str, path: str) -> dict[str, Any]:
    kind = problem_kind(error)
    if kind is _OURS:
        _log.error("request %s failed", request_id, exc_info=error)
    else:
        _log.info("request %s: %s", request_id, type(error).__name__, extra={"status": kind.status})
    body: dict[str, Any] = {
        "type": f"urn:relearn:problem:{kind.slug}",
        "title": kind.title,
        "status": kind.status,
        "detail": "Quote the request id when you report this." if kind is _OURS else _detail(error),
        "instance": path,
        "request_id": request_id,
    }
    headers = {}
    if isinstance(error, InvalidInstancesError):
        body["errors"] = [asdict(field) for field in error.errors]
    if isinstance(error, NotServingError):
        headers["retry-after"] = str(error.retry_after_seconds)
    return _answer(kind.status, request_id, "application/problem+json", body, headers)


def _detail(error: Exception) -> str:
    if isinstance(error, InvalidInstancesError):
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


def _no_constant(name: str) -> float:
    raise ValueError(f"{name} is not JSON")
