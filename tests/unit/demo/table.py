"""The ledger's table in memory, with items whose values are texts."""

from __future__ import annotations

from typing import TYPE_CHECKING

from relearn.ledger.attribute_values import encode
from tests.support.dynamo import Dynamo

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

NAME = "ledger"


def table(*items: dict[str, str]) -> DynamoDBClient:
    """Give a client of a table with these items."""
    client = Dynamo(NAME).client()
    put(client, *items)
    return client


def put(client: DynamoDBClient, *items: dict[str, str]) -> None:
    """Write items, each instead of the one with its key."""
    for item in items:
        client.put_item(TableName=NAME, Item={name: encode(value) for name, value in item.items()})
