"""Removes what belongs to no version: endpoints, configs and models of the stage that the ledger does not know."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta

from lambdas.aws.dynamo.ledger import Ledger
from lambdas.aws.sagemaker.endpoints import Endpoints
from relearn.errors import ConflictError
from relearn.naming import resources

YOUNG = timedelta(minutes=2)
"""What is younger is let alone: it may be in the making."""
_log = logging.getLogger(__name__)


class OrphanedEndpoints:
    """Finds and removes orphaned endpoints; by their tags, so that resources of others are never removed.

    Parameters
    ----------
    ledger, endpoints
        Adapters.
    stage
        Name of the stage.
    clock
        Returns the time, aware.
    """

    def __init__(
        self, *, ledger: Ledger, endpoints: Endpoints, stage: str, clock: Callable[[], datetime]
    ) -> None:
        self._ledger = ledger
        self._endpoints = endpoints
        self._stage = stage
        self._clock = clock

    def remove(self) -> list[str]:
        """Remove every orphan.

        A version's record names its endpoint before it is made and until it is gone, and what the route names
        has a record: so what no record names, nobody is sent to.

        Returns
        -------
        list of str
            Their names; of one that is not gone yet the rest follows with the next call.
        """
        gone = []
        for name in sorted(self._orphans()):
            _log.warning("%s belongs to no version: it is removed", name)
            try:
                self._endpoints.remove(name)
            except ConflictError as error:
                _log.warning("%s", error)
            gone.append(name)
        return gone

    def _orphans(self) -> set[str]:
        old = (one for one in self._endpoints.all() if self._clock() - one.made_at > YOUNG)
        return {one.name for one in old if self._is_orphan(one.name, self._endpoints.tags(one.arn))}

    def _is_orphan(self, name: str, tags: Mapping[str, str]) -> bool:
        number = tags.get(resources.tag("version"), "")
        if tags.get(resources.tag("stage")) != self._stage or not number.isdecimal():
            return False
        version = self._ledger.version(tags.get(resources.tag("model"), ""), int(number))
        if version is None:
            return True
        return name != resources.in_sagemaker(self._stage, version.model, version.version, version.endpoint)
