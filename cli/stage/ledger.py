"""Reader of the stage's ledger (uploads, runs, versions, routes), with the caller's own AWS credentials.

The API returns less of each and needs a token on some stages:
``docs/decisions/0009-command-reads-the-ledger.md``.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from functools import cache

from cli.stage.target import Target
from relearn.errors import NotFoundError
from relearn.ledger import items
from relearn.ledger.attribute_values import Item, decode_item, encode
from relearn.lifecycle import id_lists
from relearn.lifecycle.runs import Run, Version
from relearn.lifecycle.uploads import Upload
from relearn.naming import ledger_keys
from relearn.traffic.route import Route


class Ledger:
    """Read-only access to the ledger.

    Parameters
    ----------
    target
        The stage.
    """

    def __init__(self, target: Target) -> None:
        self._client = target.client("dynamodb")
        self._table = target.output("LedgerTable")

    def route(self, model: str) -> Route:
        """Return a model's route; an empty one when the model has never served."""
        return items.route(self._get(model, ledger_keys.ROUTE))

    def upload(self, model: str, upload_id: str) -> Upload | None:
        """Return an upload; None when ingest has not received its event yet."""
        item = self._get(model, ledger_keys.upload(upload_id))
        return None if item is None else items.upload(item)

    def uploads(self, model: str) -> list[Upload]:
        """Return all uploads of a model, newest first."""
        found = [items.upload(item) for item in self._query(model, ledger_keys.UPLOADS)]
        return sorted(found, key=lambda upload: upload.received_at, reverse=True)

    def run(self, model: str, run_id: str) -> Run:
        """Return a run.

        Raises
        ------
        NotFoundError
            When the run does not exist.
        """
        item = self._get(model, ledger_keys.run(run_id))
        if item is None:
            raise NotFoundError(f"model {model} has no run {run_id}; see relearn runs {model}")
        return items.run(item, self._parts(model))

    def runs(self, model: str, limit: int = 20) -> list[Run]:
        """Return at most `limit` runs, newest first."""
        part = self._parts(model)
        return [
            items.run(item, part)
            for _, item in zip(
                range(limit), self._query(model, ledger_keys.RUNS, newest_first=True), strict=False
            )
        ]

    def version(self, model: str, version: int) -> Version | None:
        """Return a version; None when it is not registered."""
        item = self._get(model, ledger_keys.version(version))
        return None if item is None else items.version(item)

    def versions(self, model: str) -> list[Version]:
        """Return all versions of a model, newest first."""
        found = [items.version(item) for item in self._query(model, ledger_keys.VERSIONS)]
        return sorted(found, key=lambda version: version.version, reverse=True)

    def _parts(self, model: str) -> Callable[[str], Sequence[str]]:
        """Return a function that reads the parts of long id lists, each at most once."""

        @cache
        def part(key: str) -> Sequence[str]:
            item = self._get(model, key)
            if item is None:
                raise NotFoundError(f"a list of a run of {model} lacks its part {key}")
            return id_lists.ids_of(item)

        return part

    def _get(self, model: str, sk: str) -> Item | None:
        key = {"pk": encode(ledger_keys.partition(model)), "sk": encode(sk)}
        answer = self._client.get_item(TableName=self._table, Key=key, ConsistentRead=True)
        return decode_item(answer["Item"]) if "Item" in answer else None

    def _query(self, model: str, start: str, *, newest_first: bool = False) -> Iterator[Item]:
        pages = self._client.get_paginator("query").paginate(
            TableName=self._table,
            KeyConditionExpression="pk = :pk AND begins_with(sk, :start)",
            ExpressionAttributeValues={":pk": encode(ledger_keys.partition(model)), ":start": encode(start)},
            ScanIndexForward=not newest_first,
            ConsistentRead=True,
        )
        for page in pages:
            yield from (decode_item(item) for item in page["Items"])
