"""Deploys versions again that a route names and whose endpoint was deleted or failed."""

from __future__ import annotations

import logging
from dataclasses import dataclass

from lambdas.aws.dynamo.ledger import Ledger
from lambdas.aws.sagemaker.endpoints import Endpoints
from lambdas.rollout.route_changes import RouteChanges
from relearn.lifecycle.runs import Version
from relearn.naming import resources

_log = logging.getLogger(__name__)


@dataclass(frozen=True, kw_only=True, slots=True)
class MissingEndpoints:
    """Finds versions whose endpoint is missing, and deploys them again.

    Parameters
    ----------
    ledger, endpoints
        Adapters.
    route_changes
        Deploys versions again.
    stage
        Name of the stage, part of the endpoints' names.
    """

    ledger: Ledger
    endpoints: Endpoints
    route_changes: RouteChanges
    stage: str

    def repair(self, model: str) -> None:
        """Deploy the champion or, if that has its endpoint, the previous version again; one at a time."""
        route = self.ledger.route(model)
        for number in (route.champion, route.previous):
            version = self.ledger.version(model, number) if number else None
            if version is not None and self._is_gone(version):
                _log.warning("endpoint %s is gone", version.endpoint, extra={"model": model})
                self.route_changes.bring_back(version)
                return

    def _is_gone(self, version: Version) -> bool:
        if version.endpoint != resources.endpoint(self.stage, version.model, version.version):
            return False  # it is hosted elsewhere, or is being deployed again already
        status = self.endpoints.status(version.endpoint)
        if status is not None and status.status == "Failed":
            self.endpoints.remove(version.endpoint)
            return True
        return status is None
