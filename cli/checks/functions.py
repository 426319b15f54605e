"""Checks of Lambda: the concurrency that predict reserves and that is left, and the memory of the hosts."""

from __future__ import annotations

from collections.abc import Iterator

from botocore.exceptions import ClientError

from cli.checks.finding import Finding, is_denied
from cli.checks.needs import Needs
from cli.checks.quotas import Quota, Quotas, advice_on, ask_for
from cli.checks.stage import StageSettings
from cli.stage.target import Target
from relearn.naming import resources

UNRESERVED = 100
"""Concurrency that Lambda keeps for functions without a reservation."""
QUOTA = "concurrent executions"
MEMORY_MB = 3008
"""Most memory, in MB, that every account can give a function.

Lambda offers 10,240, but refuses more than this in many new accounts, with "'MemorySize' value failed to satisfy
constraint: Member must have value less than or equal to 3008" (aws-lambda-power-tuning#181,
cdk-serverless-clamscan#431). No quota of Service Quotas tells which account is one of them.
"""


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


def memory(target: Target, needs: Needs) -> Iterator[Finding]:
    """Yield a finding about whether Lambda gives the models' hosts the memory that their specs ask for.

    Only a function that has more than `MEMORY_MB` proves that the account may have it; without one it is a warning.
    """
    if not needs.hosts:
        return
    model, wanted = max(needs.hosts.items(), key=lambda host: host[1])
    needed = f"{wanted} MB for {model}"
    if wanted <= MEMORY_MB:
        yield Finding(
            check="Lambda memory", status="ok", found=f"{MEMORY_MB} MB in every account", needed=needed
        )
        return
    most = _most_memory(target)
    if most > MEMORY_MB:
        yield Finding(check="Lambda memory", status="ok", found=f"a function has {most} MB", needed=needed)
        return
    yield Finding(
        check="Lambda memory",
        status="warning",
        found=f"no function has more than {MEMORY_MB} MB, and many new accounts may not have one",
        needed=needed,
        advice=f"ask AWS Support for functions of up to {wanted} MB, or set hosting=InLambda(memory_mb={MEMORY_MB}) "
        "or less; where the account may not, the deployment fails with \"'MemorySize' value failed to satisfy "
        'constraint"',
    )


def _most_memory(target: Target) -> int:
    """Return the memory of the region's largest function, in MB; 0 when there is no function."""
    pages = target.client("lambda").get_paginator("list_functions").paginate()
    return max((found["MemorySize"] for page in pages for found in page["Functions"]), default=0)


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
