"""Counts and deletes all data of one model with the caller's own permissions.

No function of a stage may delete data.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import groupby, islice
from typing import Any

from cli.stage.target import Target
from relearn.errors import RelearnError
from relearn.records import holdings, predictions

BUCKETS = {"uploads": "UploadsBucket", "lake": "LakeBucket", "artifacts": "ArtifactsBucket"}
"""Bucket to the stack output with its name."""
_AT_ONCE_S3, _AT_ONCE_DYNAMODB = 1000, 25
"""Maximum number of keys in one delete call."""
Counts = dict[str, int]
"""Number of object versions and delete markers by prefix, and of ledger items by kind."""


class Holdings:
    """All data of one model.

    Parameters
    ----------
    target
        The stage.
    model
        Name of the model.
    """

    def __init__(self, target: Target, model: str) -> None:
        self._s3 = target.client("s3")
        self._dynamodb = target.client("dynamodb")
        self._table = target.output("LedgerTable")
        self._buckets = {name: target.output(output) for name, output in BUCKETS.items()}
        self._model = model

    def count(self) -> Counts:
        """Count the data; prefixes and kinds without any are omitted."""
        found: Counts = {}
        for name, bucket, prefix in self._places():
            if many := sum(1 for _ in self._versions(bucket, prefix)):
                found[f"{name} {prefix}"] = many
        kinds = sorted(key["pk"]["S"].partition("#")[0] for key in self._items())
        return found | {f"ledger {kind}#": len(list(of)) for kind, of in groupby(kinds)}

    def delete(self, *, keep_lock: bool) -> None:
        """Delete every version of every object, then the ledger's items.

        Parameters
        ----------
        keep_lock
            Whether to keep the item that prevents runs, which is needed while the model is deployed.

        Raises
        ------
        RelearnError
            When S3 refuses to delete an object.
        """
        for _, bucket, prefix in self._places():
            for some in _parts(self._versions(bucket, prefix), _AT_ONCE_S3):
                answer = self._s3.delete_objects(Bucket=bucket, Delete={"Objects": some, "Quiet": True})
                for error in answer.get("Errors", []):
                    raise RelearnError(f"{error['Key']} of {bucket} was not deleted: {error['Message']}")
        kept = {holdings.lock(self._model)} if keep_lock else set()
        self._delete_items(key for key in self._items() if (key["pk"]["S"], key["sk"]["S"]) not in kept)

    def _delete_items(self, going: Iterable[Any]) -> None:
        for keys in _parts(going, _AT_ONCE_DYNAMODB):
            waiting: list[Any] = [{"DeleteRequest": {"Key": key}} for key in keys]
            while waiting:
                answer = self._dynamodb.batch_write_item(RequestItems={self._table: waiting})
                waiting = answer["UnprocessedItems"].get(self._table, [])

    def _places(self) -> Iterator[tuple[str, str, str]]:
        for name, prefixes in holdings.prefixes(self._model).items():
            yield from ((name, self._buckets[name], prefix) for prefix in prefixes)

    def _versions(self, bucket: str, prefix: str) -> Iterator[Any]:
        pages = self._s3.get_paginator("list_object_versions").paginate(Bucket=bucket, Prefix=prefix)
        for page in pages:
            for one in (*page.get("Versions", ()), *page.get("DeleteMarkers", ())):
                yield {"Key": one["Key"], "VersionId": one["VersionId"]}

    def _items(self) -> Iterator[Any]:
        pages = self._dynamodb.get_paginator("scan").paginate(
            TableName=self._table, ProjectionExpression="pk, sk", ConsistentRead=True
        )
        for page in pages:
            yield from (key for key in page["Items"] if holdings.is_of(self._model, key["pk"]["S"]))


class FewHoldings(Holdings):
    """All data of one model that has few predictions, found without reading the whole ledger.

    The ledger of a stage in production has an item for each prediction of months. Those of a model with few are found
    by its records in the lake.
    """

    def delete(self, *, keep_lock: bool) -> None:
        """Delete items of predictions, then all other data as `Holdings` does: the records name the items."""
        self._delete_items(self._items_of(self._prediction_partitions()))
        super().delete(keep_lock=keep_lock)

    def _items(self) -> Iterator[Any]:
        yield from self._items_of((*holdings.partitions(self._model), *self._prediction_partitions()))

    def _items_of(self, partitions: Iterable[str]) -> Iterator[Any]:
        paginator = self._dynamodb.get_paginator("query")
        for partition in partitions:
            pages = paginator.paginate(
                TableName=self._table,
                KeyConditionExpression="pk = :pk",
                ExpressionAttributeValues={":pk": {"S": partition}},
                ProjectionExpression="pk, sk",
                ConsistentRead=True,
            )
            for page in pages:
                yield from page["Items"]

    def _prediction_partitions(self) -> list[str]:
        """Return the partitions of the predictions whose records the lake has."""
        bucket, prefix = self._buckets["lake"], f"{predictions.PREDICTIONS}/{self._model}/"
        pages = self._s3.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=prefix)
        keys = [one["Key"] for page in pages for one in page.get("Contents", [])]
        lines = (
            line
            for key in keys
            for line in self._s3.get_object(Bucket=bucket, Key=key)["Body"].read().splitlines()
        )
        found = {record.id for record in predictions.read_records(lines)}
        return [predictions.partition(self._model, record) for record in sorted(found)]


def _parts(what: Iterable[Any], size: int) -> Iterator[list[Any]]:
    left = iter(what)
    return iter(lambda: list(islice(left, size)), [])
