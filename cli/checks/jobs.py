"""Checks of SageMaker's quotas of instances for jobs."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace

from cli.checks.finding import Finding
from cli.checks.needs import Needs
from cli.checks.quotas import Quotas, advice_on, ask_for, compare
from cli.stage.target import Target

TRANSFORM_INSTANCE = "ml.m5.large"
"""Instance type of batch transform jobs."""


def instances(target: Target, needs: Needs) -> Iterator[Finding]:
    """Yield findings about the instances for training and batch transform jobs."""
    quotas = Quotas(target, "sagemaker")
    for instance, models in sorted(needs.training.items()):
        yield _instances(target, quotas, instance, kind="training", most=models)
    scoring = _instances(target, quotas, TRANSFORM_INSTANCE, kind="transform", most=1)
    # Needed only for batches, so a lack of it is no failure.
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
