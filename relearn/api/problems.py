"""Problems (RFC 9457) that the API answers with; docs/reference/errors.md explains each.

A slug never changes and never gets another meaning, because clients branch on it.
"""

from __future__ import annotations

from dataclasses import dataclass
from http import HTTPStatus

MEDIA_TYPE = "application/problem+json"
TYPE_PREFIX = "urn:relearn:problem:"


@dataclass(frozen=True, slots=True)
class Kind:
    """One type of problem.

    Parameters
    ----------
    status
        HTTP status.
    slug
        End of the problem's type URI; never changes.
    title
        Short and constant title.
    """

    status: HTTPStatus
    slug: str
    title: str

    @property
    def uri(self) -> str:
        """Type URI of the problem."""
        return TYPE_PREFIX + self.slug


MALFORMED_BODY = Kind(HTTPStatus.BAD_REQUEST, "malformed-body", "The body is not JSON")
INVALID_IDEMPOTENCY_KEY = Kind(
    HTTPStatus.BAD_REQUEST, "invalid-idempotency-key", "The Idempotency-Key is not allowed"
)
INVALID_CALLER_KEY = Kind(HTTPStatus.BAD_REQUEST, "invalid-relearn-key", "The X-Relearn-Key is not allowed")
NOT_FOUND = Kind(HTTPStatus.NOT_FOUND, "not-found", "There is no such thing")
METHOD_NOT_ALLOWED = Kind(
    HTTPStatus.METHOD_NOT_ALLOWED, "method-not-allowed", "The path does not take this method"
)
IDEMPOTENCY_KEY_REUSED = Kind(
    HTTPStatus.CONFLICT, "idempotency-key-reused", "The Idempotency-Key came with another body before"
)
IDEMPOTENCY_KEY_IN_USE = Kind(
    HTTPStatus.CONFLICT, "idempotency-key-in-use", "A request with this Idempotency-Key is being answered"
)
ROUTE_CHANGED = Kind(HTTPStatus.CONFLICT, "route-changed", "The route does not allow this change")
NOT_WAITING = Kind(HTTPStatus.CONFLICT, "not-waiting", "The version does not wait for this decision")
CONFLICT = Kind(HTTPStatus.CONFLICT, "conflict", "What is asked about is changing, or does not stand so")
TOO_LARGE = Kind(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, "too-large", "The body is too large")
ANSWER_TOO_LARGE = Kind(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, "answer-too-large", "The answer is too large")
UNSUPPORTED_MEDIA_TYPE = Kind(
    HTTPStatus.UNSUPPORTED_MEDIA_TYPE, "unsupported-media-type", "The body's media type is not allowed"
)
INVALID_INSTANCES = Kind(
    HTTPStatus.UNPROCESSABLE_ENTITY, "invalid-instances", "The body does not fit the model"
)
INVALID_FEEDBACK = Kind(
    HTTPStatus.UNPROCESSABLE_ENTITY, "invalid-feedback", "The feedback does not fit the model"
)
INVALID_UPLOAD = Kind(HTTPStatus.UNPROCESSABLE_ENTITY, "invalid-upload", "Such a file cannot be uploaded")
INVALID_CHANGE = Kind(HTTPStatus.UNPROCESSABLE_ENTITY, "invalid-change", "Such a change cannot be made")
INVALID_DECISION = Kind(
    HTTPStatus.UNPROCESSABLE_ENTITY, "invalid-decision", "Such a decision cannot be given"
)
INVALID_BATCH = Kind(HTTPStatus.UNPROCESSABLE_ENTITY, "invalid-batch", "A batch begins without a body")
INVALID_PARAMETERS = Kind(
    HTTPStatus.UNPROCESSABLE_ENTITY, "invalid-parameters", "A query parameter is not allowed"
)
INTERNAL_ERROR = Kind(HTTPStatus.INTERNAL_SERVER_ERROR, "internal-error", "Something is wrong on our side")
MODEL_FAILED = Kind(HTTPStatus.BAD_GATEWAY, "model-failed", "The model failed")
NOT_SERVING = Kind(HTTPStatus.SERVICE_UNAVAILABLE, "not-serving", "The model is not ready to answer")
FEEDBACK_BUSY = Kind(
    HTTPStatus.SERVICE_UNAVAILABLE, "feedback-busy", "Another request is storing some of this feedback"
)
NO_LINKS = Kind(HTTPStatus.SERVICE_UNAVAILABLE, "no-links", "Links and forms cannot be signed just now")
TIMEOUT = Kind(HTTPStatus.GATEWAY_TIMEOUT, "timeout", "The model did not answer in time")

ALL = tuple(value for value in list(globals().values()) if isinstance(value, Kind))
"""All problems, in the order above."""
