"""What a check found, and what is to be done about it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any, Literal

from botocore.exceptions import BotoCoreError, ClientError

DENIED = {"AccessDenied", "AccessDeniedException", "UnauthorizedOperation"}
"""What AWS services call that the caller may not ask."""
SERVICE_OF = {
    "DescribeEndpoint": "sagemaker",
    "DescribeEndpointConfig": "sagemaker",
    "GetAccountSettings": "lambda",
    "GetFunctionConcurrency": "lambda",
    "GetParameter": "ssm",
    "ListAWSDefaultServiceQuotas": "servicequotas",
    "ListEndpoints": "sagemaker",
    "ListServiceQuotas": "servicequotas",
}
"""What the checks ask, and how IAM calls whom they ask."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Request:
    """An increase of a quota, as it is asked for.

    Parameters
    ----------
    service, code, name
        Of the quota, as Service Quotas has them.
    current, needed
        Its value, and what it should be.
    command
        The command line that asks.
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
        What was looked at.
    status
        ``"unknown"``: AWS would not tell.
    found, needed
        In words; nothing is needed when that goes without saying.
    advice
        What to do; empty when there is nothing to do.
    request
        The quota to raise.
    """

    check: str
    status: Literal["ok", "warning", "failed", "unknown"]
    found: str
    needed: str = ""
    advice: str = ""
    request: Request | None = None


def asked(check: str, ask: Callable[[], Iterable[Finding]]) -> Iterator[Finding]:
    """Give what a check finds; what AWS does not tell is a finding too.

    Parameters
    ----------
    check
        What to call the finding then.
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
    """Give what AWS answered, in one line."""
    about: Any = error.response.get("Error", {})
    return " ".join(f"{error.operation_name}: {about.get('Code', '')}: {about.get('Message', '')}".split())


def is_denied(error: ClientError) -> bool:
    """Tell whether the caller may not ask."""
    return error.response.get("Error", {}).get("Code") in DENIED


def action(error: ClientError) -> str:
    """Name what IAM has to allow."""
    return f"{SERVICE_OF[error.operation_name]}:{error.operation_name}"
