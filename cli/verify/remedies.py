"""Known errors of AWS and of the API, with what to do about each."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

from boto3.exceptions import Boto3Error
from botocore.exceptions import (
    BotoCoreError,
    ClientError,
    EndpointConnectionError,
    NoCredentialsError,
    PartialCredentialsError,
)

from relearn.errors import RelearnError
from relearn_client import NoAnswerError, ProblemError, RefusedError, RelearnClientError, StorageError

KNOWN_ERRORS = (BotoCoreError, Boto3Error, ClientError, RelearnError, RelearnClientError, OSError)
"""Errors that end a step with a remedy; any other is a bug."""
_DENIED = "allow the action that the message names to whoever runs this, or run it with a role that may"
_QUOTA = (
    "relearn doctor says which quota to request, and how; other endpoints or jobs of the account may hold it"
)
_EXPIRED = "sign in again, so that the credentials are new: they expire while a long step waits"
_KEYS = "configure credentials as for the AWS CLI, by the environment or --profile"
_THROTTLED = (
    "run it again: AWS throttled the calls; where that repeats, see the account's other users of this service"
)
_CLOCK = "set this machine's clock: AWS refuses signatures that are minutes off"
_OTHER_STAGE = "check --stage, --region and --profile, and that this version of the app is deployed"
_CAPACITY = "run it again later: AWS had no free instance of this type in the region; training.instance of the spec names another"
_IMAGE = "relearn doctor checks the image that was pushed; build and deploy it again with make deploy"
_UNREACHABLE = (
    "see that this machine reaches AWS, and for the laptop cloud that it is up: make run starts one"
)
_REFUSED = "allow execute-api:Invoke on this API to whoever runs this, or give a token with the scopes predict, upload and operate"
_OURS = "this is a mistake of relearn verify itself: open an issue with this report"
REMEDIES: dict[str, str] = {
    "AccessDenied": _DENIED,
    "AccessDeniedException": _DENIED,
    "UnauthorizedOperation": _DENIED,
    "AuthorizationError": _DENIED,
    "ExpiredToken": _EXPIRED,
    "ExpiredTokenException": _EXPIRED,
    "RequestExpired": _EXPIRED,
    "InvalidClientTokenId": _KEYS,
    "UnrecognizedClientException": _KEYS,
    "InvalidAccessKeyId": _KEYS,
    "SignatureDoesNotMatch": f"{_KEYS}; if they are right, {_CLOCK}",
    "RequestTimeTooSkewed": _CLOCK,
    "Throttling": _THROTTLED,
    "ThrottlingException": _THROTTLED,
    "TooManyRequestsException": f"{_THROTTLED}; a new account runs 10 functions at once, see relearn doctor",
    "SlowDown": _THROTTLED,
    "ProvisionedThroughputExceededException": _THROTTLED,
    "ResourceLimitExceeded": _QUOTA,
    "ResourceLimitExceededException": _QUOTA,
    "LimitExceededException": _QUOTA,
    "ServiceQuotaExceededException": _QUOTA,
    "QuotaExceededError": _QUOTA,
    "CapacityError": _CAPACITY,
    "InsufficientInstanceCapacity": _CAPACITY,
    "OptInRequired": "activate the service for the account in the AWS console",
    "SubscriptionRequiredException": "activate the service for the account in the AWS console",
    "NoSuchBucket": _OTHER_STAGE,
    "ResourceNotFoundException": _OTHER_STAGE,
    "StateMachineDoesNotExist": _OTHER_STAGE,
    "KMSAccessDeniedException": "allow kms:Decrypt and kms:GenerateDataKey on the key to whoever runs this",
    "Unsupported manifest media type": _IMAGE,
    "CannotStartContainerError": _IMAGE,
    "Sandbox.Timedout": "a function ran out of time: its log group /aws/lambda/relearn-STAGE-NAME says where",
    "Runtime.OutOfMemory": "a function ran out of memory: its log group /aws/lambda/relearn-STAGE-NAME says where",
}
"""Error code, or words of a message, to the remedy."""
_BY_LENGTH = sorted(REMEDIES, key=len, reverse=True)
_UNKNOWN = "run it again with --keep and see relearn runs {model}, relearn uploads {model} and the log groups /aws/lambda/relearn-{stage}-*"


@dataclass(frozen=True, kw_only=True, slots=True)
class Problem:
    """Why a step failed, and the remedy.

    Parameters
    ----------
    code
        Error code of AWS or of the API; for other failures a word for their kind.
    message
        The error's message.
    remedy
        What to do.
    operation, request_id
        Call that was refused, and its request id for AWS's support; empty where there is none.
    """

    code: str
    message: str
    remedy: str
    operation: str = ""
    request_id: str = ""


class UnexpectedError(Exception):
    """A stage did something else than a step expects.

    Parameters
    ----------
    message
        What it did, with the stage's own reason.
    remedy
        What to do; empty where only the reason says it.
    """

    def __init__(self, message: str, remedy: str = "") -> None:
        super().__init__(message)
        self.remedy = remedy


def problem_of(error: BaseException, *, stage: str, model: str) -> Problem:
    """Return the problem that an error is.

    Parameters
    ----------
    error
        The error. One that is neither among `KNOWN_ERRORS` nor an `UnexpectedError` is a mistake of this program.
    stage, model
        Stage and sandbox model, for a remedy that names commands.
    """
    code, message, operation, request_id = _said(error)
    remedy = _remedy(error, code, message) or _UNKNOWN.format(stage=stage, model=model)
    return Problem(code=code, message=message, remedy=remedy, operation=operation, request_id=request_id)


def _said(error: BaseException) -> tuple[str, str, str, str]:
    """Return code, message, operation and request id of an error."""
    match error:
        case ClientError():
            about: Any = error.response.get("Error", {})
            request_id = str(error.response.get("ResponseMetadata", {}).get("RequestId", ""))
            return str(about.get("Code", "")), str(about.get("Message", "")), error.operation_name, request_id
        case ProblemError():
            return f"{error.status} {error.type.rpartition(':')[2]}", str(error), "", error.request_id
        case StorageError(code=str(code)) if code:
            return code, str(error), "", ""
    return type(error).__name__, str(error), "", ""


def _remedy(error: BaseException, code: str, message: str) -> str | None:
    match error:
        case UnexpectedError(remedy=str(remedy)) if remedy:
            return remedy
        case NoCredentialsError() | PartialCredentialsError():
            return _KEYS
        case EndpointConnectionError() | NoAnswerError():
            return _UNREACHABLE
        case RefusedError():
            return _REFUSED
    if not isinstance(error, (*KNOWN_ERRORS, UnexpectedError)):
        return _OURS
    return REMEDIES.get(code) or _in_words(message)


def _in_words(message: str) -> str | None:
    """Return the remedy of an error code that a message quotes, as the reasons of runs do."""
    for code in _BY_LENGTH:
        if re.search(rf"(?<!\w){re.escape(code)}(?!\w)", message):
            return REMEDIES[code]
    return None
