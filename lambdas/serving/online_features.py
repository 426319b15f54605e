"""Completes instances that name their entity: what they leave out is looked up for the version that will answer."""

from __future__ import annotations

from typing import Any

from lambdas.aws.fast.online_features import OnlineReader
from lambdas.serving.request_context import RequestContext
from relearn.records import online_features
from relearn.spec.model import ModelSpec

Instances = list[dict[str, Any]]


class Lookup:
    """Completes instances.

    Parameters
    ----------
    reader
        Reads the online table.
    """

    def __init__(self, reader: OnlineReader) -> None:
        self._reader = reader

    def complete(
        self, spec: ModelSpec, version: int, instances: Instances, context: RequestContext
    ) -> Instances:
        """Give instances with all that they leave out; those that are complete cost nothing.

        Parameters
        ----------
        spec, version
            The model, and the version that will answer.
        instances
            Checked.
        context
            The request.

        Raises
        ------
        InvalidInstancesError
            An entity is not known to the version.
        TimeoutError
            The request has no time left.
        """
        entities = online_features.entities(spec, instances)
        if not entities:
            return instances
        with context.phase("features"):
            known = self._reader.look_up(spec.name, version, entities, context.seconds_left)
        context.looked_up, context.unknown = len(entities), len(entities) - len(known)
        return online_features.fill(spec, version, instances, known)
