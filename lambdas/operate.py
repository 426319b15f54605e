"""Answers ``/v1/models/{model}/route``: how a route stands and how it came to, and changes by hand."""

from __future__ import annotations

from dataclasses import asdict
from functools import cache
from typing import Any

from lambdas import catalog, http, wiring
from lambdas.aws.ledger import Ledger
from lambdas.catalog import Catalog
from lambdas.config import Config
from lambdas.http import Request
from lambdas.logs import entry
from lambdas.operating import Operating
from relearn import operations, routes
from relearn.operations import Restore
from relearn.routing import Moved, Route

NEWEST = 20
"""Writes of a route that are told."""


class Operate:
    """Tells and changes routes.

    Parameters
    ----------
    ledger
        The ledger.
    catalog
        The models.
    operating
        Does what is asked.
    """

    def __init__(self, *, ledger: Ledger, catalog: Catalog, operating: Operating) -> None:
        self._ledger = ledger
        self._catalog = catalog
        self._operating = operating

    def answer(self, request: Request) -> dict[str, Any]:
        """Do the operation that was asked for.

        Raises
        ------
        Exception
            One of `lambdas.http.PROBLEMS`.
        """
        model = self._catalog.spec(request.parameters["model"]).name
        if request.route == routes.GET_ROUTE.key:
            return self._tell(model, self._ledger.route(model), self._ledger.restore(model))
        asked = operations.check_change(request.json())
        route, restore = self._operating.change(model, asked, request.caller)
        return self._tell(model, route, restore or self._ledger.restore(model))

    def _tell(self, model: str, route: Route, restore: Restore | None) -> dict[str, Any]:
        return {
            "model": model,
            **_route(route),
            "restore": None if restore is None else _restore(restore),
            "history": [_moved(one) for one in self._ledger.route_history(model, newest=NEWEST)],
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


def _moved(moved: Moved) -> dict[str, Any]:
    return {**_route(moved.route), **asdict(moved.change), "at": moved.at}


@cache
def operate() -> Operate:
    """Make the function's one service."""
    config = Config.from_env()
    return Operate(ledger=wiring.ledger(config), catalog=catalog.load(), operating=wiring.operating(config))


@entry
def handler(event: Any, _context: Any) -> dict[str, Any]:
    """Answer what is asked about a route, or change it."""
    return http.serve(event, lambda request: operate().answer(request))
