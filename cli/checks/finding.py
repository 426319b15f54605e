"""Results of a check, with the advice that follows from them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any, Literal

from botocore.exceptions import BotoCoreError, ClientError

DENIED = {"AccessDenied", "AccessDeniedException", "UnauthorizedOperation"}
"""Error codes of AWS services for calls without permission."""
SERVICE_OF = {
    "BatchGetImage": "ecr",
    "DescribeStacks": "cloudformation",
    "DescribeEndpoint": "sagemaker",
    "DescribeEndpointConfig": "sagemaker",
    "GetAccountSettings": "lambda",
    "GetDownloadUrlForLayer": "ecr",
    "GetFunctionConcurrency": "lambda",
    "GetParameter": "ssm",
    "ListAWSDefaultServiceQuotas": "servicequotas",
    "ListEndpoints": "sagemaker",
    "ListFunctions": "lambda",
    "ListServiceQuotas": "servicequotas",
}
"""API calls of the checks, with the IAM prefix of their service."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Request:
    """A request to increase a quota.

    Parameters
    ----------
    service, code, name
        Service code, quota code and name in Service Quotas.
    current, needed
        Current and requested value.
    command
        Command line of the AWS CLI that sends the request.
    """

    service: str
    code: str
    name: str
    current: float
    needed: int
    command: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Finding:
    """One line of ``relearn doctor``.

    Parameters
    ----------
    check
        Name of the check.
    status
        ``"unknown"`` when AWS did not answer the check's calls.
    found, needed
        What exists and what is required, in words; `needed` may be empty.
    advice
        What to do; empty when nothing is.
    request
        Increase of a quota to request; None when none helps.
    """

    check: str
    status: Literal["ok", "warning", "failed", "unknown"]
    found: str
    needed: str = ""
    advice: str = ""
    request: Request | None = None


def asked(check: str, ask: Callable[[], Iterable[Finding]]) -> Iterator[Finding]:
    """Yield the findings of a check; an error of AWS becomes a finding of status "unknown".

    Parameters
    ----------
    check
        Name of that finding.
    ask
        The check.
    """
    try:
        yield from ask()
    except ClientError as error:
        advice = f"allow {action(error)} to whoever runs this" if is_denied(error) else "try again later"
        yield Finding(check=check, status="unknown", found=said(error), advice=advice)
    except BotoCoreError as error:
        yield Finding(
            check=check, status="unknown", found=str(error), advice="see that this machine reaches AWS"
        )


def said(error: ClientError) -> str:
    """Return AWS's error answer in one line."""
    about: Any = error.response.get("Error", {})
    return " ".join(f"{error.operation_name}: {about.get('Code', '')}: {about.get('Message', '')}".split())


def is_denied(error: ClientError) -> bool:
    """Whether the caller lacks the permission for a call."""
    return error.response.get("Error", {}).get("Code") in DENIED


def action(error: ClientError) -> str:
    """Return the IAM action of a failed call."""
    return f"{SERVICE_OF[error.operation_name]}:{error.operation_name}"
