"""Checks of SageMaker's quotas for endpoints: serverless endpoints with their concurrency, and instances."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from botocore.exceptions import ClientError

from cli.checks.finding import Finding, action, is_denied
from cli.checks.needs import ENDPOINTS_OF_A_MODEL, Needs
from cli.checks.quotas import Quotas, compare
from cli.stage.target import Target
from relearn.naming import resources

ENDPOINTS = r".*\bnumber of serverless (inference )?endpoints\b.*"
CONCURRENCY = r".*\btotal concurrency\b.*\bserverless endpoints\b.*"
ALL_INSTANCES = r"number of instances across (all )?active endpoints"
_SERVICE = "sagemaker"


@dataclass(frozen=True, slots=True)
class QuotaUsage:
    """Usage of the account's quotas by endpoints outside of the stage.

    Parameters
    ----------
    endpoints, concurrency
        Number of serverless endpoints, and the sum of their maximum concurrent invocations.
    instances
        Number of endpoint instances by instance type.
    """

    endpoints: int = 0
    concurrency: int = 0
    instances: Mapping[str, int] = field(default_factory=dict)


def serverless(target: Target, needs: Needs) -> Iterator[Finding]:
    """Yield findings about the quotas of serverless endpoints; none when no model needs one."""
    if not needs.serverless:
        return
    quotas = Quotas(target, _SERVICE)
    taken, note = _taken(target)
    each = f"{needs.serverless} models, {ENDPOINTS_OF_A_MODEL} endpoints each{note}"
    for check, pattern, needed, held in (
        ("serverless endpoints", ENDPOINTS, needs.endpoints, taken.endpoints),
        ("concurrency of serverless endpoints", CONCURRENCY, needs.concurrency, taken.concurrency),
    ):
        quota = quotas.find(pattern)
        if quota is None:
            yield _not_listed(check, f"{needed}: {each}", target)
        else:
            yield compare(target, quota, check=check, needed=needed, why=each, taken=held)


def instances(target: Target, needs: Needs) -> Iterator[Finding]:
    """Yield findings about the quotas of endpoint instances, of each type and in total."""
    if not needs.hosted:
        return
    quotas = Quotas(target, _SERVICE)
    taken, note = _taken(target)
    why = f"the most of who serves, and the least of a previous version and a candidate{note}"
    for instance, needed in sorted(needs.hosted.items()):
        check = f"{instance} for endpoints"
        quota = quotas.find(rf"{re.escape(instance)} for endpoint usage")
        held = taken.instances.get(instance, 0)
        if quota is None:
            yield _not_offered(check, instance, needed, target)
        else:
            yield compare(target, quota, check=check, needed=needed, why=why, taken=held)
    if (quota := quotas.find(ALL_INSTANCES)) is not None:
        everything, held = sum(needs.hosted.values()), sum(taken.instances.values())
        yield compare(target, quota, check="instances of endpoints", needed=everything, why=why, taken=held)


def taken_by_others(target: Target) -> QuotaUsage:
    """Count what the account's endpoints in this region use that are not the stage's."""
    client, own = target.client("sagemaker"), resources.prefix(target.stage)
    endpoints = concurrency = 0
    found: Counter[str] = Counter()
    for page in client.get_paginator("list_endpoints").paginate():
        for listed in page["Endpoints"]:
            if not listed["EndpointName"].startswith(own):
                about = client.describe_endpoint(EndpointName=listed["EndpointName"])
                limits = list(_concurrency(about))
                endpoints += bool(limits)
                concurrency += sum(limits)
                found.update(_instances(client, about))
    return QuotaUsage(endpoints, concurrency, found)


def _taken(target: Target) -> tuple[QuotaUsage, str]:
    """Count the usage of others; the second value is a note when the caller may not list endpoints."""
    try:
        return taken_by_others(target), ""
    except ClientError as error:
        if not is_denied(error):
            raise
        return QuotaUsage(), f" (what others hold was not counted: allow {action(error)})"


def _concurrency(endpoint: dict[str, Any]) -> Iterator[int]:
    """Yield the maximum concurrency of each serverless variant of an endpoint."""
    for variant in endpoint.get("ProductionVariants", []):
        if (config := variant.get("CurrentServerlessConfig")) is not None:
            yield config["MaxConcurrency"]


def _instances(client: Any, endpoint: dict[str, Any]) -> Mapping[str, int]:
    """Return an endpoint's number of instances by type, which only its configuration holds."""
    counts = {
        variant["VariantName"]: variant["CurrentInstanceCount"]
        for variant in endpoint.get("ProductionVariants", [])
        if "CurrentInstanceCount" in variant
    }
    if not counts:
        return {}
    config = client.describe_endpoint_config(EndpointConfigName=endpoint["EndpointConfigName"])
    found: Counter[str] = Counter()
    for variant in config["ProductionVariants"]:
        found[variant["InstanceType"]] += counts.get(variant["VariantName"], 0)
    return found


def _not_listed(check: str, needed: str, target: Target) -> Finding:
    return Finding(
        check=check,
        status="unknown",
        found=f"Service Quotas lists no such quota in {target.region}",
        needed=needed,
        advice="see in the Service Quotas console, under Amazon SageMaker, whether serverless endpoints are offered there",
    )


def _not_offered(check: str, instance: str, needed: int, target: Target) -> Finding:
    return Finding(
        check=check,
        status="failed",
        found=f"no such quota in {target.region}",
        needed=str(needed),
        advice=f"{instance} is not offered for endpoints in {target.region}: choose another instance or region",
    )
