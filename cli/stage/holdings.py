"""Counts and deletes all data of one model with the caller's own permissions.

No function of a stage may delete data.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import groupby, islice
from typing import Any

from cli.stage.target import Target
from relearn.errors import RelearnError
from relearn.records import holdings

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
        going = (key for key in self._items() if (key["pk"]["S"], key["sk"]["S"]) not in kept)
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


def _parts(what: Iterable[Any], size: int) -> Iterator[list[Any]]:
    left = iter(what)
    return iter(lambda: list(islice(left, size)), [])
