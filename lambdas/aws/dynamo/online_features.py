"""Writes and deletes the online features of versions; `relearn.records.online_features` defines the items."""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import islice
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from relearn.ledger.attribute_values import Item, encode
from relearn.records import online_features

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

_AT_ONCE = 8
_MOST_WRITES = 25  # limit of DynamoDB for one call
_PAUSE_SECONDS, _LONGEST_PAUSE_SECONDS = 0.05, 3.0
_BUSY = {
    "InternalServerError",
    "ProvisionedThroughputExceededException",
    "RequestLimitExceeded",
    "ThrottlingException",
}
RemainingSeconds = Callable[[], float]
"""Returns the seconds left; there are none when it is 0 or less."""


@dataclass(frozen=True, slots=True)
class Online:
    """Writes and deletes items of the online table; idempotent.

    Parameters
    ----------
    client
        A DynamoDB client, thread-safe.
    name
        Name of the table.
    sleep
        Sleeps for a number of seconds.
    """

    client: DynamoDBClient
    name: str
    sleep: Callable[[float], None] = time.sleep

    def write(self, items: Iterable[Item], left: RemainingSeconds) -> bool:
        """Write items, without duplicate keys; return False when the time ran out before all were written."""
        requests = (
            {"PutRequest": {"Item": {name: encode(value) for name, value in item.items()}}} for item in items
        )
        return self._all(requests, left)

    def remove(self, model: str, version: int, left: RemainingSeconds) -> bool:
        """Delete the items of a version; return False when the time ran out before all were deleted."""
        for part in range(online_features.PARTS):
            found = self._pages(
                self.client.query,
                KeyConditionExpression="pk = :pk",
                ExpressionAttributeValues={":pk": encode(online_features.partition(model, version, part))},
            )
            if not self._delete(found, left):
                return False
        return True

    def clear(self, left: RemainingSeconds) -> bool:
        """Delete all items of the table; return False when the time ran out before all were deleted."""
        return self._delete(self._pages(self.client.scan), left)

    def _pages(self, read: Callable[..., Any], **request: Any) -> Iterator[list[Any]]:
        """Yield the keys of items, page by page."""
        request |= {"TableName": self.name, "ProjectionExpression": "pk, sk", "ConsistentRead": True}
        while True:
            page = read(**request)
            yield page["Items"]
            if "LastEvaluatedKey" not in page:
                return
            request["ExclusiveStartKey"] = page["LastEvaluatedKey"]

    def _delete(self, pages: Iterator[list[Any]], left: RemainingSeconds) -> bool:
        return all(self._all(({"DeleteRequest": {"Key": key}} for key in page), left) for page in pages)

    def _all(self, requests: Iterable[Any], left: RemainingSeconds) -> bool:
        given = iter(requests)
        batches = iter(lambda: list(islice(given, _MOST_WRITES)), [])
        with ThreadPoolExecutor(_AT_ONCE) as pool:
            return all(list(pool.map(lambda batch: self._batch(batch, left), batches)))

    def _batch(self, requests: Sequence[Any], left: RemainingSeconds) -> bool:
        """Make the writes of one call; repeat, after growing pauses, those that DynamoDB had no capacity for."""
        pause = _PAUSE_SECONDS
        while left() > 0:
            requests = self._unprocessed(requests)
            if not requests:
                return True
            self.sleep(random.uniform(0, pause))
            pause = min(pause * 2, _LONGEST_PAUSE_SECONDS)
        return False

    def _unprocessed(self, requests: Sequence[Any]) -> Sequence[Any]:
        try:
            answer = self.client.batch_write_item(RequestItems={self.name: requests})
        except ClientError as error:
            if error.response["Error"]["Code"] not in _BUSY:
                raise
            return requests
        return answer["UnprocessedItems"].get(self.name, [])
