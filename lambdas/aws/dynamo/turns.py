"""Record of the upload checks under way (`relearn.lifecycle.turns`), in one item that all models share."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

from lambdas.aws.dynamo.table import Put, Records
from relearn.errors import ConflictError
from relearn.lifecycle import turns
from relearn.lifecycle.turns import Places

PARTITION, KEY = "INGEST", "TURNS"
"""Key of the item."""


class Turns(Records):
    """Takes turns and gives them back; concurrent callers never take the same one."""

    def take(self, model: str, upload_id: str, until: datetime, *, slow: bool = False) -> str:
        """Take a turn for a check. Return an empty string, or the reason why there is no turn.

        Parameters
        ----------
        model, upload_id
            The upload to check.
        until
            Deadline of the check, aware.
        slow
            Whether an earlier check of the upload was slow.
        """
        return self._change(
            lambda places: turns.take(places, model, upload_id, self._clock(), until, slow=slow)
        )

    def give_back(self, model: str, upload_id: str, seconds: float) -> None:
        """Give a turn back after a check that took ``seconds``."""
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
                continue  # changed by another check; try again
            return ""
