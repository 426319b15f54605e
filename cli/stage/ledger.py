"""The stage's state, read from its ledger (see ``relearn.lifecycle.uploads``, ``relearn.lifecycle.runs`` and ``relearn.traffic.route``)."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import fields
from decimal import Decimal
from functools import cache
from typing import Any

from boto3.dynamodb.types import TypeDeserializer

from cli.stage.target import Target
from relearn.errors import NotFoundError
from relearn.lifecycle import id_lists
from relearn.lifecycle.approval import Approval
from relearn.lifecycle.runs import Run, RunState, Version, VersionState
from relearn.lifecycle.uploads import Upload, UploadState
from relearn.traffic.route import Route

Item = dict[str, Any]


class Ledger:
    """Reads, and never writes.

    Parameters
    ----------
    target
        Whose ledger.
    """

    def __init__(self, target: Target) -> None:
        self._client = target.client("dynamodb")
        self._table = target.output("LedgerTable")

    def route(self, model: str) -> Route:
        """Read the route; an empty one when the model never served."""
        item = self._get(model, "ROUTE")
        return Route() if item is None else Route(**_known(Route, item))

    def upload(self, model: str, upload_id: str) -> Upload | None:
        """Read an upload; None while its event is on its way."""
        item = self._get(model, f"UPLOAD#{upload_id}")
        return None if item is None else _upload(item)

    def uploads(self, model: str) -> list[Upload]:
        """Read all uploads of a model, the newest first."""
        found = [_upload(item) for item in self._query(model, "UPLOAD#")]
        return sorted(found, key=lambda upload: upload.received_at, reverse=True)

    def run(self, model: str, run_id: str) -> Run:
        """Read a run.

        Raises
        ------
        NotFoundError
            There is no such run.
        """
        item = self._get(model, f"RUN#{run_id}")
        if item is None:
            raise NotFoundError(f"model {model} has no run {run_id}; see relearn runs {model}")
        return _run(item, self._parts(model))

    def runs(self, model: str, limit: int = 20) -> list[Run]:
        """Read the newest runs, the newest first."""
        part = self._parts(model)
        return [
            _run(item, part)
            for _, item in zip(range(limit), self._query(model, "RUN#", newest_first=True), strict=False)
        ]

    def version(self, model: str, version: int) -> Version | None:
        """Read a version; None when it is not registered yet."""
        item = self._get(model, f"VERSION#{version}")
        return None if item is None else _version(item)

    def versions(self, model: str) -> list[Version]:
        """Read all versions of a model, the newest first."""
        found = [_version(item) for item in self._query(model, "VERSION#")]
        return sorted(found, key=lambda version: version.version, reverse=True)

    def _parts(self, model: str) -> Callable[[str], Sequence[str]]:
        """Make what reads the parts of long lists, each once."""

        @cache
        def part(key: str) -> Sequence[str]:
            item = self._get(model, key)
            if item is None:
                raise NotFoundError(f"a list of a run of {model} lacks its part {key}")
            return id_lists.ids_of(item)

        return part

    def _get(self, model: str, sk: str) -> Item | None:
        key = {"pk": {"S": names_pk(model)}, "sk": {"S": sk}}
        answer = self._client.get_item(TableName=self._table, Key=key, ConsistentRead=True)
        return _plain_item(answer["Item"]) if "Item" in answer else None

    def _query(self, model: str, start: str, *, newest_first: bool = False) -> Iterator[Item]:
        pages = self._client.get_paginator("query").paginate(
            TableName=self._table,
            KeyConditionExpression="pk = :pk AND begins_with(sk, :start)",
            ExpressionAttributeValues={":pk": {"S": names_pk(model)}, ":start": {"S": start}},
            ScanIndexForward=not newest_first,
            ConsistentRead=True,
        )
        for page in pages:
            yield from (_plain_item(item) for item in page["Items"])


def names_pk(model: str) -> str:
    """Partition key of a model."""
    return f"MODEL#{model}"


def _upload(item: Item) -> Upload:
    values = _known(Upload, item) | {"state": UploadState(item["state"])}
    return Upload(**values | {"earlier": tuple(item.get("earlier", ()))})


def _run(item: Item, part: Callable[[str], Sequence[str]]) -> Run:
    lists = {name: id_lists.whole(item.get(name, ()), part) for name in ("uploads", "snapshot")}
    return Run(**_known(Run, item) | lists | {"state": RunState(item["state"])})


def _version(item: Item) -> Version:
    read = {"state": VersionState(item["state"]), "approval": Approval.from_dict(item.get("approval"))}
    return Version(**_known(Version, item) | read)


def _known(cls: Any, item: Item) -> Item:
    return {field.name: item[field.name] for field in fields(cls) if field.name in item}


def _plain_item(item: Item) -> Item:
    read = TypeDeserializer().deserialize
    return {name: _plain(read(value)) for name, value in item.items()}


def _plain(value: Any) -> Any:
    match value:
        case Decimal():
            return int(value) if value == value.to_integral_value() else float(value)
        case dict():
            return {name: _plain(inner) for name, inner in value.items()}
        case list() | set():
            return [_plain(inner) for inner in value]
        case _:
            return value
