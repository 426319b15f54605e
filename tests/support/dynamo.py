"""Strict fake of DynamoDB in memory, for the calls that our code makes; far faster than moto.

It refuses what DynamoDB refuses, and raises `UnknownRequestError` for requests of a new form, so that nothing
is accepted without a rule. It answers behind real boto3 clients (`Dynamo.attach`) and without botocore
(`Dynamo.client`). `tests/moto/test_dynamo.py` compares its answers with moto's.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any, cast

import boto3
from botocore.exceptions import ClientError

from lambdas.aws.dynamo.table import Table
from tests.support import dynamo_expressions as expressions
from tests.support.dynamo_expressions import Item, Placeholders, UnknownRequestError, invalid
from tests.support.fake_sagemaker import Answer, RefusedError

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

Key = tuple[str, str]
Partition = dict[str, str]
FAILED = "ConditionalCheckFailed"
ITEM_BYTES, KEY_BYTES = 400 * 1024, {"pk": 2048, "sk": 1024}
PAGE_BYTES, TRANSACTION_BYTES, BATCH_BYTES = 1024**2, 4 * 1024**2, 16 * 1024**2
MEMBERS, KEYS_READ, ITEMS_WRITTEN = 100, 100, 25
"""Maximum members of a transaction, keys of a BatchGetItem and items of a BatchWriteItem.

Source: DynamoDB Developer Guide, "Constraints in Amazon DynamoDB".
"""
_NAMES, _VALUES = "ExpressionAttributeNames", "ExpressionAttributeValues"
_READ = {"TableName", "ConsistentRead", "ProjectionExpression", "ExclusiveStartKey", "Limit"}
_WRITE = {"TableName", "ConditionExpression", _NAMES, _VALUES}
_PARAMETERS: dict[str, set[str]] = {
    "BatchGetItem": {"RequestItems"},
    "BatchWriteItem": {"RequestItems"},
    "DeleteItem": _WRITE | {"Key"},
    "DeleteTable": {"TableName"},
    "GetItem": {"TableName", "Key", "ConsistentRead"},
    "PutItem": _WRITE | {"Item"},
    "Query": _READ | {"KeyConditionExpression", "FilterExpression", "ScanIndexForward", _NAMES, _VALUES},
    "Scan": _READ,
    # botocore sends a token with every transaction. It is ignored: a repeated transaction, whose reply was lost, fails
    # at its own conditions, as on AWS after the token's ten minutes.
    "TransactWriteItems": {"TransactItems", "ClientRequestToken"},
    "UpdateItem": _WRITE | {"Key", "UpdateExpression"},
}
_MEMBERS = {"Put": "PutItem", "Update": "UpdateItem", "Delete": "DeleteItem"}


class Dynamo:
    """Tables with the keys ``pk`` and ``sk``, both strings; safe to use from threads.

    Parameters
    ----------
    tables
        Names of the tables.
    """

    def __init__(self, *tables: str) -> None:
        self._tables: dict[str, dict[str, Partition]] = {name: {} for name in tables}
        self._mutex = threading.RLock()

    def attach(self, session: boto3.Session) -> Callable[[], None]:
        """Answer every DynamoDB call of the session's clients; return a function that detaches the fake."""
        name, hook = "before-call.dynamodb", cast("Any", self.answer)
        session.events.register(name, hook)
        return lambda: session.events.unregister(name, hook)

    def client(self) -> DynamoDBClient:
        """Return a client whose calls bypass botocore, for tests that need thousands of tables."""
        return cast("DynamoDBClient", _Client(self))

    def answer(self, model: Any, params: dict[str, Any], **_: Any) -> tuple[Answer, dict[str, Any]]:
        """Answer a call of botocore."""
        try:
            answer = self.call(model.name, json.loads(params["body"]))
        except RefusedError as error:
            return Answer(error.status), error.parsed
        return Answer(200), {**answer, "ResponseMetadata": {"HTTPStatusCode": 200}}

    def call(self, operation: str, request: Mapping[str, Any]) -> dict[str, Any]:
        """Execute one operation.

        Parameters
        ----------
        operation
            Name of the operation in the API, e.g. ``"GetItem"``.
        request
            Its parameters, with attribute values in DynamoDB's typed JSON.

        Raises
        ------
        RefusedError
            When DynamoDB refuses the request.
        UnknownRequestError
            When the fake does not know the operation or one of its parameters.
        """
        _check_parameters(operation, request)
        with self._mutex:
            answer: dict[str, Any] = getattr(self, f"on_{operation}")(request)
        return answer

    def on_GetItem(self, request: Mapping[str, Any]) -> Any:  # noqa: N802
        found = self._get(request["TableName"], _key(request["Key"]))
        return {} if found is None else {"Item": found}

    def on_BatchGetItem(self, request: Mapping[str, Any]) -> Any:  # noqa: N802
        wanted = [(name, key) for name, keys in request["RequestItems"].items() for key in keys["Keys"]]
        if any(set(keys) - {"Keys", "ConsistentRead"} for keys in request["RequestItems"].values()):
            raise UnknownRequestError("BatchGetItem with more than keys is not known here")
        if not 0 < len(wanted) <= KEYS_READ:
            raise invalid("Too many items requested for the BatchGetItem call")
        if len({(name, _key(key)) for name, key in wanted}) < len(wanted):
            raise invalid("Provided list of item keys contains duplicates")
        answers: dict[str, list[Item]] = {name: [] for name in request["RequestItems"]}
        left: dict[str, Any] = {}
        size = 0
        for name, key in wanted:
            found = self._get(name, _key(key))
            size += 0 if found is None else _size(found)
            if size > BATCH_BYTES:
                left.setdefault(name, {**request["RequestItems"][name], "Keys": []})["Keys"].append(key)
            elif found is not None:
                answers[name].append(found)
        return {"Responses": answers, "UnprocessedKeys": left}

    def on_Query(self, request: Mapping[str, Any]) -> Any:  # noqa: N802
        keys = expressions.key_condition(request["KeyConditionExpression"])
        test = expressions.condition(request["FilterExpression"]) if "FilterExpression" in request else None
        given = _given(request, keys.marks | (test.marks if test else frozenset()))
        if test and any(given.names.get(name, name) in KEY_BYTES for name in test.attributes):
            raise invalid("Filter Expression can only contain non-primary key attributes")
        partition, prefix = (
            "" if not mark else _text(given.values[mark]) for mark in (keys.partition, keys.prefix)
        )
        kept = self._table(request["TableName"]).get(partition, {})
        forward = request.get("ScanIndexForward", True)
        names = sorted((name for name in kept if name.startswith(prefix)), reverse=not forward)
        if "ExclusiveStartKey" in request:
            _, start = _key(request["ExclusiveStartKey"])
            names = [name for name in names if (name > start if forward else name < start)]
        items = (json.loads(kept[name]) for name in names)
        return _page(items, request, lambda item: test is None or test.holds(item, given))

    def on_Scan(self, request: Mapping[str, Any]) -> Any:  # noqa: N802
        table = self._table(request["TableName"])
        keys = sorted((pk, sk) for pk, kept in table.items() for sk in kept)
        if "ExclusiveStartKey" in request:
            start = _key(request["ExclusiveStartKey"])
            keys = [key for key in keys if key > start]
        return _page((json.loads(table[pk][sk]) for pk, sk in keys), request, lambda _item: True)

    def on_PutItem(self, request: Mapping[str, Any]) -> Any:  # noqa: N802
        return self._write("Put", request)

    def on_UpdateItem(self, request: Mapping[str, Any]) -> Any:  # noqa: N802
        return self._write("Update", request)

    def on_DeleteItem(self, request: Mapping[str, Any]) -> Any:  # noqa: N802
        return self._write("Delete", request)

    def on_BatchWriteItem(self, request: Mapping[str, Any]) -> Any:  # noqa: N802
        wanted = [
            (name, *next(iter(one.items()))) for name, some in request["RequestItems"].items() for one in some
        ]
        if not 0 < len(wanted) <= ITEMS_WRITTEN:
            raise invalid("Too many items requested for the BatchWriteItem call")
        writes = []
        for name, kind, member in wanted:
            given = {"TableName": name, **member}
            _check_parameters(_MEMBERS[kind.removesuffix("Request")], given)
            writes.append((name, *self._made(kind.removesuffix("Request"), given)))
        if len({(name, key) for name, key, _ in writes}) < len(writes):
            raise invalid("Provided list of item keys contains duplicates")
        if sum(_size(item or {}) for _, _, item in writes) > BATCH_BYTES:
            raise invalid("The total size of the items exceeds the limit of 16 MB")
        for write in writes:
            self._keep(*write)
        return {"UnprocessedItems": {}}

    def on_TransactWriteItems(self, request: Mapping[str, Any]) -> Any:  # noqa: N802
        members = [next(iter(member.items())) for member in request["TransactItems"]]
        if not 0 < len(members) <= MEMBERS:
            raise invalid(f"Member must have length between 1 and {MEMBERS}, inclusive")
        for kind, member in members:
            if kind not in _MEMBERS:
                raise UnknownRequestError(f"{kind} in a transaction is not known here")
            _check_parameters(_MEMBERS[kind], member)
        if len({(member["TableName"], _key_of(kind, member)) for kind, member in members}) < len(members):
            raise invalid("Transaction request cannot include multiple operations on one item")
        writes, reasons = [], []
        for kind, member in members:
            if self._holds(kind, member):
                reasons.append({"Code": "None"})
                writes.append((member["TableName"], *self._made(kind, member)))
            else:
                reasons.append({"Code": FAILED, "Message": "The conditional request failed"})
        if len(writes) < len(members):
            said = "Transaction cancelled, please refer cancellation reasons for specific reasons"
            raise RefusedError("TransactionCanceledException", said, CancellationReasons=reasons)
        if sum(_size(item or {}) for _, _, item in writes) > TRANSACTION_BYTES:
            raise invalid("The aggregate size of the items in the transaction exceeds the limit of 4 MB")
        for write in writes:
            self._keep(*write)
        return {}

    def on_DeleteTable(self, request: Mapping[str, Any]) -> Any:  # noqa: N802
        self._table(request["TableName"])
        del self._tables[request["TableName"]]
        return {}

    def _write(self, kind: str, request: Mapping[str, Any]) -> dict[str, Any]:
        if not self._holds(kind, request):
            raise RefusedError("ConditionalCheckFailedException", "The conditional request failed")
        self._keep(request["TableName"], *self._made(kind, request))
        return {}

    def _holds(self, kind: str, request: Mapping[str, Any]) -> bool:
        marks: frozenset[str] = frozenset()
        if kind == "Update":
            marks |= expressions.update(request["UpdateExpression"]).marks
        test = None
        if "ConditionExpression" in request:
            test = expressions.condition(request["ConditionExpression"])
            marks |= test.marks
        given = _given(request, marks)
        found = self._get(request["TableName"], _key_of(kind, request))
        return test is None or test.holds(found or {}, given)

    def _made(self, kind: str, request: Mapping[str, Any]) -> tuple[Key, Item | None]:
        """Return key and item that a write results in, the item None for a delete.

        Refuse an item that DynamoDB does.
        """
        key = _key_of(kind, request)
        if kind == "Delete":
            return key, None
        item: Item
        if kind == "Put":
            item = request["Item"]
        else:
            before = self._get(request["TableName"], key) or dict(request["Key"])
            changes = expressions.update(request["UpdateExpression"])
            item = changes.make(before, Placeholders(request.get(_NAMES, {}), request.get(_VALUES, {})))
        for value in item.values():
            expressions.check_value(value)
        if _size(item) > ITEM_BYTES:
            raise invalid("Item size has exceeded the maximum allowed size")
        return key, item

    def _table(self, name: str) -> dict[str, Partition]:
        if name not in self._tables:
            raise RefusedError(
                "ResourceNotFoundException", f"Requested resource not found: Table: {name} not found"
            )
        return self._tables[name]

    def _keep(self, table: str, key: Key, item: Item | None) -> None:
        pk, sk = key
        partition = self._table(table).setdefault(pk, {})
        if item is None:
            partition.pop(sk, None)
        else:
            partition[sk] = json.dumps(item)

    def _get(self, table: str, key: Key) -> Item | None:
        pk, sk = key
        found = self._table(table).get(pk, {}).get(sk)
        return None if found is None else json.loads(found)


class _Client:
    """Operations of a DynamoDB client, under boto3's method names."""

    def __init__(self, dynamo: Dynamo) -> None:
        self._dynamo = dynamo

    def __getattr__(self, name: str) -> Callable[..., Any]:
        return partial(self._call, "".join(part.title() for part in name.split("_")))

    def get_paginator(self, operation: str) -> _Paginator:
        return _Paginator(getattr(self, operation))

    def _call(self, operation: str, **request: Any) -> Any:
        try:
            return self._dynamo.call(operation, request)
        except RefusedError as error:
            raise ClientError(cast("Any", error.parsed), operation) from error


@dataclass(frozen=True, slots=True)
class _Paginator:
    """Reads page after page of one operation."""

    read: Callable[..., Any]

    def paginate(self, **request: Any) -> Iterator[Any]:
        while True:
            page = self.read(**request)
            yield page
            if "LastEvaluatedKey" not in page:
                return
            request["ExclusiveStartKey"] = page["LastEvaluatedKey"]


def ledger_table() -> Table:
    """Return an empty in-memory ledger table, through its adapter."""
    return Table(Dynamo("ledger").client(), "ledger")


def _page(items: Iterator[Item], request: Mapping[str, Any], holds: Callable[[Item], bool]) -> dict[str, Any]:
    """Return one page of a Query or Scan: at most 1 MB and `Limit` items, counted before the filter."""
    projected = expressions.projection(request.get("ProjectionExpression", "pk, sk"))
    whole = "ProjectionExpression" not in request
    found: list[Item] = []
    answer: dict[str, Any] = {"Items": found}
    size, scanned = 0, 0
    last: Item = {}
    for item in items:
        size += _size(item)
        if scanned and size > PAGE_BYTES:
            answer["LastEvaluatedKey"] = last
            break
        scanned, last = scanned + 1, {name: item[name] for name in KEY_BYTES}
        if holds(item):
            found.append(item if whole else {name: item[name] for name in projected if name in item})
        if scanned == request.get("Limit"):
            answer["LastEvaluatedKey"] = last
            break
    return {**answer, "Count": len(found), "ScannedCount": scanned}


def _check_parameters(operation: str, request: Mapping[str, Any]) -> None:
    if operation not in _PARAMETERS:
        raise UnknownRequestError(f"the operation {operation} is not known here")
    if unknown := request.keys() - _PARAMETERS[operation]:
        raise UnknownRequestError(f"{operation} with {', '.join(sorted(unknown))} is not known here")


def _given(request: Mapping[str, Any], marks: Collection[str]) -> Placeholders:
    """Return the placeholders of a request; refuse unused and undefined ones."""
    names, values = request.get(_NAMES, {}), request.get(_VALUES, {})
    for parameter, given in ((_NAMES, names), (_VALUES, values)):
        if parameter in request and not given:
            raise invalid(f"{parameter} must not be empty")
    given = names.keys() | values.keys()
    if missing := marks - given:
        raise invalid(
            f"An expression attribute name or value used in an expression is not defined: {sorted(missing)}"
        )
    if unused := given - marks:
        raise invalid(f"Value provided in {_NAMES} or {_VALUES} unused in expressions: {sorted(unused)}")
    for value in values.values():
        expressions.check_value(value)
    return Placeholders(names, values)


def _key_of(kind: str, request: Mapping[str, Any]) -> Key:
    if kind == "Put":
        return _key({name: value for name, value in request["Item"].items() if name in KEY_BYTES})
    return _key(request["Key"])


def _key(key: Mapping[str, Any]) -> Key:
    if key.keys() != KEY_BYTES.keys():
        raise invalid("The provided key element does not match the schema")
    pk, sk = (_text(key[name]) for name in KEY_BYTES)
    for name, text in (("pk", pk), ("sk", sk)):
        if not text:
            raise invalid(
                f"One or more parameter values are not valid: the key {name} is an empty string value"
            )
        if len(text.encode()) > KEY_BYTES[name]:
            raise invalid(
                f"One or more parameter values were invalid: Size of {name} has exceeded the maximum size limit"
            )
    return pk, sk


def _text(value: Mapping[str, Any]) -> str:
    if value.keys() != {"S"}:
        raise invalid("One or more parameter values were invalid: Type mismatch for key, expected: S")
    return str(value["S"])


def _size(item: Item) -> int:
    return sum(len(name.encode()) + expressions.weight(value) for name, value in item.items())
