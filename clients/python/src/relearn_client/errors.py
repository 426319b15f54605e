"""The exceptions of this package, as one tree.

::

    RelearnClientError               base
    ├── LocalCloudError              no laptop cloud runs here, or its description cannot be read
    ├── CredentialsError             no credentials were found, or botocore is not installed
    ├── NotJsonError                 a value cannot be encoded as JSON: nothing was sent
    ├── NoAnswerError                the API could not be reached, or the connection broke
    │   └── AnswerTimeoutError       it did not answer in the time allowed
    ├── WaitTimeoutError             a batch or upload has not ended in the time allowed
    ├── NoResultError                a batch has no result: it failed, or has not ended
    ├── StorageError                 S3 refused a file, or the link to a result
    ├── BadAnswerError               a success whose body is not what the API promises
    └── ProblemError                 the API answered with a problem (RFC 9457)
        ├── RefusedError             401, 403: the caller is unknown, or lacks permission
        ├── NotFoundError            no such model, version, run, batch or upload
        ├── ThrottledError           429: too many requests
        ├── InvalidRequestError      any other 4xx: the request is wrong, and will be wrong again
        │   ├── MalformedBodyError   the body is not JSON
        │   ├── InvalidInstancesError  the body does not fit the model; `errors` names every wrong field
        │   ├── InvalidFeedbackError  a ground truth does not fit the model; `errors` names every wrong field
        │   ├── InvalidUploadError   a file with such a name cannot be uploaded
        │   ├── InvalidChangeError   such a change of a route cannot be made
        │   ├── InvalidDecisionError such a decision about a version cannot be given
        │   ├── InvalidParametersError  a query parameter is wrong
        │   ├── TooLargeError        413: the body has too many bytes
        │   ├── AnswerTooLargeError  the answer is, or may be, larger than Lambda returns, or than can be kept for a key
        │   └── ConflictError        409: an earlier request stands in the way
        │       ├── KeyReusedError   its Idempotency-Key was the same, its body another
        │       ├── KeyInUseError    it has the same Idempotency-Key and is being answered
        │       ├── RouteChangedError the route does not allow the change, or has changed since
        │       └── NotWaitingError  the version waits for no decision, or is decided already
        └── ServerError              any 5xx: not the caller's fault
            ├── NotServingError      the model has no live version yet; `retry_after` says when to try again
            ├── ModelFailedError     the model answered with an error, or not at all
            └── ModelTimeoutError    the model did not answer in time

A problem is raised as the exception of its type (`TYPES`). When it has none, as answers of API Gateway itself, or
an unknown one, it is raised as the exception of its status.
"""

from __future__ import annotations

from dataclasses import dataclass, field

MAX_ERRORS_SHOWN = 10
TYPE_PREFIX = "urn:relearn:problem:"


class RelearnClientError(Exception):
    """Base of every error of this package."""

    attempts: int = 0
    """Number of attempts that were made."""


class LocalCloudError(RelearnClientError):
    """No laptop cloud runs here, or its description cannot be read."""


class CredentialsError(RelearnClientError):
    """No credentials were found, or botocore is not installed."""


class NotJsonError(RelearnClientError, ValueError):
    """A value cannot be encoded as JSON; nothing was sent."""


class NoAnswerError(RelearnClientError):
    """The API could not be reached, or the connection broke."""


class AnswerTimeoutError(NoAnswerError, TimeoutError):
    """The API did not answer in the time allowed."""


class WaitTimeoutError(RelearnClientError, TimeoutError):
    """A batch or upload has not ended in the time allowed."""


class NoResultError(RelearnClientError):
    """A batch has no result: it failed, or has not ended."""


class StorageError(RelearnClientError):
    """S3 refused a file, or the link to a result.

    Parameters
    ----------
    message
        What was attempted, and S3's answer.
    code
        S3's error code, e.g. ``"EntityTooLarge"``; empty when it gave none.
    """

    def __init__(self, message: str, code: str = "") -> None:
        super().__init__(message)
        self.code = code


class BadAnswerError(RelearnClientError):
    """A success whose body is not what the API promises."""


@dataclass(frozen=True, slots=True)
class FieldError:
    """One wrong value in a request.

    Parameters
    ----------
    pointer
        JSON pointer (RFC 6901) to the value, e.g. ``"/instances/0/sepal_length"``; empty for the whole body.
    detail
        What is wrong, what was given and what is allowed.
    """

    pointer: str
    detail: str


@dataclass(frozen=True, slots=True)
class Problem:
    """The problem that the API answered with (RFC 9457).

    Parameters
    ----------
    status
        HTTP status.
    type
        URI of the kind of problem, which never changes; ``"about:blank"`` when none was given.
    title
        The kind in words.
    detail
        This case in words.
    errors
        Every wrong field, when the body does not fit the model.
    request_id
        Id of the request in the logs; empty when none was given.
    retry_after
        Seconds after which to try again; None when the API gave none.
    """

    status: int
    type: str = "about:blank"
    title: str = ""
    detail: str = ""
    errors: tuple[FieldError, ...] = field(default=())
    request_id: str = ""
    retry_after: float | None = None

    def __str__(self) -> str:
        shown = [f"{error.pointer or '/'}: {error.detail}" for error in self.errors[:MAX_ERRORS_SHOWN]]
        more = len(self.errors) - len(shown)
        detail = "; ".join(shown) + (f"; and {more} more" if more else "") if shown else self.detail
        again = "" if self.retry_after is None else f" (ask again in {self.retry_after:g} s)"
        return f"{self.status} {self.title}".rstrip() + (f": {detail}" if detail else "") + again


class ProblemError(RelearnClientError):
    """The API answered with a problem.

    Parameters
    ----------
    problem
        The problem; its fields are also attributes of the exception.
    """

    def __init__(self, problem: Problem) -> None:
        super().__init__(str(problem))
        self.problem = problem
        self.status = problem.status
        self.type = problem.type
        self.title = problem.title
        self.detail = problem.detail
        self.errors = problem.errors
        self.request_id = problem.request_id
        self.retry_after = problem.retry_after


class RefusedError(ProblemError):
    """The caller is unknown, or lacks permission."""


class NotFoundError(ProblemError):
    """No such model, version, run, batch or upload."""


class ThrottledError(ProblemError):
    """Too many requests."""


class InvalidRequestError(ProblemError):
    """The request is wrong, and will be wrong again."""


class MalformedBodyError(InvalidRequestError):
    """The body is not JSON."""


class InvalidInstancesError(InvalidRequestError):
    """The body does not fit the model; `errors` names every wrong field."""


class InvalidFeedbackError(InvalidRequestError):
    """A ground truth does not fit the model.

    `errors` names every wrong field, and nothing of the request was kept.
    """


class InvalidUploadError(InvalidRequestError):
    """A file with such a name cannot be uploaded; `errors` says what is allowed."""


class InvalidChangeError(InvalidRequestError):
    """Such a change of a route cannot be made; `errors` says what is allowed."""


class InvalidDecisionError(InvalidRequestError):
    """Such a decision about a version cannot be given; `errors` says what is allowed."""


class InvalidParametersError(InvalidRequestError):
    """A query parameter is wrong."""


class TooLargeError(InvalidRequestError):
    """The body has too many bytes."""


class AnswerTooLargeError(InvalidRequestError):
    """The answer is, or may be, larger than Lambda returns, or than can be kept for its Idempotency-Key.

    Send fewer instances; for the latter, ``repeatable=False`` helps too.
    """


class ConflictError(InvalidRequestError):
    """An earlier request stands in the way."""


class KeyReusedError(ConflictError):
    """An earlier request had the same Idempotency-Key and another body."""


class KeyInUseError(ConflictError):
    """An earlier request has the same Idempotency-Key and is being answered."""


class RouteChangedError(ConflictError):
    """The route does not allow the change, or has changed since it was read."""


class NotWaitingError(ConflictError):
    """The version waits for no decision, or is decided already."""


class ServerError(ProblemError):
    """The API failed; the request is not at fault."""


class NotServingError(ServerError):
    """The model has no live version yet; `retry_after` says when to try again."""


class ModelFailedError(ServerError):
    """The model answered with an error, or not at all."""


class ModelTimeoutError(ServerError):
    """The model did not answer in time."""


TYPES: dict[str, type[ProblemError]] = {
    "malformed-body": MalformedBodyError,
    "not-found": NotFoundError,
    "idempotency-key-reused": KeyReusedError,
    "idempotency-key-in-use": KeyInUseError,
    "route-changed": RouteChangedError,
    "not-waiting": NotWaitingError,
    "answer-too-large": AnswerTooLargeError,
    "too-large": TooLargeError,
    "invalid-instances": InvalidInstancesError,
    "invalid-feedback": InvalidFeedbackError,
    "invalid-upload": InvalidUploadError,
    "invalid-change": InvalidChangeError,
    "invalid-decision": InvalidDecisionError,
    "invalid-parameters": InvalidParametersError,
    "model-failed": ModelFailedError,
    "not-serving": NotServingError,
    "timeout": ModelTimeoutError,
}
"""End of a problem's type URI → exception."""
STATUSES: dict[int, type[ProblemError]] = {
    400: InvalidRequestError,
    401: RefusedError,
    403: RefusedError,
    404: NotFoundError,
    409: ConflictError,
    413: TooLargeError,
    429: ThrottledError,
}


def error_for(problem: Problem) -> ProblemError:
    """Return the exception for a problem, by its type, else by its status."""
    slug = problem.type.removeprefix(TYPE_PREFIX) if problem.type.startswith(TYPE_PREFIX) else ""
    return (TYPES.get(slug) or STATUSES.get(problem.status) or _by_class(problem.status))(problem)


def _by_class(status: int) -> type[ProblemError]:
    return {4: InvalidRequestError, 5: ServerError}.get(status // 100, ProblemError)
