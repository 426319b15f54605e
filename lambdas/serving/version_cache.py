"""Versions, remembered for as long as the process lives: of what never changes of one, nothing has to be read twice."""

from __future__ import annotations

from lambdas.aws.dynamo.ledger import Ledger
from lambdas.serving import ledger_unavailable
from relearn.lifecycle.runs import Version
from relearn.naming import resources
from relearn.naming.resources import Place


class VersionMemory:
    """Reads versions; for any number of threads.

    Parameters
    ----------
    ledger
        Where they are.
    stage
        Name of the stage.
    """

    def __init__(self, ledger: Ledger, stage: str) -> None:
        self._ledger = ledger
        self._stage = stage
        self._known: dict[tuple[str, int], Version] = {}

    def version(self, model: str, number: int) -> Version | None:
        """Give a version as it was registered; None when the ledger does not know it.

        State, reason and endpoint are those of the time when it was read.

        Raises
        ------
        NotServingError
            The ledger cannot be read, and the version is not remembered.
        """
        key = (model, number)
        if (known := self._known.get(key)) is None:
            with ledger_unavailable.told():
                known = self._ledger.version(model, number)
            if known is not None:
                self._known[key] = known
        return known

    def place(self, model: str, number: int) -> Place:
        """Say where a version is asked; one of which nothing was written down has an endpoint."""
        known = self.version(model, number)
        return resources.place(self._stage, model, number, in_lambda=known is not None and known.in_lambda)
