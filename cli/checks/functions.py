"""Check of Lambda's concurrency: what predict reserves, and what is left for other functions."""

from __future__ import annotations

from collections.abc import Iterator

from botocore.exceptions import ClientError

from cli.checks.finding import Finding, is_denied
from cli.checks.quotas import Quota, Quotas, advice_on, ask_for
from cli.checks.stage import StageSettings
from cli.stage.target import Target
from relearn.naming import resources

UNRESERVED = 100
"""Concurrency that Lambda keeps for functions without a reservation."""
QUOTA = "concurrent executions"


def concurrency(target: Target, settings: StageSettings) -> Iterator[Finding]:
    """Yield a finding about whether Lambda's concurrency allows predict's reservation and suffices for the rest."""
    limits = target.client("lambda").get_account_settings()["AccountLimit"]
    total, free = limits["ConcurrentExecutions"], limits["UnreservedConcurrentExecutions"]
    reserve = settings.predict_reserved_concurrency
    # A deployment releases the earlier reservation of the same function first.
    lacking = UNRESERVED + (reserve - _reserved(target) if reserve else 0) - free
    why = (
        f"{reserve} for predict and {UNRESERVED} unreserved" if reserve else f"{UNRESERVED} for all functions"
    )
    if lacking <= 0:
        yield Finding(check="Lambda concurrency", status="ok", found=_found(total, free), needed=why)
        return
    quota = _quota(target)
    request = ask_for(target, quota, total + lacking) if quota else None
    yield Finding(
        check="Lambda concurrency",
        # Without a reservation the stage can be deployed, but answers fewer requests at once.
        status="failed" if reserve else "warning",
        found=_found(total, free),
        needed=why,
        advice=advice_on(quota, request)
        if quota
        else f"request {total + lacking} concurrent executions of Lambda",
        request=request,
    )


def _quota(target: Target) -> Quota | None:
    """Return the quota to raise; None when the caller may not list quotas."""
    try:
        return Quotas(target, "lambda").find(QUOTA)
    except ClientError as error:
        if not is_denied(error):
            raise
        return None


def _reserved(target: Target) -> int:
    """Return the concurrency that the stage's predict function reserves now; 0 when it has none."""
    try:
        found = target.client("lambda").get_function_concurrency(
            FunctionName=resources.function(target.stage, "predict")
        )
    except ClientError as error:
        if error.response["Error"]["Code"] != "ResourceNotFoundException":
            raise
        return 0
    return int(found.get("ReservedConcurrentExecutions", 0))


def _found(total: int, free: int) -> str:
    return f"{total} in all, {free} unreserved"
