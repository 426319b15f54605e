"""Who has a turn at the check of uploads (`relearn.turns`): one item of the ledger for each model."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime

from lambdas.aws.records import partition
from lambdas.aws.table import Put, Table
from relearn import turns
from relearn.errors import ConflictError

_KEY = "TURNS"


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

    def take(self, model: str, upload_id: str, until: datetime) -> bool:
        """Take a turn of a model for an upload whose check ends at ``until`` at the latest; False when there is none."""
        return self._change(model, lambda held: turns.take(held, upload_id, self._clock(), until))

    def give_back(self, model: str, upload_id: str) -> None:
        """Give a turn back."""
        self._change(model, lambda held: {other: at for other, at in held.items() if other != upload_id})

    def _change(self, model: str, change: Callable[[Mapping[str, str]], dict[str, str] | None]) -> bool:
        while True:
            item = self._table.get(partition(model), _KEY)
            changed = change({} if item is None else item["held"])
            if changed is None:
                return False
            revision = 0 if item is None else item["revision"]
            new = {"held": changed, "revision": revision + 1}
            expected = None if item is None else {"revision": revision}
            try:
                self._table.write(Put(pk=partition(model), sk=_KEY, item=new, expected=expected))
            except ConflictError:
                continue  # another check of the model began or ended meanwhile
            return True
