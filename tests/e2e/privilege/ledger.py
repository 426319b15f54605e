"""The ledger as a whole: read it, put it back, or put it as a scene wants it."""

from __future__ import annotations

from copy import deepcopy
from typing import Any

Item = dict[str, Any]
Key = tuple[str, str]


class Book(dict[Key, Item]):
    """Every item of the ledger, by its key."""

    def copy(self) -> Book:
        return Book(deepcopy(dict(self)))

    def add(self, item: Item) -> Book:
        """Give a book with this item too, or instead of the one with its key."""
        book = self.copy()
        book[item["pk"], item["sk"]] = item
        return book

    def change(self, model: str, sk: str, **changes: Any) -> Book:
        """Give a book in which some attributes of an item are changed."""
        return self.add({**self[f"MODEL#{model}", sk], **changes})

    def drop(self, model: str, sk: str = "") -> Book:
        """Give a book without the model's items whose ``sk`` starts with this."""
        pk = f"MODEL#{model}"
        return Book({key: item for key, item in self.items() if key[0] != pk or not key[1].startswith(sk)})

    def of(self, model: str, kind: str) -> list[Item]:
        """Give the model's items of a kind (``UPLOAD#``), by ``sk``."""
        keys = sorted(key for key in self if key[0] == f"MODEL#{model}" and key[1].startswith(kind))
        return [self[key] for key in keys]


class LedgerTable:
    """The ledger's table, written as the account's administrator."""

    def __init__(self, table: Any) -> None:
        self._table = table

    def read(self) -> Book:
        answer = self._table.scan(ConsistentRead=True)
        assert "LastEvaluatedKey" not in answer, "the ledger of a test fits into one page"
        return Book({(item["pk"], item["sk"]): item for item in answer["Items"]})

    def write(self, book: Book) -> None:
        """Make the ledger exactly this."""
        now = self.read()
        with self._table.batch_writer() as batch:
            for pk, sk in now.keys() - book.keys():
                batch.delete_item(Key={"pk": pk, "sk": sk})
            for key, item in book.items():
                if now.get(key) != item:
                    batch.put_item(Item=item)
