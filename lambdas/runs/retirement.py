"""Removes endpoints and online features that no route needs: of failed versions, and of outdated ones."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

from lambdas.aws.dynamo.ledger import Ledger
from lambdas.aws.dynamo.online_features import Online
from lambdas.aws.sagemaker.endpoints import Endpoints
from relearn.errors import ConflictError
from relearn.lifecycle.runs import Version, VersionState
from relearn.traffic import route as routing
from relearn.traffic.route_changes import RestoreState

ITEMS_SECONDS = 100.0
"""Seconds that one call spends on deleting online features; the next call continues."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Retirement:
    """Retires versions.

    Parameters
    ----------
    ledger, endpoints, online
        Adapters.
    clock
        Monotonic clock, in seconds.
    """

    ledger: Ledger
    endpoints: Endpoints
    online: Online
    clock: Callable[[], float] = time.monotonic

    def retire(self, model: str) -> list[int]:
        """Remove all endpoints and online features of a model that are no longer needed.

        Returns
        -------
        list of int
            The versions that lost theirs.

        Raises
        ------
        ConflictError
            An endpoint or some features are not deleted yet; call again later.
        """
        there = {found.version: found for found in self.ledger.versions(model) if _has_any(found)}
        if not there:
            return []
        route = self.ledger.route(model)
        failed = {n for n, found in there.items() if found.state is VersionState.FAILED}
        unneeded = sorted({*routing.to_retire(route, there), *failed - route.named} - self._restoring(model))
        end = self.clock() + ITEMS_SECONDS
        for number in unneeded:
            version = there[number]
            if version.endpoint:
                self.endpoints.remove_version(version)
            if version.online and not self.online.remove(model, number, lambda: end - self.clock()):
                raise ConflictError(f"the features of version {number} of {model} are not all deleted yet")
            state = VersionState.FAILED if number in failed else VersionState.RETIRED
            self.ledger.change_version(version, endpoint="", online={}, state=state)
        return unneeded

    def _restoring(self, model: str) -> set[int]:
        """Return the version under redeployment, which the route does not name yet; empty without one."""
        restore = self.ledger.restore(model)
        return {restore.version} if restore and restore.state is RestoreState.RESTORING else set()


def _has_any(version: Version) -> bool:
    return bool(version.endpoint or version.online)
