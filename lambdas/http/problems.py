"""Maps errors to problem documents (RFC 9457) by their class."""

from __future__ import annotations

import logging
from dataclasses import asdict
from typing import Any, NamedTuple
from urllib.parse import quote

from lambdas.http.idempotency import KeyInUseError, KeyReusedError
from lambdas.http.request import (
    InvalidCallerKeyError,
    InvalidKeyError,
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
    AnswerSizeError,
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
    SigningError,
)

_PATH_SAFE = "/:@!$&'()*+,;=~"
_log = logging.getLogger(__name__)

# One line for each error. Any other error is a fault of this service, and is answered without details.
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
    AnswerSizeError: problems.ANSWER_TOO_LARGE,
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
    SigningError: problems.NO_LINKS,
    TimeoutError: problems.TIMEOUT,
}
_OURS = problems.INTERNAL_ERROR
_REPORT = "Quote the request id when you report this."


class Problem(NamedTuple):
    """Problem document of an error.

    Parameters
    ----------
    status
        HTTP status.
    body
        JSON body, of media type `relearn.api.problems.MEDIA_TYPE`.
    headers
        Lower-case name to value, in addition to those of every answer.
    """

    status: int
    body: dict[str, Any]
    headers: dict[str, str]


def kind_of(error: Exception) -> Kind:
    """Return the kind of problem of an error: that of its class, or of the nearest base class that has one."""
    return next((PROBLEMS[cls] for cls in type(error).__mro__ if cls in PROBLEMS), _OURS)


def tell(error: Exception, request_id: str, path: str) -> Problem:
    """Return the problem document of an error, and log the error.

    Parameters
    ----------
    error
        The error; one without a kind is answered as status 500, without details.
    request_id
        Request id, for the answer and the log.
    path
        Path of the request, as sent.
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
        body["error"] = body["detail"]  # the field of the Open Inference Protocol
    return Problem(kind.status, body | _errors(error), _headers(error))


def _errors(error: Exception) -> dict[str, Any]:
    """Return the list of single errors, for the errors that have one."""
    if isinstance(error, InvalidBodyError):
        return {"errors": [asdict(field) for field in error.errors]}
    if isinstance(error, InvalidParametersError):
        return {"errors": [{"parameter": name, "detail": text} for name, text in error.errors.items()]}
    return {}


def _headers(error: Exception) -> dict[str, str]:
    """Return the headers that name the allowed methods, or the seconds to wait before a retry."""
    if isinstance(error, MethodNotAllowedError):
        return {"allow": ", ".join(error.allowed)}
    if isinstance(error, NotServingError | KeyInUseError | BusyError | SigningError):
        return {"retry-after": str(error.retry_after_seconds)}
    return {}


def _detail(error: Exception) -> str:
    if isinstance(error, InvalidBodyError):
        return _many(error.errors)
    return str(error)


def _ours(error: Exception) -> str:
    """Return the detail of a fault of this service: nothing but a resource that the machine lacks."""
    lacks = faults.of_the_machine(error, faults.ANSWER_DISK)
    return f"{lacks}. {_REPORT}" if lacks else _REPORT


def _many(errors: tuple[FieldError, ...]) -> str:
    first = f"{errors[0].pointer or '/'}: {errors[0].detail}"
    return first if len(errors) == 1 else f"{first}; and {len(errors) - 1} more"
