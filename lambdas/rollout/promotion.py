"""Promotes a version that was judged, deployed and tried: moves the model's route to it."""

from __future__ import annotations

from dataclasses import dataclass

from lambdas.aws.dynamo.ledger import Ledger
from relearn.lifecycle import decisions
from relearn.lifecycle.run_context import Promoted
from relearn.lifecycle.runs import VersionState
from relearn.traffic import route
from relearn.traffic.route import Change


@dataclass(frozen=True, kw_only=True, slots=True)
class Promotion:
    """Promotes the versions that runs registered.

    Parameters
    ----------
    ledger
        Holds routes and versions.
    """

    ledger: Ledger

    def promote(self, model: str, run_id: str, version: int) -> Promoted:
        """Make a version the champion, if the champion that it was judged against still serves.

        Returns
        -------
        Promoted
            The route: ``champion``, ``previous``, ``revision``.

        Raises
        ------
        ConflictError
            Another version became champion since the judgement, another writer changed the route at the same
            time, or the version needs an approval that it does not have.
        FrozenRouteError
            A person froze the route.
        """
        if (candidate := self.ledger.version(model, version)) is not None:
            decisions.refuse_undecided(candidate)
        run = self.ledger.run(model, run_id)
        old = self.ledger.route(model)
        new = route.promote(old, version, run.champion_version)
        if new is not old:
            steps = {version: (VersionState.REGISTERED, VersionState.LIVE)}
            if new.previous:
                steps[new.previous] = (VersionState.LIVE, VersionState.PREVIOUS)
            change = Change("promoted", f"run {run_id}", run.reason)
            self.ledger.write_route(model, old, new, steps, change)
        return {"champion": new.champion, "previous": new.previous, "revision": new.revision}
