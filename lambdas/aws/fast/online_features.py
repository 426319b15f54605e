"""Reads online features for prediction requests: without an SDK, within the request's deadline."""

from __future__ import annotations

import json
import random
import time
from collections.abc import Callable, Sequence
from typing import Any

from lambdas.aws.fast.client import DynamoDB, RefusedError
from relearn.ledger.attribute_values import encode
from relearn.records import online_features

MOST_KEYS = 100
"""Largest number of items that DynamoDB reads in one call."""
_AT_ONCE = 4
_PAUSE_SECONDS, _LONGEST_PAUSE_SECONDS = 0.02, 1.0
Columns = dict[str, Any]
"""Column to value."""


class OnlineReader:
    """Reads the online table; thread-safe.

    Parameters
    ----------
    client
        Client of DynamoDB.
    name
        Name of the table.
    sleep
        Sleeps for a number of seconds.
    """

    def __init__(self, client: DynamoDB, name: str, sleep: Callable[[float], None] = time.sleep) -> None:
        self._client = client
        self._name = name
        self._sleep = sleep

    def look_up(
        self, model: str, version: int, entities: Sequence[str], seconds_left: Callable[[], float]
    ) -> dict[str, Columns]:
        """Return the features of entities, read strongly consistent: they may have been published a moment ago.

        Parameters
        ----------
        model, version
            Version whose features are read.
        entities
            Entities, without duplicates.
        seconds_left
            Returns the seconds left for the request; raises TimeoutError when there are none.

        Returns
        -------
        dict
            Entity to column to value; entities that the version does not know are left out.

        Raises
        ------
        TimeoutError
            The request has no time left.
        """
        names = {online_features.key(model, version, entity): entity for entity in entities}
        keys = list(names)
        parts = [keys[start : start + MOST_KEYS] for start in range(0, len(keys), MOST_KEYS)]
        found = [item for items in self._each(parts, seconds_left) for item in items]
        return {names[(item["pk"]["S"], item["sk"]["S"])]: _columns(item) for item in found}

    def _each(
        self, parts: list[list[online_features.Key]], seconds_left: Callable[[], float]
    ) -> list[list[Any]]:
        if len(parts) <= 1:
            return [self._part(part, seconds_left) for part in parts]
        from concurrent.futures import ThreadPoolExecutor  # noqa: PLC0415 - most processes never need it

        with ThreadPoolExecutor(min(_AT_ONCE, len(parts))) as pool:
            return list(pool.map(lambda part: self._part(part, seconds_left), parts))

    def _part(self, keys: list[online_features.Key], seconds_left: Callable[[], float]) -> list[Any]:
        """Read the items of one call; read again, after growing pauses, those that DynamoDB had no capacity for."""
        waiting: list[Any] = [{"pk": encode(pk), "sk": encode(sk)} for pk, sk in keys]
        found: list[Any] = []
        pause = _PAUSE_SECONDS
        while True:
            answer = self._ask(waiting, seconds_left())
            found += answer["Responses"].get(self._name, [])
            waiting = answer["UnprocessedKeys"].get(self._name, {}).get("Keys", [])
            if not waiting:
                return found
            self._sleep(min(random.uniform(0, pause), seconds_left()))
            pause = min(pause * 2, _LONGEST_PAUSE_SECONDS)

    def _ask(self, keys: list[Any], seconds: float) -> Any:
        asked = {self._name: {"Keys": keys, "ConsistentRead": True}}
        try:
            return self._client.within(seconds).batch_get_item(RequestItems=asked)
        except RefusedError as error:
            if not error.busy:
                raise
            return {"Responses": {}, "UnprocessedKeys": asked}


def _columns(item: Any) -> Columns:
    columns: Columns = json.loads(item[online_features.COLUMNS]["S"])
    return columns
