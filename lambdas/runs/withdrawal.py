"""Takes a version that is tried beside the champion out of the route, whoever else writes it just then."""

from __future__ import annotations

from lambdas.aws.dynamo.ledger import Ledger, VersionSteps
from relearn.errors import ConflictError
from relearn.traffic import route as routing
from relearn.traffic.route import Change, Route

TRIES = 5


def withdraw(
    ledger: Ledger, model: str, version: int, change: Change, steps: VersionSteps | None = None
) -> Route:
    """Send nothing more to a version; that it gets nothing already is no error.

    Parameters
    ----------
    ledger
        The ledger.
    model, version
        Which version of which model.
    change
        Who does so, and why.
    steps
        What becomes of versions with it, all or nothing.

    Raises
    ------
    ConflictError
        A version is not in the state given, or `TRIES` others in a row wrote the route first.
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
