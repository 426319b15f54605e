"""Maps failures of endpoints and hosts to domain errors."""

from __future__ import annotations

import json
import logging
from http import HTTPStatus

from relearn.errors import FieldError, ModelFailedError, NotServingError, UnanswerableError

_BUSY = {
    "ModelNotReadyException",
    "ServiceUnavailable",
    "ServiceUnavailableException",
    "ThrottlingException",
    "TooManyRequestsException",
}
_RETRY_AFTER_SECONDS = 2
_WHOLE = FieldError("/instances", "the version that was asked has no answer to some of these values")
_log = logging.getLogger(__name__)


def refused(endpoint: str, code: str, status: object, said: object = None) -> Exception:
    """Return the domain error for an error that AWS returned in place of the model's answer.

    Parameters
    ----------
    endpoint
        Name of the endpoint or host, for the log.
    code
        Error code of AWS.
    status
        HTTP status of the container; None when it was not reached.
    said
        Answer of the container, as text; AWS passes on only its beginning.
    """
    _log.warning("%s answered %s, status %s", endpoint, code, status)  # the message may quote the request
    if code in _BUSY:
        return NotServingError("the model is busy or starting", _RETRY_AFTER_SECONDS)
    if status == HTTPStatus.UNPROCESSABLE_ENTITY:
        return UnanswerableError(_errors(said))
    if status is not None:
        # Requests are checked against the spec first, so a 4xx is the model's failure too.
        return ModelFailedError(f"the model answered with status {status}")
    return ModelFailedError("the model cannot be asked")


def _errors(said: object) -> tuple[FieldError, ...]:
    """Return the errors of single instances in the container's answer (`scoring.app`).

    If AWS has cut it, return one error for all instances.
    """
    try:
        errors = json.loads(str(said))["errors"]
        return tuple(FieldError(str(one["pointer"]), str(one["detail"])) for one in errors) or (_WHOLE,)
    except (LookupError, TypeError, ValueError):
        return (_WHOLE,)


def late(endpoint: str, error: Exception) -> TimeoutError:
    """Return the error for an endpoint that did not answer in time."""
    _log.warning("%s did not answer in time: %s", endpoint, error)
    return TimeoutError("the model did not answer in time")


def unreachable(endpoint: str, error: Exception) -> ModelFailedError:
    """Return the error for an endpoint that cannot be reached."""
    _log.warning("%s cannot be asked: %s", endpoint, error)
    return ModelFailedError("the model cannot be reached")
