"""The roles that SageMaker takes on for a run's job, an ad-hoc job and an endpoint.

The actions are those the SageMaker guide lists for an execution role without a VPC
("SageMaker AI roles", CreateTrainingJob and CreateModel), narrowed to our buckets and image.
"""

from __future__ import annotations

from collections.abc import Sequence

from aws_cdk import ArnFormat, Stack
from aws_cdk import aws_ecr as ecr
from aws_cdk import aws_iam as iam
from aws_cdk import aws_s3 as s3
from constructs import Construct

from infra import grants
from infra.access import Access
from infra.grants import Grant
from infra.sagemaker_access import SAGEMAKER
from relearn import s3_keys

SNAPSHOT_FOLDERS = ("datasets", "snapshots")


def training_job(
    scope: Construct, construct_id: str, *, access: Access, image: ecr.IRepository, on_spark: bool = False
) -> iam.IRole:
    """Make the role of a run's training job: reads its snapshot and the champion, writes its artifact, keeps features.

    Parameters
    ----------
    image
        The repository that holds the training image.
    on_spark
        Whether the stage has models whose features Spark makes; it reads them then.
    """
    kept = [
        access.lake("s3:GetObject", "s3:PutObject", under=[s3_keys.FEATURES]),
        _list(access.stores.lake, under=[s3_keys.FEATURES]),
    ]
    if on_spark:
        kept += [
            access.lake("s3:GetObject", under=[s3_keys.SPARK]),
            _list(access.stores.lake, under=[s3_keys.SPARK]),
        ]
    return _job(scope, construct_id, access=access, image=image, writes=s3_keys.MODELS, more=kept)


def experiment(scope: Construct, construct_id: str, *, access: Access, image: ecr.IRepository) -> iam.IRole:
    """Make the role of an ad-hoc job: as a run's, but it can write no artifact that may ever serve."""
    return _job(scope, construct_id, access=access, image=image, writes=s3_keys.EXPERIMENTS)


def _job(
    scope: Construct,
    construct_id: str,
    *,
    access: Access,
    image: ecr.IRepository,
    writes: str,
    more: Sequence[Grant] = (),
) -> iam.IRole:
    return grants.role(
        scope,
        construct_id,
        service=SAGEMAKER,
        grants=[
            access.lake("s3:GetObject", under=SNAPSHOT_FOLDERS),
            _list(access.stores.lake, under=SNAPSHOT_FOLDERS),
            access.artifacts("s3:GetObject"),
            _list(access.stores.artifacts, under=[s3_keys.MODELS]),
            access.artifacts("s3:PutObject", under=writes),
            *more,
            *_container(scope, image=image, logs="TrainingJobs"),
        ],
    )


def endpoint(scope: Construct, construct_id: str, *, access: Access, image: ecr.IRepository) -> iam.IRole:
    """Make the role of a served model.

    SageMaker reads the artifact with it, and in transform jobs reads and writes batches. A container on instances is isolated from the network and gets no credentials; serverless inference knows no isolation, so a serverless one could do what is listed here.
    """
    return grants.role(
        scope,
        construct_id,
        service=SAGEMAKER,
        grants=[
            access.artifacts("s3:GetObject"),
            access.lake("s3:GetObject", "s3:PutObject", under=[s3_keys.BATCHES]),
            _list(access.stores.lake, under=[s3_keys.BATCHES]),
            *_container(scope, image=image, logs="Endpoints"),
            *_output(scope, logs="TransformJobs"),
        ],
    )


def _list(bucket: s3.IBucket, *, under: Sequence[str]) -> Grant:
    return Grant(
        actions=["s3:ListBucket"],
        resources=[bucket.bucket_arn],
        conditions={"StringLike": {"s3:prefix": [f"{folder}/*" for folder in under]}},
    )


def _container(scope: Construct, *, image: ecr.IRepository, logs: str) -> list[Grant]:
    return [
        Grant(
            actions=["ecr:GetAuthorizationToken"],
            resources=["*"],
            because="ECR gives tokens for the whole registry; this action takes no resource",
        ),
        Grant(
            actions=["ecr:BatchCheckLayerAvailability", "ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer"],
            resources=[image.repository_arn],
        ),
        *_output(scope, logs=logs),
    ]


def _output(scope: Construct, *, logs: str) -> list[Grant]:
    group = Stack.of(scope).format_arn(
        service="logs",
        resource="log-group",
        resource_name=f"/aws/sagemaker/{logs}*",
        arn_format=ArnFormat.COLON_RESOURCE_NAME,
    )
    return [
        Grant(
            actions=[
                "logs:CreateLogGroup",
                "logs:CreateLogStream",
                "logs:DescribeLogStreams",
                "logs:PutLogEvents",
            ],
            resources=[group],
            because=f"SageMaker makes the group and one stream for each container under /aws/sagemaker/{logs}",
        ),
        Grant(
            actions=["cloudwatch:PutMetricData"],
            resources=["*"],
            because="CloudWatch takes no resource for metrics; narrowed to SageMaker's namespace by a condition",
            conditions={"StringLike": {"cloudwatch:namespace": f"/aws/sagemaker/{logs}"}},
        ),
    ]
