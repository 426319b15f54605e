"""Routes, remembered for a few seconds: reading one for every request would cost each of them a call.

While the ledger cannot be read, the last known route keeps serving.
"""

from __future__ import annotations

import logging
from collections.abc import Callable

from lambdas.aws.dynamo.ledger import Ledger
from lambdas.http import not_serving
from lambdas.serving import ledger_unavailable
from relearn.traffic.route import Route

ROUTE_SECONDS = 5.0
"""For how long a route may be remembered: a promotion, rollback or withdrawal takes effect within this."""
_log = logging.getLogger(__name__)


class RouteMemory:
    """Reads routes; for any number of threads.

    Parameters
    ----------
    ledger
        Where they are.
    clock
        Seconds that only grow.
    """

    def __init__(self, ledger: Ledger, clock: Callable[[], float]) -> None:
        self._ledger = ledger
        self._clock = clock
        self._routes: dict[str, tuple[float, Route]] = {}

    def route(self, model: str) -> Route:
        """Give the route of a model as it was a few seconds ago at most, or as it was last known.

        Raises
        ------
        NotServingError
            Nothing serves; only a route that does is remembered. Or the ledger cannot be read, and none is.
        """
        now = self._clock()
        read_at, route = self._routes.get(model, (0.0, None))
        if route is None or now - read_at >= ROUTE_SECONDS:
            route = self._look_up(model, route)
            # Also what could not be read anew: no request waits for the ledger that one just waited for in vain.
            self._routes[model] = (now, route)
        return route

    def _look_up(self, model: str, known: Route | None) -> Route:
        if known is None:
            with ledger_unavailable.told():
                return self._read(model)
        try:
            return self._read(model)
        except ledger_unavailable.ERRORS as error:
            _log.warning("the route cannot be read: %s", error, extra={"model": model})
            return known

    def _read(self, model: str) -> Route:
        route = self._ledger.route(model)
        if not route.champion:
            raise not_serving.why(self._ledger, model)
        return route
