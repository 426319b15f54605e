"""Every error Relearn raises on purpose.

::

    RelearnError                  something the caller can understand and mend
    ├── SpecError                 a model's declaration is wrong: field, value given, what is allowed
    ├── ConfigError               a setting or environment variable is missing or wrong
    ├── NotFoundError             no such model, version, run or upload
    ├── InvalidBodyError          a request's body is not what is allowed; carries every FieldError
    │   ├── InvalidInstancesError the instances break the spec
    │   │   └── UnanswerableError they fit the spec, but a version has no answer to them
    │   ├── InvalidFeedbackError  the rows of feedback break the spec
    │   ├── InvalidUploadError    the file that is announced may not be sent
    │   ├── InvalidChangeError    the change of a route is none that can be asked for
    │   ├── InvalidDecisionError  the decision about a version is none that can be given
    │   └── InvalidBatchError     a batch was asked for with a body that would have no effect
    ├── InvalidLinesError         a file of instances breaks the spec; carries the first LineErrors
    ├── NotServingError           the model has no live version yet; carries what is being waited for
    ├── BusyError                 someone else is at the same thing; carries when to try again
    ├── ModelFailedError          the endpoint answered with an error, or not at all
    ├── QuotaExceededError        the account may have no more of something for now
    ├── ConflictError             the ledger changed under us: someone else won the conditional write
    │   ├── RouteChangedError     a person's change of a route does not fit the route as it is
    │   └── NotWaitingError       a decision about a version that waits for none, or for one
    ├── TooMuchToKeepError        what is to be written down is more than one item of the ledger holds
    ├── FrozenRouteError          a person froze the route: no run may move it
    ├── NothingToRetryError       a person wants something tried again that needs, or allows, no other try
    ├── NothingToExcludeError     a person wants an upload trained on no more that would not be anyway
    ├── IllegalTransitionError    an upload, run or version may not go from this state to that one
    ├── DataError                 a snapshot or upload cannot be used; carries a stable code
    ├── ArchiveError              an archive or document of others is damaged, or holds more than it may
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
        What was given.
    allowed
        What would have been right, in words.
    """

    def __init__(self, field: str, value: object, allowed: str) -> None:
        super().__init__(f"spec field {field!r}: got {value!r}; allowed: {allowed}")
        self.field = field
        self.value = value
        self.allowed = allowed


class ConfigError(RelearnError):
    """A setting or environment variable is missing or wrong."""

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
    """A request's body is JSON, but not what is allowed.

    Parameters
    ----------
    errors
        Every wrong value, at least one.
    """

    def __init__(self, errors: tuple[FieldError, ...]) -> None:
        super().__init__("; ".join(f"{error.pointer or '/'}: {error.detail}" for error in errors))
        self.errors = errors


class InvalidInstancesError(InvalidBodyError):
    """A request's instances break the spec."""


class UnanswerableError(InvalidInstancesError):
    """A version has no answer to an instance that the spec allows: it names the instance."""


class InvalidFeedbackError(InvalidBodyError):
    """The rows of feedback break the spec."""


class InvalidUploadError(InvalidBodyError):
    """The file that a request announces may not be sent."""


class InvalidChangeError(InvalidBodyError):
    """The change of a route is none that can be asked for."""


class InvalidDecisionError(InvalidBodyError):
    """The decision about a version is none that can be given."""


class InvalidBatchError(InvalidBodyError):
    """A batch was asked for with a body, which would have no effect."""


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


class NotServingError(RelearnError):
    """The model has no live version yet.

    Parameters
    ----------
    waiting_for
        What has to happen first, in words.
    retry_after_seconds
        When it makes sense to ask again.
    model
        The model that waits; empty where ``waiting_for`` says all.
    """

    def __init__(self, waiting_for: str, retry_after_seconds: int, model: str = "") -> None:
        super().__init__(
            f"no version of {model} serves yet; it waits for: {waiting_for}" if model else waiting_for
        )
        self.waiting_for = waiting_for
        self.retry_after_seconds = retry_after_seconds


class BusyError(RelearnError):
    """Someone else is at the same thing, or broke off a moment ago.

    Parameters
    ----------
    detail
        What to do.
    retry_after_seconds
        When it makes sense to try again.
    """

    def __init__(self, detail: str, retry_after_seconds: int) -> None:
        super().__init__(detail)
        self.retry_after_seconds = retry_after_seconds


class ModelFailedError(RelearnError):
    """The endpoint answered with an error, or not at all."""


class QuotaExceededError(RelearnError):
    """A quota of the AWS account is used up: worth a long wait, then the account has to be given more.

    Parameters
    ----------
    asked
        What was asked for.
    said
        What the service said; it names the quota, its value and its use.
    """

    def __init__(self, asked: str, said: str) -> None:
        super().__init__(f"{asked}: {said}")
        self.asked = asked
        self.said = said


class ConflictError(RelearnError):
    """Someone else won the conditional write."""


class RouteChangedError(ConflictError):
    """A person's change of a route does not fit the route as it is: someone was first, or there is nothing to move to."""


class NotWaitingError(ConflictError):
    """A version waits for no decision, or someone was first; or it must not serve before there is one."""


class TooMuchToKeepError(RelearnError):
    """What is to be written down is more than one item of the ledger holds.

    Parameters
    ----------
    name
        The item's key.
    size, most
        Bytes it would have, and may have.
    largest
        The attribute that most of them are of.
    """

    def __init__(self, name: str, size: int, most: int, largest: str) -> None:
        super().__init__(
            f"the ledger's item {name} would have {size} bytes, most of them in {largest!r}; allowed: at most {most}; "
            "send fewer, larger files"
        )


class FrozenRouteError(RelearnError):
    """A person froze the route: no run may move it."""


class NothingToRetryError(RelearnError):
    """What a person wants tried again needs no other try, or cannot have one; says what to do instead."""


class NothingToExcludeError(RelearnError):
    """An upload that a person wants trained on no more is in no later snapshot anyway, or not decided yet."""


class IllegalTransitionError(RelearnError):
    """A record may not go from its state to the one asked for."""


class DataError(RelearnError):
    """Data cannot be used.

    Parameters
    ----------
    code
        A stable word, e.g. ``"schema"`` or ``"bad_row_rate"``.
    detail
        What was found, and what is allowed.
    """

    def __init__(self, code: str, detail: str) -> None:
        super().__init__(detail)
        self.code = code
        self.detail = detail


class ArchiveError(RelearnError):
    """An archive, or a document in one, is damaged, holds more than it may, or can be read in two ways."""


class ArtifactError(RelearnError):
    """A model artifact is damaged, tampered with or unfaithful to the estimator it came from."""
