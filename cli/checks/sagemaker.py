"""SageMaker's quotas: serverless endpoints, their concurrency, and instances of jobs."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

from botocore.exceptions import ClientError

from cli.checks.finding import Finding, action, is_denied
from cli.checks.needs import ENDPOINTS_OF_A_MODEL, Needs
from cli.checks.quotas import Quotas, advice_on, ask_for, compare
from cli.target import Target
from relearn import names

ENDPOINTS = r".*\bnumber of serverless (inference )?endpoints\b.*"
CONCURRENCY = r".*\btotal concurrency\b.*\bserverless endpoints\b.*"
TRANSFORM_INSTANCE = "ml.m5.large"
"""What scores whole files."""
_SERVICE = "sagemaker"


@dataclass(frozen=True, slots=True)
class Taken:
    """What others than the stage hold of the account's quotas.

    Parameters
    ----------
    endpoints, concurrency
        Serverless endpoints, and their concurrent invocations together.
    """

    endpoints: int = 0
    concurrency: int = 0


def serverless(target: Target, needs: Needs) -> Iterator[Finding]:
    """Check the quotas of serverless endpoints."""
    quotas = Quotas(target, _SERVICE)
    try:
        taken, note = taken_by_others(target), ""
    except ClientError as error:
        if not is_denied(error):
            raise
        taken, note = Taken(), f" (what others hold was not counted: allow {action(error)})"
    each = f"{needs.models} models, {ENDPOINTS_OF_A_MODEL} endpoints each{note}"
    for check, pattern, needed, held in (
        ("serverless endpoints", ENDPOINTS, needs.endpoints, taken.endpoints),
        ("concurrency of serverless endpoints", CONCURRENCY, needs.concurrency, taken.concurrency),
    ):
        quota = quotas.find(pattern)
        if quota is None:
            yield _not_listed(check, f"{needed}: {each}", target)
        else:
            yield compare(target, quota, check=check, needed=needed, why=each, taken=held)


def taken_by_others(target: Target) -> Taken:
    """Count the serverless endpoints of the account and region that are not the stage's."""
    client, own = target.client("sagemaker"), names.prefix(target.stage)
    endpoints = concurrency = 0
    for page in client.get_paginator("list_endpoints").paginate():
        for found in page["Endpoints"]:
            if not found["EndpointName"].startswith(own):
                about = client.describe_endpoint(EndpointName=found["EndpointName"])
                limits = list(_concurrency(about))
                endpoints += bool(limits)
                concurrency += sum(limits)
    return Taken(endpoints, concurrency)


def jobs(target: Target, needs: Needs) -> Iterator[Finding]:
    """Check that there are instances to train on, and to score files on."""
    quotas = Quotas(target, _SERVICE)
    for instance, models in sorted(needs.training.items()):
        yield _instances(target, quotas, instance, kind="training", most=models)
    scoring = _instances(target, quotas, TRANSFORM_INSTANCE, kind="transform", most=1)
    # Only who scores whole files needs it.
    yield replace(scoring, status="warning") if scoring.status == "failed" else scoring


def _instances(target: Target, quotas: Quotas, instance: str, *, kind: str, most: int) -> Finding:
    check = f"{instance} for {kind} jobs"
    quota = quotas.find(rf"{re.escape(instance)} for {kind} job usage")
    if quota is None:
        return Finding(
            check=check,
            status="failed",
            found=f"no such quota in {target.region}",
            needed="1",
            advice=f"{instance} is not offered for {kind} jobs in {target.region}: choose another instance or region",
        )
    if not 1 <= quota.value < most:
        return compare(target, quota, check=check, needed=most, why=_why(kind, most))
    request = ask_for(target, quota, most) if quota.adjustable else None
    return Finding(
        check=check,
        status="warning",
        found=f"{quota.value:g}",
        needed=f"{_why(kind, most)}; with fewer they wait for each other",
        advice=advice_on(quota, request),
        request=request,
    )


def _why(kind: str, most: int) -> str:
    return f"{most} models may train at once" if kind == "training" else "one scores a file"


def _concurrency(endpoint: dict[str, Any]) -> Iterator[int]:
    """Give the limits of an endpoint's serverless variants."""
    for variant in endpoint.get("ProductionVariants", []):
        if (config := variant.get("CurrentServerlessConfig")) is not None:
            yield config["MaxConcurrency"]


def _not_listed(check: str, needed: str, target: Target) -> Finding:
    return Finding(
        check=check,
        status="unknown",
        found=f"Service Quotas lists no such quota in {target.region}",
        needed=needed,
        advice="see in the Service Quotas console, under Amazon SageMaker, whether serverless endpoints are offered there",
    )
