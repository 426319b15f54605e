"""A strict stand-in for DynamoDB behind real boto3 clients: the calls that our code makes, a few times faster than moto.

`tests/chaos/test_dynamo.py` holds it and moto to the same answers.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any, cast

import boto3

from tests.chaos.dynamo_words import Item, Words, update, weight
from tests.support.fake_sagemaker import Answer, RefusedError

Table = dict[tuple[str, str], str]
FAILED = "ConditionalCheckFailed"
ITEM_BYTES, KEY_BYTES = 400 * 1024, {"pk": 2048, "sk": 1024}
"""What DynamoDB takes (Developer Guide, "Constraints in Amazon DynamoDB")."""


class Dynamo:
    """Tables with the keys ``pk`` and ``sk``, both strings; items are kept as they were sent."""

    def __init__(self, *tables: str) -> None:
        self.tables: dict[str, Table] = {name: {} for name in tables}

    def attach(self, session: boto3.Session) -> Callable[[], None]:
        """Answer every DynamoDB call of the clients that this session makes; give what ends that."""
        name, hook = "before-call.dynamodb", cast("Any", self.answer)
        session.events.register(name, hook)
        return lambda: session.events.unregister(name, hook)

    def answer(self, model: Any, params: dict[str, Any], **_: Any) -> tuple[Answer, dict[str, Any]]:
        try:
            answer = getattr(self, f"on_{model.name}")(json.loads(params["body"]))
        except RefusedError as error:
            return Answer(error.status), error.parsed
        return Answer(200), {**answer, "ResponseMetadata": {"HTTPStatusCode": 200}}

    def on_GetItem(self, request: Mapping[str, Any]) -> Any:  # noqa: N802
        found = self._get(request["TableName"], request["Key"])
        return {} if found is None else {"Item": found}

    def on_BatchGetItem(self, request: Mapping[str, Any]) -> Any:  # noqa: N802
        answers = {
            name: [found for key in wanted["Keys"] if (found := self._get(name, key)) is not None]
            for name, wanted in request["RequestItems"].items()
        }
        return {"Responses": answers, "UnprocessedKeys": {}}

    def on_Query(self, request: Mapping[str, Any]) -> Any:  # noqa: N802
        table = self.tables[request["TableName"]]
        keys = sorted(table, reverse=not request.get("ScanIndexForward", True))
        if "ExclusiveStartKey" in request:
            start = _key(request["ExclusiveStartKey"])
            keys = [
                key for key in keys if (key > start) == request.get("ScanIndexForward", True) and key != start
            ]
        found = []
        for key in keys:
            item = json.loads(table[key])
            if not Words(request["KeyConditionExpression"], request).holds(item):
                continue
            if "FilterExpression" in request and not Words(request["FilterExpression"], request).holds(item):
                continue
            found.append(item)
            if len(found) == request.get("Limit"):
                last = {name: item[name] for name in ("pk", "sk")}
                return {"Items": found, "Count": len(found), "LastEvaluatedKey": last}
        return {"Items": found, "Count": len(found)}

    def on_PutItem(self, request: Mapping[str, Any]) -> Any:  # noqa: N802
        self._one("Put", request)
        return {}

    def on_UpdateItem(self, request: Mapping[str, Any]) -> Any:  # noqa: N802
        self._one("Update", request)
        return {}

    def on_DeleteItem(self, request: Mapping[str, Any]) -> Any:  # noqa: N802
        self._one("Delete", request)
        return {}

    def on_TransactWriteItems(self, request: Mapping[str, Any]) -> Any:  # noqa: N802
        members = [next(iter(member.items())) for member in request["TransactItems"]]
        reasons = [{"Code": "None" if self._holds(kind, member) else FAILED} for kind, member in members]
        if any(reason["Code"] != "None" for reason in reasons):
            said = "Transaction cancelled, please refer cancellation reasons for specific reasons"
            raise RefusedError("TransactionCanceledException", said, CancellationReasons=reasons)
        made = [self._made(kind, member) for kind, member in members]
        for (_, member), (key, item) in zip(members, made, strict=True):
            self._put(member["TableName"], key, item)
        return {}

    def _one(self, kind: str, request: Mapping[str, Any]) -> None:
        if not self._holds(kind, request):
            raise RefusedError("ConditionalCheckFailedException", "The conditional request failed")
        self._put(request["TableName"], *self._made(kind, request))

    def _holds(self, kind: str, request: Mapping[str, Any]) -> bool:
        if "ConditionExpression" not in request:
            return True
        key = request["Item"] if kind == "Put" else request["Key"]
        return Words(request["ConditionExpression"], request).holds(self._get(request["TableName"], key))

    def _made(self, kind: str, request: Mapping[str, Any]) -> tuple[tuple[str, str], Item | None]:
        """Make the item that a write leaves, which has to be one that DynamoDB takes; None: none."""
        key = _key(request["Item"] if kind == "Put" else request["Key"])
        if kind == "Delete":
            return key, None
        item = dict(request["Item"]) if kind == "Put" else self._get(request["TableName"], request["Key"])
        if kind == "Update":
            item = item or dict(request["Key"])
            update(item, request)
        _check_size(item or {})
        return key, item

    def _put(self, table: str, key: tuple[str, str], item: Item | None) -> None:
        if item is None:
            self.tables[table].pop(key, None)
        else:
            self.tables[table][key] = json.dumps(item)

    def _get(self, table: str, key: Mapping[str, Any]) -> Item | None:
        found = self.tables[table].get(_key(key))
        return None if found is None else json.loads(found)


def _key(item: Mapping[str, Any]) -> tuple[str, str]:
    return item["pk"]["S"], item["sk"]["S"]


def _check_size(item: Item) -> None:
    if sum(len(name) + weight(value) for name, value in item.items()) > ITEM_BYTES:
        said = "Item size has exceeded the maximum allowed size"
        raise RefusedError("ValidationException", said)
    for name, most in KEY_BYTES.items():
        if len(item[name]["S"].encode()) > most:
            said = f"One or more parameter values were invalid: Size of {name} has exceeded the maximum size limit"
            raise RefusedError("ValidationException", said)
