"""Who has a turn at the check of uploads (`relearn.lifecycle.turns`): one item of the ledger, for the places are all models'."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

from lambdas.aws.dynamo.table import Put, Table
from relearn.errors import ConflictError
from relearn.lifecycle import turns
from relearn.lifecycle.turns import Places

PARTITION, KEY = "INGEST", "TURNS"
"""The key of the item."""


class Turns:
    """Takes turns and gives them back; of two who take the last one, one gets it.

    Parameters
    ----------
    table
        The ledger's table.
    clock
        Gives the time, aware.
    """

    def __init__(self, table: Table, clock: Callable[[], datetime]) -> None:
        self._table = table
        self._clock = clock

    def take(self, model: str, upload_id: str, until: datetime, *, slow: bool = False) -> str:
        """Take a turn for a check that ends at ``until`` at the latest; why there is none, empty when it is taken.

        ``slow`` tells whether an earlier check of the upload was.
        """
        return self._change(
            lambda places: turns.take(places, model, upload_id, self._clock(), until, slow=slow)
        )

    def give_back(self, model: str, upload_id: str, seconds: float) -> None:
        """Give a turn back, after a check that took so many seconds."""
        self._change(lambda places: turns.give_back(places, model, upload_id, self._clock(), seconds))

    def _change(self, change: Callable[[Places], Places | str]) -> str:
        while True:
            item = self._table.get(PARTITION, KEY)
            changed = change(Places() if item is None else Places(item["held"], item["slow"]))
            if isinstance(changed, str):
                return changed
            revision = 0 if item is None else item["revision"]
            new = {"held": changed.held, "slow": changed.slow, "revision": revision + 1}
            expected = None if item is None else {"revision": revision}
            try:
                self._table.write(Put(pk=PARTITION, sk=KEY, item=new, expected=expected))
            except ConflictError:
                continue  # another check began or ended meanwhile
            return ""
