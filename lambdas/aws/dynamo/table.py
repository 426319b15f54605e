"""One DynamoDB table with keys ``pk`` and ``sk``: plain Python values in and out, conditional writes.

A lost condition is always a `ConflictError`, whether the write was alone or part of a transaction.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from relearn.cutting import cut
from relearn.errors import ConflictError, TooMuchToKeepError
from relearn.ledger.attribute_values import Item, decode_item, encode

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

MOST_KEYS = 100
"""Items that DynamoDB reads in one call at most."""
_FIRST_PAUSE_SECONDS = 0.05  # before keys that DynamoDB had no capacity for are asked for again; doubles
TEXT_BYTES = 8192
"""Bytes of one text at most: what quotes others (reasons above all) is cut, so that no item outgrows DynamoDB's 400 KB
and nothing is left undecided because it could not be written down. No key of ours and no S3 key comes near it."""
ITEM_BYTES = 390_000
"""Bytes of one item at most, as `weight` counts them: DynamoDB takes 400 KB, and a little is left for what updates add."""
LONGEST_ID = 100
"""Characters of an id that callers may ask for: the table takes no key of any length."""
_LOST = {"ConditionalCheckFailed", "TransactionConflict"}


@dataclass(frozen=True, kw_only=True, slots=True)
class Put:
    """Write a whole item.

    Parameters
    ----------
    pk, sk
        Its key.
    item
        Its attributes.
    expected
        Attribute values it must have now; None: there must be no such item.
    whole
        Attributes whose texts are kept however long they are: their writer weighs them.
    """

    pk: str
    sk: str
    item: Mapping[str, Any]
    expected: Mapping[str, Any] | None = None
    whole: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True, slots=True)
class Update:
    """Change some attributes of an item that exists, or make an item of them.

    Parameters
    ----------
    pk, sk
        Its key.
    changes
        Attribute (``a.b`` for one entry of a map) to its new value.
    expected
        Attribute values it must have now.
    unless
        Attribute values it must not have now.
    makes
        Whether there must be no such item, and it is made: for who may change items and not put them.
    whole
        As of `Put`.
    """

    pk: str
    sk: str
    changes: Mapping[str, Any]
    expected: Mapping[str, Any] = field(default_factory=dict)
    unless: Mapping[str, Any] = field(default_factory=dict)
    makes: bool = False
    whole: tuple[str, ...] = ()


class Table:
    """The table.

    Parameters
    ----------
    client
        A DynamoDB client: boto3's, or the one of the hot path, which reads, puts and deletes single items.
    name
        The table's name.
    """

    def __init__(self, client: DynamoDBClient, name: str) -> None:
        self._client = client
        self._name = name

    def get(self, pk: str, sk: str) -> Item | None:
        """Read one item, strongly consistent; None when there is none."""
        answer = self._client.get_item(TableName=self._name, Key=_key(pk, sk), ConsistentRead=True)
        return decode_item(answer["Item"]) if "Item" in answer else None

    def get_many(self, keys: Iterable[tuple[str, str]]) -> dict[tuple[str, str], Item]:
        """Read items by their (``pk``, ``sk``), each once, strongly consistent; those that are not there are left out."""
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
                pause *= 2
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
        """Read the items whose ``sk`` starts with ``prefix``, strongly consistent, page by page.

        Parameters
        ----------
        pk, prefix
            Which items.
        where
            Attribute to the values it may have; those of other items are not given.
        newest
            When not 0: only so many, from the last ``sk`` backwards.
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
            if newest or "LastEvaluatedKey" not in page:
                return
            request["ExclusiveStartKey"] = page["LastEvaluatedKey"]

    def write(self, *writes: Put | Update) -> None:
        """Do one write, or several at once or not at all.

        Raises
        ------
        ConflictError
            A condition does not hold, or another transaction is at the same items.
        TooMuchToKeepError
            An item would be larger than the ledger takes: nothing is written.
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
        """Delete an item that has these attribute values; False when it has not, or is not there."""
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


class _Condition:
    """Collects the names, values and tests of one conditional write."""

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
        """Give the placeholder of an attribute."""
        marks = []
        for part in name.split("."):
            mark = f"#n{len(self._names)}"
            self._names[mark] = part
            marks.append(mark)
        return ".".join(marks)

    def value(self, value: Any, *, whole: bool = False) -> str:
        """Give the placeholder of a value, whose texts are cut unless it is kept whole."""
        mark = f":v{len(self._values)}"
        self._values[mark] = encode(value if whole else short(value))
        return mark

    def request(self) -> dict[str, Any]:
        """Give the parameters of the write; call it last."""
        request: dict[str, Any] = {"ConditionExpression": " AND ".join(self._tests)}
        if self._names:
            request["ExpressionAttributeNames"] = self._names
        if self._values:
            request["ExpressionAttributeValues"] = self._values
        return request


def weigh(write: Put | Update) -> None:
    """Refuse to write more than an item holds; of an update what it changes is weighed, for the rest was when it came.

    Raises
    ------
    TooMuchToKeepError
        With the attribute that is to blame.
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
    """Give the bytes of a value in DynamoDB's typed JSON at most, as the Developer Guide counts them ("Item sizes")."""
    ((kind, content),) = value.items()
    match kind:
        case "S":
            return len(content.encode("utf-8", "replace"))
        case "N":
            return len(content) // 2 + 2  # two digits a byte, one for the exponent, one for the sign
        case "L":
            return 3 + sum(1 + weight(item) for item in content)
        case "M":
            return 3 + sum(
                1 + len(name.encode("utf-8", "replace")) + weight(item) for name, item in content.items()
            )
    return 1


def short(value: Any) -> Any:
    """Cut every text in a value to `TEXT_BYTES`, with a mark; names of attributes and numbers stay."""
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
    """Give the name that DynamoDB has for an error, whichever client made the call; empty for any other error."""
    return str(getattr(error, "response", {}).get("Error", {}).get("Code", ""))


def _is_conflict(error: Exception) -> bool:
    match _code(error):
        case "ConditionalCheckFailedException" | "TransactionConflictException":
            return True
        case "TransactionCanceledException":
            given = getattr(error, "response", {}).get("CancellationReasons", [])
            return bool({reason.get("Code", "") for reason in given} & _LOST)
    return False
