"""Removes endpoints that no route needs: of versions that failed, and of those before the previous one."""

from __future__ import annotations

from lambdas.aws.endpoints import Endpoints
from lambdas.aws.ledger import Ledger
from relearn import routing
from relearn.runs import VersionState


class Retirement:
    """Retires versions.

    Parameters
    ----------
    ledger, endpoints
        Adapters.
    """

    def __init__(self, *, ledger: Ledger, endpoints: Endpoints) -> None:
        self._ledger = ledger
        self._endpoints = endpoints

    def retire(self, model: str) -> list[int]:
        """Remove every endpoint of a model that is not needed any more.

        Returns
        -------
        list of int
            The versions that lost theirs.

        Raises
        ------
        ConflictError
            An endpoint is not gone yet; call again later.
        """
        with_endpoint = {found.version: found for found in self._ledger.versions(model) if found.endpoint}
        if not with_endpoint:
            return []
        route = self._ledger.route(model)
        failed = {n for n, found in with_endpoint.items() if found.state is VersionState.FAILED}
        unneeded = sorted({*routing.to_retire(route, with_endpoint), *failed - route.named})
        for number in unneeded:
            version = with_endpoint[number]
            self._endpoints.remove(version.endpoint)
            state = VersionState.FAILED if number in failed else VersionState.RETIRED
            self._ledger.change_version(version, endpoint="", state=state)
        return unneeded
