"""What versions do while a candidate is tried, counted in the ledger's table by many functions at once.

One item a version and revision of its model's route, so that every step of a rollout counts from nothing:
``pk = LIVE#<model>``, ``sk = <revision>#<version>``. Every write only adds, so none is lost to another.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from relearn.ledger.attribute_values import decode_item, encode
from relearn.naming import ledger_keys
from relearn.traffic.version_stats import Live

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

KEPT = timedelta(days=7)
"""For how long what was counted can be looked at; the longest step is a day."""
MOST = 1e24
_DECIMALS = 12  # with MOST 36 digits: a number of DynamoDB has 38, and a sum that needs more is refused
_PLAIN = ("requests", "errors", "rows", "total", "squares", "compared", "equal", "distance")
_LATENCY, _ANSWER = "l:", "a:"


class LiveCounts:
    """Adds to what was counted, and reads it.

    Parameters
    ----------
    client
        A DynamoDB client: boto3's, or the one of the hot path.
    table
        Name of the ledger's table.
    now
        Gives the time, aware.
    """

    def __init__(self, client: DynamoDBClient, table: str, now: Callable[[], datetime]) -> None:
        self._client = client
        self._table = table
        self._now = now

    def count(self, model: str, revision: int, version: int, live: Live) -> None:
        """Add what was counted of a version, all of it in one write.

        Parameters
        ----------
        model, revision
            Whose route, and which write of it sent the requests.
        version
            Who answered them.
        live
            What is added.
        """
        added = dict(_attributes(live))
        expires = int((self._now() + KEPT).timestamp())
        self._client.update_item(
            TableName=self._table,
            Key=_key(model, revision, version),
            UpdateExpression="SET #at = :at ADD " + ", ".join(f"#n{at} :v{at}" for at in range(len(added))),
            ExpressionAttributeNames={
                "#at": ledger_keys.EXPIRES_AT,
                **{f"#n{at}": name for at, name in enumerate(added)},
            },
            ExpressionAttributeValues={
                ":at": encode(expires),
                **{f":v{at}": {"N": number} for at, number in enumerate(added.values())},
            },
        )

    def total(self, model: str, revision: int, version: int) -> Live:
        """Give all that was counted of a version since its route was written, strongly consistent."""
        key = _key(model, revision, version)
        answer = self._client.get_item(TableName=self._table, Key=key, ConsistentRead=True)
        item = decode_item(answer.get("Item") or {})
        return Live(
            **{name: item[name] for name in _PLAIN if name in item},
            latency={int(bucket): count for bucket, count in _below(item, _LATENCY)},
            answers=dict(_below(item, _ANSWER)),
        )


def _attributes(live: Live) -> Iterator[tuple[str, str]]:
    """Name what is added, and write it as a number; ``requests`` always, because a write must add something."""
    yield "requests", str(live.requests)
    for name in _PLAIN[1:]:
        if float(number := _number(getattr(live, name))):
            yield name, number
    for bucket, count in live.latency.items():
        yield f"{_LATENCY}{bucket}", str(count)
    for answer, count in live.answers.items():
        yield f"{_ANSWER}{answer}", str(count)


def _number(value: float) -> str:
    return str(value) if isinstance(value, int) else f"{max(-MOST, min(value, MOST)):.{_DECIMALS}f}"


def _below(item: Mapping[str, Any], prefix: str) -> Iterator[tuple[str, int]]:
    return ((name.removeprefix(prefix), value) for name, value in item.items() if name.startswith(prefix))


def _key(model: str, revision: int, version: int) -> dict[str, Any]:
    return {"pk": encode(f"{ledger_keys.LIVE}{model}"), "sk": encode(f"{revision:09d}#{version}")}
