"""Removes orphans: endpoints, configurations and models of the stage in SageMaker that no version in the ledger has."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from lambdas.aws.dynamo.ledger import Ledger
from lambdas.aws.sagemaker.endpoints import Endpoints
from relearn.errors import ConflictError
from relearn.naming import resources

YOUNG = timedelta(minutes=2)
"""Age up to which a resource is left alone: its creation may be in progress."""
_log = logging.getLogger(__name__)


@dataclass(frozen=True, kw_only=True, slots=True)
class OrphanedEndpoints:
    """Finds orphaned endpoints by their tags, so that other resources are never removed, and removes them.

    Parameters
    ----------
    ledger, endpoints
        Adapters.
    stage
        Name of the stage.
    clock
        Returns the current time, aware.
    """

    ledger: Ledger
    endpoints: Endpoints
    stage: str
    clock: Callable[[], datetime]

    def remove(self) -> list[str]:
        """Remove every orphan.

        A version's record names its endpoint from before its creation until after its deletion, and every
        version that a route names has a record. So no request is routed to an endpoint that no record names.

        Returns
        -------
        list of str
            Names of the orphans, including those whose removal the next call completes.
        """
        gone = []
        for name in sorted(self._orphans()):
            _log.warning("%s belongs to no version: it is removed", name)
            try:
                self.endpoints.remove(name)
            except ConflictError as error:
                _log.warning("%s", error)
            gone.append(name)
        return gone

    def _orphans(self) -> set[str]:
        old = (one for one in self.endpoints.all() if self.clock() - one.made_at > YOUNG)
        return {one.name for one in old if self._is_orphan(one.name, self.endpoints.tags(one.arn))}

    def _is_orphan(self, name: str, tags: Mapping[str, str]) -> bool:
        number = tags.get(resources.tag("version"), "")
        if tags.get(resources.tag("stage")) != self.stage or not number.isdecimal():
            return False
        version = self.ledger.version(tags.get(resources.tag("model"), ""), int(number))
        if version is None:
            return True
        return name != resources.in_sagemaker(self.stage, version.model, version.version, version.endpoint)
