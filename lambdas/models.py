"""Answers ``GET /v1/models`` and ``GET /v1/models/{model}``: what there is, and how it stands."""

from __future__ import annotations

from functools import cache
from typing import Any

from lambdas import catalog, http, waiting, wiring
from lambdas.aws.ledger import Ledger
from lambdas.catalog import Catalog
from lambdas.config import Config
from lambdas.http import Request
from lambdas.logs import entry
from relearn import schema
from relearn.spec import ModelSpec


class Models:
    """Describes models.

    Parameters
    ----------
    ledger
        The ledger.
    catalog
        The models.
    """

    def __init__(self, *, ledger: Ledger, catalog: Catalog) -> None:
        self._ledger = ledger
        self._catalog = catalog

    def answer(self, request: Request) -> dict[str, Any]:
        """Describe the model that the path names, or list all when it names none."""
        if request.model is None:
            return {"models": [self._brief(spec) for spec in self._catalog.specs.values()]}
        return self._whole(self._catalog.spec(request.model))

    def _brief(self, spec: ModelSpec) -> dict[str, Any]:
        champion = self._ledger.route(spec.name).champion
        return {
            "name": spec.name,
            "title": spec.title,
            "kind": spec.kind,
            "state": "live" if champion else "waiting",
            "version": champion or None,
        }

    def _whole(self, spec: ModelSpec) -> dict[str, Any]:
        brief = self._brief(spec)
        live = self._ledger.version(spec.name, brief["version"]) if brief["version"] else None
        return {
            **brief,
            "metrics": {} if live is None else live.metrics,
            "waiting_for": None if brief["version"] else waiting.why(self._ledger, spec.name).waiting_for,
            "request_schema": schema.request_schema(spec),
            "sample": {"instances": self._catalog.samples[spec.name]},
            "target": {"name": spec.target.name, **schema.column_schema(spec.target)},
        }


@cache
def models() -> Models:
    """Make the function's one service."""
    return Models(ledger=wiring.ledger(Config.from_env()), catalog=catalog.load())


@entry
def handler(event: Any, _context: Any) -> dict[str, Any]:
    """Describe one model, or all."""
    return http.serve(event, lambda request: models().answer(request))
