"""Check that a region has every AWS service that a stage uses."""

from __future__ import annotations

from collections.abc import Iterator

import boto3
from botocore.exceptions import UnknownRegionError

from cli.checks.finding import Finding
from cli.checks.needs import Needs
from cli.stage.target import Target

SERVICES = (
    "apigatewayv2",
    "application-autoscaling",
    "cloudformation",
    "cloudwatch",
    "dynamodb",
    "ecr",
    "events",
    "lambda",
    "logs",
    "s3",
    "sagemaker",
    "sagemaker-runtime",
    "scheduler",
    "sns",
    "sqs",
    "ssm",
    "stepfunctions",
    "xray",
)
"""Service names as in boto3; IAM is global."""


def services(target: Target, needs: Needs) -> Iterator[Finding]:
    """Yield findings about the services of every stage, and about AWS Glue when a model uses Spark."""
    lacking = [service for service in SERVICES if not _has(target, service)]
    yield Finding(
        check="region",
        status="failed" if lacking else "ok",
        found=f"{target.region} lacks {', '.join(lacking)}"
        if lacking
        else f"{target.region} has every service",
        needed=", ".join(SERVICES) if lacking else "",
        advice=f"choose another region; boto3 {boto3.__version__} knows no other" if lacking else "",
    )
    if needs.spark:
        has = _has(target, "glue")
        yield Finding(
            check="AWS Glue",
            status="ok" if has else "failed",
            found=f"{target.region} {'has' if has else 'lacks'} it",
            needed=f"the features of {', '.join(needs.spark)} are made by Spark",
            advice="" if has else "choose another region, or the engine duckdb in the spec or in cdk.json",
        )


def _has(target: Target, service: str) -> bool:
    try:
        partition = target.session.get_partition_for_region(target.region)
    except UnknownRegionError:
        return False
    return target.region in target.session.get_available_regions(service, partition_name=partition)
