"""Answers the operations that people carry out by hand: read a route, change it, decide on a version that waits."""

from __future__ import annotations

import re
from dataclasses import asdict, dataclass
from typing import Any

from lambdas.aws.dynamo.ledger import Ledger
from lambdas.http import version_views
from lambdas.http.request import Request
from lambdas.rollout.approvals import Approvals
from lambdas.rollout.route_changes import RouteChanges
from lambdas.runtime.catalog import Catalog
from relearn.errors import NotFoundError
from relearn.lifecycle import approval
from relearn.spec.columns import shown
from relearn.traffic import route_changes
from relearn.traffic.route import Route, RouteWrite
from relearn.traffic.route_changes import Restore

NEWEST = 20
"""Number of the newest route writes in an answer."""


_NUMBER = re.compile(r"[1-9][0-9]{0,8}")


@dataclass(frozen=True, kw_only=True, slots=True)
class RouteOperations:
    """Reports and changes routes, and records decisions on versions.

    Parameters
    ----------
    ledger
        Holds routes and versions.
    catalog
        Specs of all models.
    route_changes
        Changes routes.
    approvals
        Records decisions on versions that wait.
    """

    ledger: Ledger
    catalog: Catalog
    route_changes: RouteChanges
    approvals: Approvals

    def get_route(self, request: Request) -> dict[str, Any]:
        """Return a model's route."""
        model = self.catalog.spec(request.parameters["model"]).name
        return self._tell(model, self.ledger.route(model), self.ledger.restore(model))

    def change_route(self, request: Request) -> dict[str, Any]:
        """Change a model's route, and return it."""
        model = self.catalog.spec(request.parameters["model"]).name
        asked = route_changes.check_change(request.json())
        route, restore = self.route_changes.change(model, asked, request.caller)
        return self._tell(model, route, restore or self.ledger.restore(model))

    def decide_version(self, request: Request) -> dict[str, Any]:
        """Record the decision on a version that waits, and return the version."""
        model = self.catalog.spec(request.parameters["model"]).name
        asked, given = approval.check_decision(request.json()), request.parameters["version"]
        number = int(given) if _NUMBER.fullmatch(given) else 0
        if not number:
            raise NotFoundError(f"model {model} has no version {shown(given)}; a version is a whole number")
        return version_views.brief(self.approvals.decide(model, number, asked, request.caller))

    def _tell(self, model: str, route: Route, restore: Restore | None) -> dict[str, Any]:
        return {
            "model": model,
            **_route(route),
            "restore": None if restore is None else _restore(restore),
            "history": [_moved(one) for one in self.ledger.route_history(model, newest=NEWEST)],
        }


def _route(route: Route) -> dict[str, Any]:
    return {
        "revision": route.revision,
        "champion": route.champion or None,
        "previous": route.previous or None,
        "candidate": route.candidate or None,
        "weight": route.weight,
        "shadow": route.shadow,
        "frozen": route.frozen,
    }


def _restore(restore: Restore) -> dict[str, Any]:
    return {**asdict(restore), "ended_at": restore.ended_at or None}


def _moved(moved: RouteWrite) -> dict[str, Any]:
    return {**_route(moved.route), **asdict(moved.change), "at": moved.at}
