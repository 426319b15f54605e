"""A candidate is taken out of the route whoever else writes it just then."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from lambdas.aws.dynamo.ledger import Ledger
from lambdas.runs import withdrawal
from relearn.errors import ConflictError
from relearn.traffic.route import Change, Route, freeze
from tests.support.candidates import CANDIDATE, try_candidate
from tests.support.world import MOVED, World

BY_RUN = Change("withdrawn", "run r", "it does harm")
Write = Callable[[Route], Route]


def beaten(world: World, times: int, other: Write) -> Ledger:
    """A ledger whose writes of the route come after somebody else's, so often."""
    left = times

    class Beaten(Ledger):
        def write_route(self, model: str, old: Route, new: Route, *more: Any) -> None:
            nonlocal left
            if left:
                left -= 1
                now = self.route(model)
                super().write_route(model, now, other(now), {}, MOVED)
            super().write_route(model, old, new, *more)

    honest = world.ledger
    return Beaten(honest._table, honest._clock)


def heavier(route: Route) -> Route:
    return replace(route, weight=route.weight + 1, revision=route.revision + 1)


def frozen(route: Route) -> Route:
    return freeze(route, frozen=True)


@pytest.mark.parametrize("other", [heavier, frozen])
def test_a_write_that_came_first_is_no_hindrance(world: World, other: Write) -> None:
    try_candidate(world, weight=10)
    withdrawal.withdraw(beaten(world, 1, other), "flowers", CANDIDATE, BY_RUN)
    route = world.ledger.route("flowers")
    assert (route.candidate, route.weight, route.frozen) == (0, 0, other is frozen)


def test_writes_that_never_end_are_an_error(world: World) -> None:
    try_candidate(world, weight=10)
    with pytest.raises(ConflictError, match="first came revision"):
        withdrawal.withdraw(beaten(world, 99, heavier), "flowers", CANDIDATE, BY_RUN)


def test_what_is_not_tried_any_more_needs_no_write(world: World) -> None:
    world.serve()
    before = world.ledger.route("flowers")
    assert withdrawal.withdraw(world.ledger, "flowers", CANDIDATE, BY_RUN) == before
    assert world.ledger.route("flowers") == before
