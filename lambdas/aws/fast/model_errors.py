"""What the failures of an endpoint, or of a host, are told as, whoever asked it."""

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
    """Make the error for AWS's refusal to answer for an endpoint.

    Parameters
    ----------
    endpoint
        Its name, for the log.
    code
        AWS's name of the error.
    status
        HTTP status of the container, if it was asked.
    said
        What the container answered, as text; AWS hands on its beginning.
    """
    _log.warning("%s answered %s, status %s", endpoint, code, status)  # its message may quote the request
    if code in _BUSY:
        return NotServingError("the model is busy or starting", _RETRY_AFTER_SECONDS)
    if status == HTTPStatus.UNPROCESSABLE_ENTITY:
        return UnanswerableError(_errors(said))
    if status is not None:
        # Requests were checked against the spec before, so a 4xx is the model's failure too.
        return ModelFailedError(f"the model answered with status {status}")
    return ModelFailedError("the model cannot be asked")


def _errors(said: object) -> tuple[FieldError, ...]:
    """Read which instances the container has no answer to (`scoring.app`); the whole request where that was cut."""
    try:
        errors = json.loads(str(said))["errors"]
        return tuple(FieldError(str(one["pointer"]), str(one["detail"])) for one in errors) or (_WHOLE,)
    except (LookupError, TypeError, ValueError):
        return (_WHOLE,)


def late(endpoint: str, error: Exception) -> TimeoutError:
    """Make the error for an endpoint that took too long."""
    _log.warning("%s did not answer in time: %s", endpoint, error)
    return TimeoutError("the model did not answer in time")


def unreachable(endpoint: str, error: Exception) -> ModelFailedError:
    """Make the error for an endpoint that cannot be asked at all."""
    _log.warning("%s cannot be asked: %s", endpoint, error)
    return ModelFailedError("the model cannot be reached")
