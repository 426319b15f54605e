"""What a caller is told of an error: a problem (RFC 9457), by the error's class."""

from __future__ import annotations

import logging
from dataclasses import asdict
from typing import Any, NamedTuple
from urllib.parse import quote

from lambdas.aws.dynamo.idempotency_store import AnswerTooLargeError
from lambdas.http.caller_keys import InvalidCallerKeyError, InvalidKeyError
from lambdas.http.idempotency import KeyInUseError, KeyReusedError
from lambdas.http.request import (
    InvalidParametersError,
    MalformedBodyError,
    MediaTypeError,
    MethodNotAllowedError,
    TooLargeError,
    is_v2,
)
from relearn import faults
from relearn.api import problems
from relearn.api.problems import Kind
from relearn.errors import (
    BusyError,
    ConflictError,
    FieldError,
    FrozenRouteError,
    IllegalTransitionError,
    InvalidBatchError,
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

_PATH_SAFE = "/:@!$&'()*+,;=~"
_log = logging.getLogger(__name__)

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
    ConflictError: problems.CONFLICT,
    FrozenRouteError: problems.CONFLICT,
    IllegalTransitionError: problems.CONFLICT,
    TooLargeError: problems.TOO_LARGE,
    AnswerTooLargeError: problems.ANSWER_TOO_LARGE,
    MediaTypeError: problems.UNSUPPORTED_MEDIA_TYPE,
    InvalidInstancesError: problems.INVALID_INSTANCES,
    InvalidFeedbackError: problems.INVALID_FEEDBACK,
    InvalidUploadError: problems.INVALID_UPLOAD,
    InvalidChangeError: problems.INVALID_CHANGE,
    InvalidDecisionError: problems.INVALID_DECISION,
    InvalidBatchError: problems.INVALID_BATCH,
    InvalidParametersError: problems.INVALID_PARAMETERS,
    ModelFailedError: problems.MODEL_FAILED,
    NotServingError: problems.NOT_SERVING,
    BusyError: problems.FEEDBACK_BUSY,
    TimeoutError: problems.TIMEOUT,
}
_OURS = problems.INTERNAL_ERROR
_REPORT = "Quote the request id when you report this."


class Problem(NamedTuple):
    """An error as it is answered.

    Parameters
    ----------
    status
        HTTP status.
    body
        What is sent as JSON, as `relearn.api.problems.MEDIA_TYPE`.
    headers
        Lower-case name to value, beside those of every answer.
    """

    status: int
    body: dict[str, Any]
    headers: dict[str, str]


def kind_of(error: Exception) -> Kind:
    """Find how an error is told: by its class, or the nearest class it is derived from."""
    return next((PROBLEMS[cls] for cls in type(error).__mro__ if cls in PROBLEMS), _OURS)


def tell(error: Exception, request_id: str, path: str) -> Problem:
    """Make the answer to a request that ended with an error, and log it.

    Parameters
    ----------
    error
        Any.
    request_id
        Names the request in answers and logs.
    path
        As sent.
    """
    kind = kind_of(error)
    if kind is _OURS:
        _log.error("request %s failed", request_id, exc_info=error)
    else:
        _log.info("request %s: %s", request_id, type(error).__name__, extra={"status": kind.status})
    body: dict[str, Any] = {
        "type": kind.uri,
        "title": kind.title,
        "status": kind.status,
        "detail": _ours(error) if kind is _OURS else _detail(error),
        "instance": quote(path, safe=_PATH_SAFE, errors="replace"),
        "request_id": request_id,
    }
    if is_v2(path):
        body["error"] = body["detail"]  # where the protocol's clients look
    return Problem(kind.status, body | _errors(error), _headers(error))


def _errors(error: Exception) -> dict[str, Any]:
    """List what is wrong with a request, one by one, where there is more to say than the detail."""
    if isinstance(error, InvalidBodyError):
        return {"errors": [asdict(field) for field in error.errors]}
    if isinstance(error, InvalidParametersError):
        return {"errors": [{"parameter": name, "detail": text} for name, text in error.errors.items()]}
    return {}


def _headers(error: Exception) -> dict[str, str]:
    """Say what would be taken instead, or when to come again."""
    if isinstance(error, MethodNotAllowedError):
        return {"allow": ", ".join(error.allowed)}
    if isinstance(error, NotServingError | KeyInUseError | BusyError):
        return {"retry-after": str(error.retry_after_seconds)}
    return {}


def _detail(error: Exception) -> str:
    if isinstance(error, InvalidBodyError):
        return _many(error.errors)
    return str(error)


def _ours(error: Exception) -> str:
    """Tell a fault of ours without details, but for what the machine lacks."""
    lacks = faults.of_the_machine(error, faults.ANSWER_DISK)
    return f"{lacks}. {_REPORT}" if lacks else _REPORT


def _many(errors: tuple[FieldError, ...]) -> str:
    first = f"{errors[0].pointer or '/'}: {errors[0].detail}"
    return first if len(errors) == 1 else f"{first}; and {len(errors) - 1} more"
