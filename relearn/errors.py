"""Every error Relearn raises on purpose.

::

    RelearnError                  something the caller can understand and correct
    ├── SpecError                 a model's declaration is wrong: field, value given, what is allowed
    ├── ConfigError               a setting or environment variable is missing or wrong
    ├── NotFoundError             no such model, version, run or upload
    ├── InvalidBodyError          a request's body is not allowed; carries every FieldError
    │   ├── InvalidInstancesError the instances break the spec
    │   │   └── UnanswerableError they fit the spec, but a version cannot answer them
    │   ├── InvalidFeedbackError  the rows of feedback break the spec
    │   ├── InvalidUploadError    the file of an upload is not allowed
    │   ├── InvalidChangeError    the change of a route does not exist or is malformed
    │   ├── InvalidDecisionError  the decision about a version does not exist or is malformed
    │   └── InvalidBatchError     a request for a batch has a body, which would have no effect
    ├── InvalidLinesError         a file of instances breaks the spec; carries the first LineErrors
    ├── AnswerSizeError           the answer to a request is, or may be, larger than Lambda returns or the ledger keeps
    ├── NotServingError           the model has no live version yet; carries what has to happen first
    ├── BusyError                 another request is doing the same; carries when to try again
    ├── SigningError              no link or form can be signed just now; carries when to try again
    ├── ModelFailedError          the endpoint answered with an error, or not at all
    ├── QuotaExceededError        a quota of the AWS account is used up
    ├── ConflictError             another writer won the conditional write of the ledger
    │   ├── RouteChangedError     a person's change of a route does not fit the route
    │   └── NotWaitingError       a version does not wait for a decision, or must not serve without one
    ├── TooMuchToKeepError        a record is larger than one item of the ledger may be
    ├── FrozenRouteError          a person froze the route: runs may not change it
    ├── NothingToRetryError       an upload or run needs no retry, or cannot have one
    ├── NothingToExcludeError     an upload to exclude is in no later snapshot anyway, or is not decided yet
    ├── IllegalTransitionError    an upload, run or version cannot change from this state to that one
    ├── DataError                 a snapshot or upload cannot be used; carries a constant code
    ├── ArchiveError              an archive or document of others is damaged, ambiguous or exceeds a limit
    └── ArtifactError             a model artifact is damaged, tampered with or unfaithful
"""

from __future__ import annotations

from dataclasses import dataclass


class RelearnError(Exception):
    """Base of every error raised on purpose."""


class SpecError(RelearnError):
    """A model's declaration is wrong.

    Parameters
    ----------
    field
        Dotted path of the field, e.g. ``"metric.minimum"``.
    value
        Value given.
    allowed
        Description of the values allowed.
    """

    def __init__(self, field: str, value: object, allowed: str) -> None:
        super().__init__(f"spec field {field!r}: got {value!r}; allowed: {allowed}")
        self.field = field
        self.value = value
        self.allowed = allowed


class ConfigError(RelearnError):
    """A setting or environment variable is missing or wrong.

    Parameters
    ----------
    key
        Name of the setting.
    value
        Value given.
    allowed
        Description of the values allowed.
    """

    def __init__(self, key: str, value: object, allowed: str) -> None:
        super().__init__(f"setting {key!r}: got {value!r}; allowed: {allowed}")
        self.key = key
        self.value = value
        self.allowed = allowed


class NotFoundError(RelearnError):
    """No such model, version, run or upload."""


@dataclass(frozen=True, slots=True)
class FieldError:
    """One wrong value in a request.

    Parameters
    ----------
    pointer
        JSON pointer (RFC 6901) to the value, e.g. ``"/instances/0/sepal_length"``.
    detail
        What is wrong, what was given and what is allowed.
    """

    pointer: str
    detail: str


class InvalidBodyError(RelearnError):
    """A request's body is JSON, but not allowed.

    Parameters
    ----------
    errors
        All wrong values, at least one.
    """

    def __init__(self, errors: tuple[FieldError, ...]) -> None:
        super().__init__("; ".join(f"{error.pointer or '/'}: {error.detail}" for error in errors))
        self.errors = errors


class InvalidInstancesError(InvalidBodyError):
    """A request's instances break the spec."""


class UnanswerableError(InvalidInstancesError):
    """A version cannot answer an instance that fits the spec; names the instance."""


class InvalidFeedbackError(InvalidBodyError):
    """The rows of feedback break the spec."""


class InvalidUploadError(InvalidBodyError):
    """The file in a request for an upload is not allowed."""


class InvalidChangeError(InvalidBodyError):
    """The requested change of a route does not exist or is malformed."""


class InvalidDecisionError(InvalidBodyError):
    """The requested decision about a version does not exist or is malformed."""


class InvalidBatchError(InvalidBodyError):
    """A request for a batch has a body, which would have no effect."""


@dataclass(frozen=True, slots=True)
class LineError:
    """One wrong value in a file of instances.

    Parameters
    ----------
    line
        Number of the line, from 1.
    pointer
        JSON pointer (RFC 6901) to the value within the line's object; empty for the whole line.
    detail
        What is wrong, what was given and what is allowed.
    """

    line: int
    pointer: str
    detail: str

    def __str__(self) -> str:
        place = f"line {self.line}: "
        return f"{place}{self.pointer}: {self.detail}" if self.pointer else place + self.detail


class InvalidLinesError(RelearnError):
    """A file of instances breaks the spec.

    Parameters
    ----------
    errors
        The first wrong values, at least one.
    """

    def __init__(self, errors: tuple[LineError, ...]) -> None:
        more = f"; and {len(errors) - 1} more" if len(errors) > 1 else ""
        super().__init__(f"{errors[0]}{more}")
        self.errors = errors


class AnswerSizeError(RelearnError):
    """The answer to a request is, or may be, larger than Lambda returns or the ledger keeps: send fewer instances."""


class NotServingError(RelearnError):
    """The model has no live version yet.

    Parameters
    ----------
    waiting_for
        What has to happen first, in words.
    retry_after_seconds
        Seconds after which to ask again.
    model
        Model that waits; empty where ``waiting_for`` is the whole message.
    """

    def __init__(self, waiting_for: str, retry_after_seconds: int, model: str = "") -> None:
        super().__init__(
            f"no version of {model} serves yet; it waits for: {waiting_for}" if model else waiting_for
        )
        self.waiting_for = waiting_for
        self.retry_after_seconds = retry_after_seconds


class BusyError(RelearnError):
    """Another request is doing the same, or broke off a moment ago.

    Parameters
    ----------
    detail
        What to do.
    retry_after_seconds
        Seconds after which to try again.
    """

    def __init__(self, detail: str, retry_after_seconds: int) -> None:
        super().__init__(detail)
        self.retry_after_seconds = retry_after_seconds


class SigningError(RelearnError):
    """No credentials to sign a presigned link or form with: AWS STS gave none."""

    retry_after_seconds = 5
    """Seconds after which to try again."""

    def __init__(self) -> None:
        super().__init__("AWS STS gave no credentials to sign a link or form with; try again")


class ModelFailedError(RelearnError):
    """The endpoint answered with an error, or not at all."""


class QuotaExceededError(RelearnError):
    """A quota of the AWS account is used up: wait, or have the quota raised.

    Parameters
    ----------
    asked
        What was requested.
    said
        Message of the service, which names the quota, its value and its use.
    """

    def __init__(self, asked: str, said: str) -> None:
        super().__init__(f"{asked}: {said}")
        self.asked = asked
        self.said = said


class ConflictError(RelearnError):
    """Another writer won the conditional write."""


class RouteChangedError(ConflictError):
    """A person's change does not fit the route: someone else was first, or there is no version to move to."""


class NotWaitingError(ConflictError):
    """A version does not wait for a decision, or has one already; or it must not serve without one."""


class TooMuchToKeepError(RelearnError):
    """A record is larger than one item of the ledger may be.

    Parameters
    ----------
    name
        Key of the item.
    size, most
        Size of the item, and its maximum, in bytes.
    largest
        Name of the largest attribute.
    """

    def __init__(self, name: str, size: int, most: int, largest: str) -> None:
        super().__init__(
            f"the ledger's item {name} would have {size} bytes, most of them in {largest!r}; allowed: at most {most}; "
            "send fewer, larger files"
        )


class FrozenRouteError(RelearnError):
    """The route is frozen: runs may not change it."""


class NothingToRetryError(RelearnError):
    """An upload or run needs no retry, or cannot have one; says what to do instead."""


class NothingToExcludeError(RelearnError):
    """An upload to exclude is in no later snapshot anyway, or is not decided yet."""


class IllegalTransitionError(RelearnError):
    """A record cannot change from its state to the requested one."""


class DataError(RelearnError):
    """An upload or snapshot cannot be used.

    Parameters
    ----------
    code
        Constant identifier, e.g. ``"schema"`` or ``"bad_row_rate"``.
    detail
        What was found, and what is allowed.
    """

    def __init__(self, code: str, detail: str) -> None:
        super().__init__(detail)
        self.code = code
        self.detail = detail


class ArchiveError(RelearnError):
    """An archive, or a document in one, is damaged, exceeds a limit, or is ambiguous."""


class ArtifactError(RelearnError):
    """A model artifact is damaged, tampered with or unfaithful to the estimator it came from."""
