"""Counts of versions' requests during a trial, added up in the ledger's table by many functions at once.

There is one item for each version and revision of its model's route, so that every step of a rollout begins
at zero: ``pk = LIVE#<model>``, ``sk = <revision>#<version>``. Writes only add, so none overwrites another.
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
"""Time after which counts are deleted; the longest step of a rollout is one day."""
MOST = 1e24
"""Largest magnitude of a number that is added; larger ones are cut to it."""
_DECIMALS = 12  # 36 digits with MOST; a number of DynamoDB has 38, and a sum with more is refused
_PLAIN = (
    *("requests", "errors", "rows", "total", "squares", "cold", "cold_seconds"),
    *("compared", "equal", "distance", "distance_squares"),
)
_LATENCY, _WAIT, _ANSWER, _PAIR, _FLIP = "l:", "w:", "a:", "p:", "f:"


class LiveCounts:
    """Adds to the counts of versions, and reads them.

    Parameters
    ----------
    client
        A DynamoDB client: boto3's, or `lambdas.aws.fast.client.DynamoDB`.
    table
        Name of the ledger's table.
    now
        Returns the current time, aware.
    """

    def __init__(self, client: DynamoDBClient, table: str, now: Callable[[], datetime]) -> None:
        self._client = client
        self._table = table
        self._now = now

    def count(self, model: str, revision: int, version: int, live: Live) -> None:
        """Add to the counts of a version, in one write.

        Parameters
        ----------
        model, revision
            Name of the model, and revision of the route that sent the requests.
        version
            Version that answered them.
        live
            Counts to add.
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
        """Return the counts of a version under a revision of its route, read strongly consistent."""
        key = _key(model, revision, version)
        answer = self._client.get_item(TableName=self._table, Key=key, ConsistentRead=True)
        item = decode_item(answer.get("Item") or {})
        return Live(
            **{name: item[name] for name in _PLAIN if name in item},
            latency={int(bucket): count for bucket, count in _below(item, _LATENCY)},
            waits={int(bucket): count for bucket, count in _below(item, _WAIT)},
            answers=dict(_below(item, _ANSWER)),
            pairs=dict(_below(item, _PAIR)),
            flips=dict(_below(item, _FLIP)),
        )


def _attributes(live: Live) -> Iterator[tuple[str, str]]:
    """Yield the attributes to add and their numbers; always ``requests``, because an addition cannot be empty."""
    yield "requests", str(live.requests)
    for name in _PLAIN[1:]:
        if float(number := _number(getattr(live, name))):
            yield name, number
    for bucket, count in live.latency.items():
        yield f"{_LATENCY}{bucket}", str(count)
    for bucket, count in live.waits.items():
        yield f"{_WAIT}{bucket}", str(count)
    for prefix, labels in ((_ANSWER, live.answers), (_PAIR, live.pairs), (_FLIP, live.flips)):
        for label, count in labels.items():
            yield f"{prefix}{label}", str(count)


def _number(value: float) -> str:
    return str(value) if isinstance(value, int) else f"{max(-MOST, min(value, MOST)):.{_DECIMALS}f}"


def _below(item: Mapping[str, Any], prefix: str) -> Iterator[tuple[str, int]]:
    return ((name.removeprefix(prefix), value) for name, value in item.items() if name.startswith(prefix))


def _key(model: str, revision: int, version: int) -> dict[str, Any]:
    return {"pk": encode(f"{ledger_keys.LIVE}{model}"), "sk": encode(f"{revision:09d}#{version}")}
