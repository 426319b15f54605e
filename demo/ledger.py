"""Changes of the ledger's table as lines of text: new states of every model's uploads, runs, versions and route.

The API reports these by model and kind. A story follows all of them several times a second and therefore
scans the table, which is a single request while it is small.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from relearn.ledger.attribute_values import Item, decode_item
from relearn.naming import ledger_keys

_SHOWN_ID = 8  # characters, from the end of an id, which distinguishes more than its beginning


@dataclass(frozen=True)
class Change:
    """A new state of one item of the ledger.

    Parameters
    ----------
    kind
        First part of its sort key, e.g. ``"RUN"``.
    state
        The new state.
    text
        A line for people: model, kind, end of the id, state before and after, reason.
    """

    kind: str
    state: str
    text: str


class Ledger:
    """Scans the ledger's table for changes.

    Parameters
    ----------
    client
        boto3 client of DynamoDB.
    table
        Name of the table.
    """

    def __init__(self, client: Any, table: str) -> None:
        self._client, self._table = client, table
        self._seen: dict[tuple[str, str], str] = {}

    def changes(self) -> list[Change]:
        """Return the changes since the last call, ordered by partition and sort key.

        All items at the first call.
        """
        found: list[Item] = []
        for page in self._client.get_paginator("scan").paginate(TableName=self._table, ConsistentRead=True):
            found += map(decode_item, page["Items"])
        found.sort(key=lambda item: (item["pk"], item["sk"]))
        return [change for change in map(self._change, found) if change]

    def _change(self, item: Item) -> Change | None:
        key = (item["pk"], item["sk"])
        kind, _, name = item["sk"].partition("#")
        state = _route(item) if kind == ledger_keys.ROUTE else str(item.get("state", ""))
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
    """Return the versions of a route as text, such as "champion 2, previous 1"."""
    parts = [f"{key} {item[key]}" for key in ("champion", "previous", "candidate") if item.get(key)]
    return ", ".join(parts)
