"""boto3 clients with short timeouts and few retries, each created once per process.

Region, credentials and endpoint come from the environment variables of boto3.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import boto3
from botocore.config import Config

from lambdas import once_per_process

if TYPE_CHECKING:
    from mypy_boto3_cloudwatch import CloudWatchClient
    from mypy_boto3_dynamodb import DynamoDBClient
    from mypy_boto3_lambda import LambdaClient
    from mypy_boto3_s3 import S3Client
    from mypy_boto3_sagemaker import SageMakerClient
    from mypy_boto3_sns import SNSClient
    from mypy_boto3_sqs import SQSClient
    from mypy_boto3_stepfunctions import SFNClient

_CONTROL = Config(connect_timeout=3, read_timeout=20, retries={"mode": "standard", "total_max_attempts": 4})
_DATA = Config(connect_timeout=3, read_timeout=60, retries={"mode": "standard", "total_max_attempts": 4})
_FAST = Config(connect_timeout=1, read_timeout=3, retries={"mode": "standard", "total_max_attempts": 3})


@once_per_process
def dynamodb() -> DynamoDBClient:
    """Return the client for the ledger and the online table."""
    return boto3.client("dynamodb", config=_FAST)


@once_per_process
def s3() -> S3Client:
    """Return the client for the buckets."""
    return boto3.client("s3", config=_DATA)


@once_per_process
def sts() -> Any:
    """Return the client of AWS STS, of the region's endpoint.

    The regional endpoint is botocore's default since July 2025 (boto3 1.40), and every runtime of Python 3.14 is newer.
    """
    return boto3.client("sts", config=_FAST)


def s3_links(credentials: Mapping[str, Any]) -> S3Client:
    """Return a client that signs links; it makes no calls.

    Links have Signature Version 4, which every region accepts, and the host of the bucket's region. Without
    ``addressing_style`` botocore signs for ``bucket.s3.amazonaws.com``, which answers 307 for a new bucket of another
    region, and 400 for regions launched since 20 March 2019: "Virtual hosting of buckets" in the Amazon S3 User Guide.

    Parameters
    ----------
    credentials
        ``AccessKeyId``, ``SecretAccessKey`` and ``SessionToken``, as AssumeRole answers.
    """
    return boto3.client(
        "s3",
        aws_access_key_id=credentials["AccessKeyId"],
        aws_secret_access_key=credentials["SecretAccessKey"],
        aws_session_token=credentials["SessionToken"],
        config=Config(signature_version="s3v4", s3={"addressing_style": "virtual"}),
    )


@once_per_process
def sagemaker() -> SageMakerClient:
    """Return the client for SageMaker's control plane."""
    return boto3.client("sagemaker", config=_CONTROL)


@once_per_process
def scaling() -> Any:
    """Return the client for Application Auto Scaling."""
    return boto3.client("application-autoscaling", config=_CONTROL)


@once_per_process
def stepfunctions() -> SFNClient:
    """Return the client for the state machines."""
    return boto3.client("stepfunctions", config=_CONTROL)


@once_per_process
def cloudwatch() -> CloudWatchClient:
    """Return the client for the alarms that stop a rollout."""
    return boto3.client("cloudwatch", config=_CONTROL)


@once_per_process
def sns() -> SNSClient:
    """Return the client for notifications."""
    return boto3.client("sns", config=_CONTROL)


@once_per_process
def sqs() -> SQSClient:
    """Return the client for the ingest queue."""
    return boto3.client("sqs", config=_CONTROL)


@once_per_process
def functions() -> LambdaClient:
    """Return the client for the stage's own functions."""
    return boto3.client("lambda", config=_CONTROL)
