"""A table of DynamoDB that can be scanned."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any


class Table:
    """A DynamoDB client that knows one table; the values of its items are texts."""

    def __init__(self, *items: dict[str, str]) -> None:
        self.items = list(items)

    def get_paginator(self, _operation: str) -> Table:
        return self

    def paginate(self, **_request: Any) -> Iterator[dict[str, Any]]:
        for item in self.items:
            yield {"Items": [{key: {"S": value} for key, value in item.items()}]}
