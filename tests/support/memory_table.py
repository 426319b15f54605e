"""The ledger's table in memory, for tests that need thousands of ledgers; the same tests hold it and DynamoDB to one contract."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from lambdas.aws.dynamo.table import Put, Update, short, weigh
from relearn.errors import ConflictError
from relearn.ledger.attribute_values import Item, decode, encode

_MISSING = object()


class MemoryTable:
    """Does what `lambdas.aws.dynamo.table.Table` does."""

    def __init__(self) -> None:
        self._items: dict[tuple[str, str], Item] = {}
        self._mutex = threading.Lock()

    def get(self, pk: str, sk: str) -> Item | None:
        found = self._items.get((pk, sk))
        return None if found is None else _copy(found)

    def get_many(self, keys: Iterable[tuple[str, str]]) -> dict[tuple[str, str], Item]:
        return {key: _copy(self._items[key]) for key in keys if key in self._items}

    def query(
        self,
        pk: str,
        prefix: str,
        where: Mapping[str, Iterable[Any]] | None = None,
        *,
        newest: int = 0,
        before: str = "",
    ) -> Iterator[Item]:
        keys = sorted(key for key in self._items if key[0] == pk and key[1].startswith(prefix))
        keys = [key for key in keys if not before or key[1] < before]
        found = [_copy(self._items[key]) for key in (keys[::-1][:newest] if newest else keys)]
        wanted = {name: set(values) for name, values in (where or {}).items()}
        yield from (item for item in found if all(item.get(name) in wanted[name] for name in wanted))

    def write(self, *writes: Put | Update) -> None:
        for write in writes:
            weigh(write)
        with self._mutex:
            if not all(self._holds(write) for write in writes):
                raise ConflictError("the ledger changed meanwhile")
            for write in writes:
                key = {"pk": write.pk, "sk": write.sk}
                if isinstance(write, Put):
                    self._items[(write.pk, write.sk)] = _copy({**key, **_short(write)})
                else:
                    self._items.setdefault((write.pk, write.sk), key)
                    for name, value in write.changes.items():
                        _set(
                            self._items[(write.pk, write.sk)],
                            name,
                            _copy({"x": value if name in write.whole else short(value)})["x"],
                        )

    def delete(self, pk: str, sk: str, expected: Mapping[str, Any]) -> bool:
        with self._mutex:
            found = self._items.get((pk, sk))
            if found is None or any(found.get(name) != value for name, value in expected.items()):
                return False
            del self._items[(pk, sk)]
            return True

    def _holds(self, write: Put | Update) -> bool:
        found = self._items.get((write.pk, write.sk))
        if write.makes if isinstance(write, Update) else write.expected is None:
            return found is None
        expected, unless = write.expected or {}, getattr(write, "unless", {})
        return (
            found is not None
            and all(_read(found, name) == value for name, value in expected.items())
            and all(_read(found, name) != value for name, value in unless.items())
        )


def _short(put: Put) -> Item:
    return {name: value if name in put.whole else short(value) for name, value in put.item.items()}


def _copy(item: Mapping[str, Any]) -> Item:
    """Take a value through DynamoDB's JSON, as the real table does."""
    return {name: decode(json.loads(json.dumps(encode(value)))) for name, value in item.items()}


def _read(item: Item, path: str) -> Any:
    """Read ``a.b`` as the real table does; what is not there is none of the values that an item can hold."""
    found: Any = item
    for name in path.split("."):
        found = found.get(name, _MISSING) if isinstance(found, dict) else _MISSING
    return found


def _set(item: Item, path: str, value: Any) -> None:
    *parents, last = path.split(".")
    for name in parents:
        item = item[name]
    item[last] = value
