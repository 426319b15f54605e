"""Routes, remembered for a few seconds: reading one for every request would cost each of them a call."""

from __future__ import annotations

from collections.abc import Callable

from lambdas import waiting
from lambdas.aws.ledger import Ledger
from relearn.routing import Route

ROUTE_SECONDS = 5.0
"""For how long a route may be remembered: a promotion, rollback or withdrawal takes effect within this."""


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

    def read(self, model: str) -> Route:
        """Give the route of a model as it was a few seconds ago at most.

        Raises
        ------
        NotServingError
            Nothing serves; only a route that does is remembered.
        """
        now = self._clock()
        read_at, route = self._routes.get(model, (0.0, None))
        if route is None or now - read_at >= ROUTE_SECONDS:
            route = self._ledger.route(model)
            if not route.champion:
                raise waiting.why(self._ledger, model)
            self._routes[model] = (now, route)
        return route
