"""Answers the read-only operations on models: the list of models, their state, versions and runs.

It also answers the Open Inference Protocol's metadata and readiness operations, below ``/v2``, and every
request that matches no operation, so that even that one gets a problem document.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from lambdas.aws.dynamo.ledger import Ledger
from lambdas.http import not_serving, run_views, version_views
from lambdas.http.request import Request
from lambdas.runtime.catalog import Catalog
from lambdas.serving import readiness
from relearn.api import json_schema
from relearn.api.open_inference import model as tensors
from relearn.errors import NotFoundError
from relearn.lifecycle.runs import Version
from relearn.spec.model import ModelSpec

_LONGEST_RUN_ID = 100


@dataclass(frozen=True, kw_only=True, slots=True)
class Models:
    """Describes models.

    Parameters
    ----------
    ledger
        Holds the models' routes, versions and runs.
    catalog
        Specs and sample instances of all models.
    """

    ledger: Ledger
    catalog: Catalog

    def list_models(self, _request: Request) -> dict[str, Any]:
        """Return a summary of every model that is no sandbox model."""
        return {"models": [self._brief(spec) for spec in self.catalog.listed.values()]}

    def get_model(self, request: Request) -> dict[str, Any]:
        """Return the details of one model: state, metrics of the champion, request schema, sample instances, lookup."""
        spec = self._spec(request)
        brief = self._brief(spec)
        live = self.ledger.version(spec.name, brief["version"]) if brief["version"] else None
        return {
            **brief,
            "metrics": {} if live is None else live.metrics,
            "waiting_for": None if brief["version"] else not_serving.why(self.ledger, spec.name).waiting_for,
            "request_schema": json_schema.request_schema(spec),
            "sample": {"instances": self.catalog.samples[spec.name]},
            "target": {"name": spec.target.name, **json_schema.column_schema(spec.target)},
            "lookup": _lookup(spec, live),
        }

    def list_versions(self, request: Request) -> dict[str, Any]:
        """Return a model's versions, newest first."""
        found = self.ledger.versions(self._spec(request).name)
        return {"versions": [version_views.brief(version) for version in reversed(found)]}

    def list_runs(self, request: Request) -> dict[str, Any]:
        """Return one page of a model's runs, newest first."""
        return run_views.page(self.ledger, self._spec(request).name, request.query)

    def get_run(self, request: Request) -> dict[str, Any]:
        """Return one run."""
        model, run_id = self._spec(request).name, request.parameters["run"]
        if len(run_id) > _LONGEST_RUN_ID:  # DynamoDB limits the length of a key
            raise NotFoundError(f"model {model} has no run with an id of {len(run_id)} characters")
        return run_views.whole(self.ledger.run(model, run_id))

    def server_metadata(self, _request: Request) -> dict[str, Any]:
        """Return the server's metadata: its name, version and protocol extensions."""
        return tensors.SERVER

    def server_live(self, _request: Request) -> dict[str, Any]:
        """Report that the server is live; an answer is the proof."""
        return {"live": True}

    def server_ready(self, _request: Request) -> dict[str, Any]:
        """Report that all models serve."""
        return readiness.server(self.ledger, self.catalog.listed)

    def model_metadata(self, request: Request) -> dict[str, Any]:
        """Return the metadata of one model: its input and output tensors."""
        return tensors.metadata(self._spec(request))

    def model_ready(self, request: Request) -> dict[str, Any]:
        """Report that one model serves."""
        return readiness.model(self.ledger, self._spec(request).name)

    def _spec(self, request: Request) -> ModelSpec:
        return self.catalog.spec(request.parameters["model"])

    def _brief(self, spec: ModelSpec) -> dict[str, Any]:
        champion = self.ledger.route(spec.name).champion
        return {
            "name": spec.name,
            "title": spec.title,
            "kind": spec.kind,
            "state": "live" if champion else "waiting",
            "version": champion or None,
            "metric": {"name": spec.metric.name, "better": spec.metric.better},
        }


def _lookup(spec: ModelSpec, live: Version | None) -> dict[str, Any] | None:
    """Return the column by which requests look up entities, the number of known entities, and their features' time.

    None when the model looks up nothing. Without a champion the number is 0.
    """
    if spec.looked_up_by is None:
        return None
    known = {} if live is None else live.online
    return {"column": spec.looked_up_by, "entities": known.get("rows", 0), "as_of": known.get("as_of")}
