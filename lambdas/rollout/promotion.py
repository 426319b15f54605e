"""Moves the route to a version that was judged, deployed and tried: the one moment a caller notices."""

from __future__ import annotations

from lambdas.aws.dynamo.ledger import Ledger
from relearn.lifecycle import decisions
from relearn.lifecycle.runs import VersionState
from relearn.traffic import route
from relearn.traffic.route import Change


class Promotion:
    """Moves the route of a model to the version that a run registered.

    Parameters
    ----------
    ledger
        The ledger.
    """

    def __init__(self, *, ledger: Ledger) -> None:
        self._ledger = ledger

    def promote(self, model: str, run_id: str, version: int) -> dict[str, int]:
        """Make a version the champion, if what it was judged against still is.

        Returns
        -------
        dict
            The route: ``champion``, ``previous``, ``revision``.

        Raises
        ------
        ConflictError
            Another version became champion since the judgement, someone wrote the route right now, or nobody
            approved a version that has to be.
        """
        if (candidate := self._ledger.version(model, version)) is not None:
            decisions.refuse_undecided(candidate)
        run = self._ledger.run(model, run_id)
        old = self._ledger.route(model)
        new = route.promote(old, version, run.champion_version)
        if new is not old:
            steps = {version: (VersionState.REGISTERED, VersionState.LIVE)}
            if new.previous:
                steps[new.previous] = (VersionState.LIVE, VersionState.PREVIOUS)
            change = Change("promoted", f"run {run_id}", run.reason)
            self._ledger.write_route(model, old, new, steps, change)
        return {"champion": new.champion, "previous": new.previous, "revision": new.revision}
