"""A candidate beside the champion, without the run that leads to it."""

from __future__ import annotations

from collections.abc import Callable
from itertools import count
from typing import Any

from lambdas.aws.dynamo.version_stats import LiveCounts
from relearn.naming import resources
from relearn.traffic import route as routing
from relearn.traffic.route import Route
from relearn.traffic.version_stats import Live
from tests.support.world import MOVED, STAGE, TABLE, World

CHAMPION, CANDIDATE = 1, 2
Brain = Callable[[str, Any], tuple[int, Any]]


def try_candidate(world: World, model: str = "flowers", *, weight: int = 0, shadow: bool = False) -> Route:
    """Make version 1 the champion and version 2 its candidate; return the route."""
    world.serve(model)
    endpoint = resources.endpoint(STAGE, model, CANDIDATE)
    world.sagemaker.endpoints[endpoint] = {"EndpointStatus": "InService", "looks": 0}
    old = world.ledger.route(model)
    new = routing.watch(old, CANDIDATE, CHAMPION, weight=weight, shadow=shadow)
    world.ledger.write_route(model, old, new, {}, MOVED)
    return new


def behave(world: World, version: int, brain: Brain) -> None:
    """Replace the behaviour of one version's container."""
    usual = world.sagemaker.brain

    def answer(endpoint: str, body: Any) -> tuple[int, Any]:
        return (brain if endpoint.endswith(f"-v{version}") else usual)(endpoint, body)

    world.sagemaker.brain = answer


def fail(_endpoint: str, _body: Any) -> tuple[int, Any]:
    return 500, {"error": "broken"}


def counted(world: World, route: Route, version: int, model: str = "flowers") -> Live:
    """Return the version's live counts in this rollout step."""
    return LiveCounts(world.dynamodb, TABLE, world.clock).total(model, route.revision, version)


def key_of(route: Route, version: int) -> str:
    """Return a caller key that is routed to this version."""
    return next(key for number in count() if routing.choose(route, key := f"caller-{number}") == version)


def by(key: str) -> dict[str, Any]:
    """Return a request's headers with a caller key."""
    return {"headers": {"content-type": "application/json", "x-relearn-key": key}}
