"""What the ledger's table says, as lines of text: every change of a state, with its reason."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from boto3.dynamodb.types import TypeDeserializer

Item = dict[str, Any]
_SHOWN_ID = 8  # the end of an id tells more than its beginning


@dataclass(frozen=True)
class Change:
    """One item came to a new state."""

    kind: str
    state: str
    text: str


class Ledger:
    """Reads the whole table and tells what is new.

    Parameters
    ----------
    client : DynamoDB client
        Of the laptop cloud.
    table : str
        The table's name.
    """

    def __init__(self, client: Any, table: str) -> None:
        self._client, self._table = client, table
        self._seen: dict[tuple[str, str], str] = {}
        self.items: list[Item] = []

    def changes(self) -> list[Change]:
        """Return what changed since the last call, oldest states first."""
        read = TypeDeserializer().deserialize
        found = []
        for page in self._client.get_paginator("scan").paginate(TableName=self._table, ConsistentRead=True):
            found += [{key: read(value) for key, value in item.items()} for item in page["Items"]]
        self.items = sorted(found, key=lambda item: (item["pk"], item["sk"]))
        return [change for change in map(self._change, self.items) if change]

    def _change(self, item: Item) -> Change | None:
        key = (item["pk"], item["sk"])
        kind, _, name = item["sk"].partition("#")
        state = _route(item) if kind == "ROUTE" else str(item.get("state", ""))
        if not state or self._seen.get(key) == state:
            return None
        before = self._seen.get(key)
        self._seen[key] = state
        model = item["pk"].partition("#")[2]
        arrow = f"{before} -> {state}" if before else state
        reason = f": {item['reason']}" if item.get("reason") else ""
        if state == "AWAITING_APPROVAL":
            reason += f"; you decide: relearn --local approve {model} {item['version']}"
        return Change(
            kind, state, f"{model:10} {kind.lower():8} {name[-_SHOWN_ID:]:{_SHOWN_ID}} {arrow}{reason}"
        )


def _route(item: Item) -> str:
    """Return which versions answer, as one word or two."""
    parts = [f"{key} {item[key]}" for key in ("champion", "previous", "candidate") if item.get(key)]
    return ", ".join(parts)


def metrics_of(run: Item, key: str) -> dict[str, float]:
    """Return the numbers of a run's metrics, which the ledger may hold as a map or as a list of pairs."""
    found = run.get(key) or {}
    return {name: float(value) for name, value in (found.items() if isinstance(found, dict) else found)}
