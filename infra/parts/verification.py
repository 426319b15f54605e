"""Permissions of whoever verifies a stage: on its sandbox models, and on nothing of another model."""

from __future__ import annotations

from aws_cdk import Stack
from aws_cdk import aws_s3 as s3
from constructs import Construct

from infra.base import grants
from infra.base.access import Access
from infra.base.grants import Grant
from relearn.naming import resources, sandbox
from relearn.records import holdings, predictions


def allow(scope: Construct, *, stage: str, access: Access, api_id: str) -> list[Grant]:
    """Return the permissions that ``relearn verify`` needs.

    Parameters
    ----------
    scope
        A construct of the stack that has the role.
    stage
        Name of the stage.
    access
        The stage's resources, as that stack refers to them.
    api_id
        Id of the stage's HTTP API.
    """
    stack = Stack.of(scope)
    partitions = [
        partition
        for model in sandbox.MODELS
        for partition in (*holdings.partitions(model), f"{predictions.PARTITION}{model}#*")
    ]
    return [
        Grant(
            actions=["cloudformation:DescribeStacks"],
            resources=[
                stack.format_arn(
                    service="cloudformation", resource="stack", resource_name=f"{resources.prefix(stage)}*"
                )
            ],
            because="the ARN of a stack ends in an id of CloudFormation's",
        ),
        Grant(
            actions=["execute-api:Invoke"],
            resources=[stack.format_arn(service="execute-api", resource=api_id, resource_name="*")],
            because="every route of the stage's own API",
        ),
        *_objects(scope, access),
        Grant(
            actions=["dynamodb:GetItem", "dynamodb:Query", "dynamodb:BatchWriteItem"],
            resources=[access.stores.ledger.table_arn],
            conditions={"ForAllValues:StringLike": {"dynamodb:LeadingKeys": partitions}},
        ),
        access.executions("GetExecutionHistory", "StopExecution"),
        access.sagemaker.allow("DescribeEndpoint", on=["endpoint"]),
        access.sagemaker.allow("DescribeTrainingJob", on=["training-job"]),
        access.sagemaker.allow("DescribeTransformJob", on=["transform-job"]),
        access.guards(),
        access.wake("lifecycle"),
    ]


def _objects(scope: Construct, access: Access) -> list[Grant]:
    """Return the permissions to write, read and delete the objects of the sandbox models in each bucket."""
    buckets: dict[str, s3.Bucket] = {
        "uploads": access.stores.uploads,
        "lake": access.stores.lake,
        "artifacts": access.stores.artifacts,
    }
    found = []
    for name, bucket in buckets.items():
        under = [prefix for model in sandbox.MODELS for prefix in holdings.prefixes(model)[name]]
        deletes = ("s3:GetObject", "s3:DeleteObject", "s3:DeleteObjectVersion")
        writes = ("s3:PutObject",) if name == "uploads" else ()
        found += [
            grants.objects(scope, bucket, *deletes, *writes, under=under),
            Grant(
                actions=["s3:ListBucket", "s3:ListBucketVersions"],
                resources=[bucket.bucket_arn],
                conditions={"StringLike": {"s3:prefix": [f"{prefix}*" for prefix in under]}},
            ),
        ]
    return found
