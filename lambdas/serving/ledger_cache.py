"""What a process remembers of the ledger: a route for a few seconds, a version for as long as the process lives.

Reading a route for every request would cost each of them a call; of a version, what does not change is read once. While
the ledger cannot be read, the last known route keeps serving; a process that knows none answers with a retryable error.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from lambdas.aws.dynamo.ledger import Ledger
from lambdas.aws.fast.client import RefusedError
from lambdas.aws.fast.connections import UnreachableError
from lambdas.http import not_serving
from relearn.errors import NotServingError
from relearn.lifecycle.runs import Version
from relearn.naming import resources
from relearn.naming.resources import Place
from relearn.traffic.route import Route

ROUTE_SECONDS = 5.0
"""For how long a route may be remembered: a promotion, rollback or withdrawal takes effect within this."""
RETRY_AFTER_SECONDS = 5
_UNREADABLE = (RefusedError, UnreachableError, TimeoutError)
"""What reading the ledger without an SDK may end with."""
_SERVER = 500
_log = logging.getLogger(__name__)


@contextmanager
def _retryable() -> Iterator[None]:
    """Turn a transient failure to read the ledger into `NotServingError`; another one is a fault of ours, and stays."""
    try:
        yield
    except _UNREADABLE as error:
        if isinstance(error, RefusedError) and not (error.busy or error.status >= _SERVER):
            raise
        raise NotServingError("the ledger cannot be read", RETRY_AFTER_SECONDS) from error


class RouteCache:
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
            with _retryable():
                return self._read(model)
        try:
            return self._read(model)
        except _UNREADABLE as error:
            _log.warning("the route cannot be read: %s", error, extra={"model": model})
            return known

    def _read(self, model: str) -> Route:
        route = self._ledger.route(model)
        if not route.champion:
            raise not_serving.why(self._ledger, model)
        return route


class VersionCache:
    """Reads versions; for any number of threads.

    Parameters
    ----------
    ledger
        Where they are.
    stage
        Name of the stage.
    """

    def __init__(self, ledger: Ledger, stage: str) -> None:
        self._ledger = ledger
        self._stage = stage
        self._known: dict[tuple[str, int], tuple[Version, Place]] = {}

    def version(self, model: str, number: int) -> Version | None:
        """Return a version as it was registered; None when the ledger does not know it.

        State, reason and endpoint are those of the time when it was read.

        Raises
        ------
        NotServingError
            The ledger cannot be read, and the version is not remembered.
        """
        return self._look_up(model, number)[0]

    def place(self, model: str, number: int) -> Place:
        """Return where a version is hosted; one that the ledger does not know has an endpoint.

        Raises
        ------
        NotServingError
            As `version`.
        """
        return self._look_up(model, number)[1]

    def _look_up(self, model: str, number: int) -> tuple[Version | None, Place]:
        if (known := self._known.get((model, number))) is not None:
            return known
        with _retryable():
            version = self._ledger.version(model, number)
        in_lambda = version is not None and version.in_lambda
        place = resources.place(self._stage, model, number, in_lambda=in_lambda)
        if version is not None:
            self._known[model, number] = (version, place)
        return version, place
