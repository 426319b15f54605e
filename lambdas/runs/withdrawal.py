"""Withdraws a version under trial from the route, despite concurrent writers."""

from __future__ import annotations

from lambdas.aws.dynamo.ledger import Ledger, VersionSteps
from relearn.errors import ConflictError
from relearn.traffic import route as routing
from relearn.traffic.route import Change, Route

TRIES = 5
"""Conflicting writes of a route after which a withdrawal fails."""


def withdraw(
    ledger: Ledger, model: str, version: int, change: Change, steps: VersionSteps | None = None
) -> Route:
    """Remove a version from the route, so that it gets no more requests; return the route, unchanged if it got none.

    Parameters
    ----------
    ledger
        Holds the route.
    model, version
        The version to withdraw.
    change
        Who withdraws it, and why.
    steps
        State changes of versions written in the same transaction.

    Raises
    ------
    ConflictError
        A version is not in the expected state, or `TRIES` other writers in a row changed the route first.
    """
    tries = 0
    while True:
        route = ledger.route(model)
        new = routing.withdraw(route, version)
        if new is route:
            return route
        try:
            ledger.write_route(model, route, new, steps or {}, change)
        except ConflictError:
            tries += 1
            if tries == TRIES or ledger.route(model).revision == route.revision:
                raise
        else:
            return new
