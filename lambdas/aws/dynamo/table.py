"""A DynamoDB table with keys ``pk`` and ``sk``: plain Python values in and out, conditional writes.

A failed condition is always a `ConflictError`, for a single write as for a transaction.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Any

from relearn.cutting import cut
from relearn.errors import ConflictError, TooMuchToKeepError
from relearn.ledger.attribute_values import Item, decode_item, encode

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

MOST_KEYS = 100
"""Largest number of items that DynamoDB reads in one call."""
_FIRST_PAUSE_SECONDS, _LONGEST_PAUSE_SECONDS = 0.05, 1.0
"""Pauses before keys are read again for which DynamoDB had no capacity: doubled from the first to the longest."""
TEXT_BYTES = 8192
"""Largest text, in bytes. Longer texts, mostly reasons that quote others, are cut.

So no item exceeds DynamoDB's 400 KB, and no decision is lost because it cannot be recorded. No key of this
system or of S3 is nearly as long.
"""
ITEM_BYTES = 390_000
"""Largest item, in bytes as `weight` counts them: DynamoDB's 400 KB, less a reserve for what updates add."""
LONGEST_ID = 100
"""Most characters of an id in a caller's request: DynamoDB limits the length of a key."""
_LOST = {"ConditionalCheckFailed", "TransactionConflict"}


@dataclass(frozen=True, kw_only=True, slots=True)
class Put:
    """Write of a whole item.

    Parameters
    ----------
    pk, sk
        Key of the item.
    item
        Attributes of the item.
    expected
        Attribute values that it must have now; None: the item must not exist.
    whole
        Attributes whose texts are not cut; the caller limits their length.
    """

    pk: str
    sk: str
    item: Mapping[str, Any]
    expected: Mapping[str, Any] | None = None
    whole: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True, slots=True)
class Update:
    """Change of some attributes of an item.

    Parameters
    ----------
    pk, sk
        Key of the item.
    changes
        Attribute (``a.b`` for one entry of a map) to its new value.
    expected
        Attribute values that it must have now.
    unless
        Attribute values that it must not have now.
    makes
        Whether the item must not exist and is created, for callers that may update items and not put them.
        Otherwise it must exist.
    whole
        Attributes whose texts are not cut; the caller limits their length.
    """

    pk: str
    sk: str
    changes: Mapping[str, Any]
    expected: Mapping[str, Any] = field(default_factory=dict)
    unless: Mapping[str, Any] = field(default_factory=dict)
    makes: bool = False
    whole: tuple[str, ...] = ()


class Table:
    """Reads and conditional writes of one table.

    Parameters
    ----------
    client
        A DynamoDB client: boto3's, or `lambdas.aws.fast.client.DynamoDB`, which has no transactions.
    name
        Name of the table.
    """

    def __init__(self, client: DynamoDBClient, name: str) -> None:
        self._client = client
        self._name = name

    def get(self, pk: str, sk: str) -> Item | None:
        """Return one item, read strongly consistent; None when it does not exist."""
        answer = self._client.get_item(TableName=self._name, Key=_key(pk, sk), ConsistentRead=True)
        return decode_item(answer["Item"]) if "Item" in answer else None

    def get_many(self, keys: Iterable[tuple[str, str]]) -> dict[tuple[str, str], Item]:
        """Return items by their (``pk``, ``sk``), read strongly consistent; missing ones are left out."""
        waiting: list[Any] = [_key(pk, sk) for pk, sk in dict.fromkeys(keys)]
        found = {}
        pause = _FIRST_PAUSE_SECONDS
        while waiting:
            now, waiting = waiting[:MOST_KEYS], waiting[MOST_KEYS:]
            request: Any = {self._name: {"Keys": now, "ConsistentRead": True}}
            answer = self._client.batch_get_item(RequestItems=request)
            for item in map(decode_item, answer["Responses"].get(self._name, [])):
                found[(item["pk"], item["sk"])] = item
            if self._name in (left := answer["UnprocessedKeys"]):
                waiting += left[self._name]["Keys"]
                time.sleep(pause)
                pause = min(2 * pause, _LONGEST_PAUSE_SECONDS)
        return found

    def query(
        self,
        pk: str,
        prefix: str,
        where: Mapping[str, Iterable[Any]] | None = None,
        *,
        newest: int = 0,
        before: str = "",
    ) -> Iterator[Item]:
        """Yield the items whose ``sk`` starts with ``prefix``, read strongly consistent, page by page.

        Parameters
        ----------
        pk, prefix
            Partition, and prefix of the sort keys.
        where
            Attribute to its allowed values; other items are left out.
        newest
            When not 0: at most this many, in descending order of ``sk``. With ``where``, they are counted
            before the filter.
        before
            With ``newest``: only those whose ``sk`` is lower than this one, which starts with ``prefix``.
        """
        names, values = {}, {":pk": encode(pk), ":prefix": encode(prefix)}
        tests = []
        for index, (name, allowed) in enumerate((where or {}).items()):
            marks = {f":w{index}_{number}": encode(value) for number, value in enumerate(allowed)}
            tests.append(f"#w{index} IN ({', '.join(marks)})")
            names[f"#w{index}"] = name
            values |= marks
        request: dict[str, Any] = {
            "TableName": self._name,
            "KeyConditionExpression": "pk = :pk AND begins_with(sk, :prefix)",
            "ExpressionAttributeValues": values,
            "ConsistentRead": True,
        }
        if tests:
            request |= {"FilterExpression": " AND ".join(tests), "ExpressionAttributeNames": names}
        if newest:
            request |= {"ScanIndexForward": False, "Limit": newest}
        if before:
            request["ExclusiveStartKey"] = _key(pk, before)
        while True:
            page = self._client.query(**request)
            yield from (decode_item(item) for item in page["Items"])
            if newest:  # a page ends at 1 MB of items, however many were asked for
                request["Limit"] -= page["ScannedCount"]
            if "LastEvaluatedKey" not in page or request.get("Limit") == 0:
                return
            request["ExclusiveStartKey"] = page["LastEvaluatedKey"]

    def write(self, *writes: Put | Update) -> None:
        """Make one write, or several in one transaction.

        Raises
        ------
        ConflictError
            A condition failed, or another transaction is writing the same items.
        TooMuchToKeepError
            An item would be too large; nothing is written.
        """
        for write in writes:
            weigh(write)
        try:
            match writes:
                case (Put() as put,):
                    self._client.put_item(**self._put(put))
                case (Update() as update,):
                    self._client.update_item(**self._update(update))
                case _:
                    self._client.transact_write_items(TransactItems=[self._member(write) for write in writes])
        except Exception as error:
            if _is_conflict(error):
                names = ", ".join(f"{write.pk} {write.sk}" for write in writes)
                raise ConflictError(f"the ledger changed meanwhile: {names}") from error
            raise

    def delete(self, pk: str, sk: str, expected: Mapping[str, Any]) -> bool:
        """Delete an item that has these attribute values; return False when it has others or does not exist."""
        condition = _Condition(expected)
        try:
            self._client.delete_item(TableName=self._name, Key=_key(pk, sk), **condition.request())
        except Exception as error:
            if _code(error) == "ConditionalCheckFailedException":
                return False
            raise
        return True

    def _member(self, write: Put | Update) -> Any:
        return {"Put": self._put(write)} if isinstance(write, Put) else {"Update": self._update(write)}

    def _put(self, put: Put) -> dict[str, Any]:
        kept = {
            name: encode(value if name in put.whole else short(value)) for name, value in put.item.items()
        }
        item = {**_key(put.pk, put.sk), **kept}
        condition = _Condition(put.expected or {}, absent=put.expected is None)
        return {"TableName": self._name, "Item": item, **condition.request()}

    def _update(self, update: Update) -> dict[str, Any]:
        condition = _Condition(update.expected, update.unless, absent=update.makes, present=not update.makes)
        sets = [
            f"{condition.path(name)} = {condition.value(value, whole=name in update.whole)}"
            for name, value in update.changes.items()
        ]
        return {
            "TableName": self._name,
            "Key": _key(update.pk, update.sk),
            "UpdateExpression": "SET " + ", ".join(sets),
            **condition.request(),
        }


class Records:
    """Records of one kind in a table, written with the time.

    Parameters
    ----------
    table
        The table.
    clock
        Returns the current time, aware.
    """

    def __init__(self, table: Table, clock: Callable[[], datetime]) -> None:
        self._table = table
        self._clock = clock

    def _now(self) -> str:
        """Return the current time as records have it."""
        return self._clock().isoformat(timespec="milliseconds")


class _Condition:
    """Names, values and tests of one conditional write."""

    def __init__(
        self,
        expected: Mapping[str, Any],
        unless: Mapping[str, Any] | None = None,
        *,
        absent: bool = False,
        present: bool = False,
    ) -> None:
        self._names: dict[str, str] = {}
        self._values: dict[str, Any] = {}
        self._tests = ["attribute_not_exists(pk)"] if absent else ["attribute_exists(pk)"] if present else []
        self._tests += [f"{self.path(name)} = {self.value(value)}" for name, value in expected.items()]
        for name, value in (unless or {}).items():
            path = self.path(name)
            self._tests.append(f"(attribute_not_exists({path}) OR {path} <> {self.value(value)})")

    def path(self, name: str) -> str:
        """Return the placeholder of an attribute."""
        marks = []
        for part in name.split("."):
            mark = f"#n{len(self._names)}"
            self._names[mark] = part
            marks.append(mark)
        return ".".join(marks)

    def value(self, value: Any, *, whole: bool = False) -> str:
        """Return the placeholder of a value; its texts are cut unless ``whole``."""
        mark = f":v{len(self._values)}"
        self._values[mark] = encode(value if whole else short(value))
        return mark

    def request(self) -> dict[str, Any]:
        """Return the parameters of the write; call it last."""
        request: dict[str, Any] = {"ConditionExpression": " AND ".join(self._tests)}
        if self._names:
            request["ExpressionAttributeNames"] = self._names
        if self._values:
            request["ExpressionAttributeValues"] = self._values
        return request


def weigh(write: Put | Update) -> None:
    """Raise if a write is larger than an item may be. Of an update only the changes count.

    Raises
    ------
    TooMuchToKeepError
        The write is too large; names the largest attribute.
    """
    given, whole = write.item if isinstance(write, Put) else write.changes, write.whole
    sizes = {
        name: len(name.encode("utf-8", "replace")) + weight(encode(value if name in whole else short(value)))
        for name, value in {"pk": write.pk, "sk": write.sk, **given}.items()
    }
    if (size := sum(sizes.values())) > ITEM_BYTES:
        largest = max(sizes, key=lambda name: sizes[name])
        raise TooMuchToKeepError(f"{write.pk} {write.sk}", size, ITEM_BYTES, largest)


def weight(value: Mapping[str, Any]) -> int:
    """Return an upper bound of the bytes of a value in DynamoDB's typed JSON (Developer Guide, "Item sizes")."""
    ((kind, content),) = value.items()
    match kind:
        case "S":
            return len(content.encode("utf-8", "replace"))
        case "N":
            return len(content) // 2 + 2  # two digits a byte, one byte each for exponent and sign
        case "L":
            return 3 + sum(1 + weight(item) for item in content)
        case "M":
            return 3 + sum(
                1 + len(name.encode("utf-8", "replace")) + weight(item) for name, item in content.items()
            )
    return 1


def short(value: Any) -> Any:
    """Return a value with every text cut to `TEXT_BYTES`, with a mark; names of attributes and numbers stay."""
    match value:
        case str():
            return value if len(value) <= TEXT_BYTES // 4 else cut(value, TEXT_BYTES)
        case list() | tuple():
            return [short(item) for item in value]
        case dict():
            return {name: short(item) for name, item in value.items()}
    return value


def _key(pk: str, sk: str) -> dict[str, Any]:
    return {"pk": encode(pk), "sk": encode(sk)}


def _code(error: Exception) -> str:
    """Return DynamoDB's code of an error, from either client; empty for any other error."""
    return str(getattr(error, "response", {}).get("Error", {}).get("Code", ""))


def _is_conflict(error: Exception) -> bool:
    match _code(error):
        case "ConditionalCheckFailedException" | "TransactionConflictException":
            return True
        case "TransactionCanceledException":
            given = getattr(error, "response", {}).get("CancellationReasons", [])
            return bool({reason.get("Code", "") for reason in given} & _LOST)
    return False
