"""What changed in the ledger's table: every new state of every model's uploads, runs, versions and route, as a line of text.

The API tells these model by model and kind by kind. A story follows all of them several times a second, so it scans the table, which
is one request.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from relearn.ledger.attribute_values import Item, decode_item
from relearn.naming import ledger_keys

_SHOWN_ID = 8  # the end of an id tells more than its beginning


@dataclass(frozen=True)
class Change:
    """One item came to a new state.

    Parameters
    ----------
    kind
        The beginning of its sort key, e.g. ``"RUN"``.
    state
        The new state.
    text
        A line for a person: model, kind, end of the id, the state before and after, the reason.
    """

    kind: str
    state: str
    text: str


class Ledger:
    """Reads the whole table and returns what is new.

    Parameters
    ----------
    client
        boto3 client of DynamoDB.
    table
        The table's name.
    """

    def __init__(self, client: Any, table: str) -> None:
        self._client, self._table = client, table
        self._seen: dict[tuple[str, str], str] = {}

    def changes(self) -> list[Change]:
        """Return what changed since the last call, by model and sort key."""
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
    """Return which versions answer, as one word or two."""
    parts = [f"{key} {item[key]}" for key in ("champion", "previous", "candidate") if item.get(key)]
    return ", ".join(parts)
