"""Caches of the ledger in one process: a route for a few seconds, a version for the life of the process.

A read of the route for every request would add a call to each. The fields of a version that never change are
read once. While the ledger cannot be read, the last known route keeps serving; a process that has none cached
raises `NotServingError`, which callers may retry.
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
"""Longest age of a cached route, in seconds: a promotion, rollback or withdrawal takes effect within this time."""
RETRY_AFTER_SECONDS = 5
"""Seconds after which a caller may retry when the ledger cannot be read."""
_UNREADABLE = (RefusedError, UnreachableError, TimeoutError)
"""Errors of reading the ledger without an SDK."""
_SERVER = 500
_log = logging.getLogger(__name__)


@contextmanager
def _retryable() -> Iterator[None]:
    """Turn a transient failure to read the ledger into `NotServingError`; other errors are raised as they are."""
    try:
        yield
    except _UNREADABLE as error:
        if isinstance(error, RefusedError) and not (error.busy or error.status >= _SERVER):
            raise
        raise NotServingError("the ledger cannot be read", RETRY_AFTER_SECONDS) from error


class RouteCache:
    """Reads routes through a cache; thread-safe.

    Parameters
    ----------
    ledger
        Source of the routes.
    clock
        Monotonic clock, in seconds.
    """

    def __init__(self, ledger: Ledger, clock: Callable[[], float]) -> None:
        self._ledger = ledger
        self._clock = clock
        self._routes: dict[str, tuple[float, Route]] = {}

    def route(self, model: str) -> Route:
        """Return the route of a model, at most `ROUTE_SECONDS` old; while the ledger is unreadable, the last one.

        Raises
        ------
        NotServingError
            The model has no champion (such a route is never cached), or the ledger cannot be read and no
            route is cached.
        """
        now = self._clock()
        read_at, route = self._routes.get(model, (0.0, None))
        if route is None or now - read_at >= ROUTE_SECONDS:
            route = self._look_up(model, route)
            # After a failed read too: later requests do not wait for a ledger that has just failed.
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
    """Reads versions through a cache; thread-safe.

    Parameters
    ----------
    ledger
        Source of the versions.
    stage
        Name of the stage.
    """

    def __init__(self, ledger: Ledger, stage: str) -> None:
        self._ledger = ledger
        self._stage = stage
        self._known: dict[tuple[str, int], tuple[Version, Place]] = {}

    def version(self, model: str, number: int) -> Version | None:
        """Return a version as it was registered, or None when the ledger does not have it.

        State, reason and endpoint are as old as the cache entry, and may have changed since.

        Raises
        ------
        NotServingError
            The ledger cannot be read, and the version is not cached.
        """
        return (self._known.get((model, number)) or self._look_up(model, number))[0]

    def place(self, model: str, number: int) -> Place:
        """Return where a version is hosted; an endpoint when the ledger does not have the version.

        Raises
        ------
        NotServingError
            The ledger cannot be read, and the version is not cached.
        """
        return (self._known.get((model, number)) or self._look_up(model, number))[1]

    def _look_up(self, model: str, number: int) -> tuple[Version | None, Place]:
        with _retryable():
            version = self._ledger.version(model, number)
        in_lambda = version is not None and version.in_lambda
        place = resources.place(self._stage, model, number, in_lambda=in_lambda)
        if version is not None:
            self._known[model, number] = (version, place)
        return version, place
