"""moto's DynamoDB, with which the adapters and our own fake (`tests.support.dynamo`) are compared."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import boto3
from moto import mock_aws

from tests.support.fake_sagemaker import REGION

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient


@contextmanager
def moto_dynamodb(*tables: str) -> Iterator[DynamoDBClient]:
    """Create tables with the keys ``pk`` and ``sk``, and yield a client for them."""
    keys: Any = [
        {"AttributeName": "pk", "KeyType": "HASH"},
        {"AttributeName": "sk", "KeyType": "RANGE"},
    ]
    attributes: Any = [{"AttributeName": name, "AttributeType": "S"} for name in ("pk", "sk")]
    with mock_aws():
        client = boto3.Session("test", "test", region_name=REGION).client("dynamodb")
        for name in tables:
            client.create_table(
                TableName=name, KeySchema=keys, AttributeDefinitions=attributes, BillingMode="PAY_PER_REQUEST"
            )
        yield client
