"""What answers for a model, who may change that, and which versions it needs."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from relearn.errors import ConflictError, FrozenRouteError
from relearn.traffic import route as routing
from relearn.traffic.route import Route

VERSIONS = st.integers(1, 50)
TRIED = Route(champion=3, previous=2, revision=7, candidate=4, weight=10)


@st.composite
def routes(draw: st.DrawFn) -> Route:
    champion, previous, candidate = draw(st.permutations(range(1, 6)).map(lambda found: found[:3]))
    tried = draw(st.booleans())
    return Route(
        champion=champion,
        previous=draw(st.sampled_from([0, previous])),
        revision=draw(st.integers(0, 9)),
        candidate=candidate if tried else 0,
        weight=draw(st.integers(0, 99)) if tried else 0,
        shadow=draw(st.booleans()) if tried else False,
        frozen=False,
    )


def test_the_first_promotion_has_no_previous() -> None:
    assert routing.promote(Route(), 1, 0) == Route(champion=1, previous=0, revision=1)


def test_a_promotion_keeps_the_champion_as_the_previous_one() -> None:
    assert routing.promote(Route(3, 2, 7), 4, 3) == Route(champion=4, previous=3, revision=8)


def test_a_promotion_ends_what_was_tried() -> None:
    assert routing.promote(TRIED, 4, 3) == Route(champion=4, previous=3, revision=8)


@given(VERSIONS, st.integers(0, 50), st.integers(0, 9))
def test_promoting_twice_is_promoting_once(version: int, judged: int, revision: int) -> None:
    route = Route(champion=judged, previous=0, revision=revision)
    once = routing.promote(route, version, judged)
    assert routing.promote(once, version, judged) is once


@given(VERSIONS, VERSIONS, st.integers(0, 50))
def test_a_version_judged_against_another_champion_is_refused(
    version: int, champion: int, judged: int
) -> None:
    route = Route(champion=champion, previous=0, revision=1)
    if champion not in (version, judged):
        with pytest.raises(ConflictError, match=f"but version {champion} serves"):
            routing.promote(route, version, judged)
        with pytest.raises(ConflictError, match=f"but version {champion} serves"):
            routing.watch(route, version, judged, weight=10)


def test_while_one_version_is_tried_another_has_to_wait() -> None:
    for move in (routing.promote, routing.watch):
        with pytest.raises(ConflictError, match="version 4 is being tried"):
            move(TRIED, 5, 3)


@given(st.integers(0, 99), st.booleans())
def test_trying_the_same_again_changes_nothing(weight: int, shadow: bool) -> None:  # noqa: FBT001
    once = routing.watch(Route(3, 2, 7), 4, 3, weight=weight, shadow=shadow)
    assert routing.watch(once, 4, 3, weight=weight, shadow=shadow) is once


@pytest.mark.parametrize("weight", [-1, 100])
def test_a_candidate_never_gets_all_requests(weight: int) -> None:
    with pytest.raises(ValueError, match="0 to 99"):
        routing.watch(Route(3), 4, 3, weight=weight)


def test_a_version_that_is_withdrawn_gets_nothing_more_and_the_champion_stays() -> None:
    assert routing.withdraw(TRIED, 4) == Route(champion=3, previous=2, revision=8)
    assert routing.withdraw(TRIED, 5) is TRIED


@given(routes(), st.integers(0, 5))
def test_a_rollback_keeps_what_served_as_the_previous_one(route: Route, to: int) -> None:
    wanted = to or route.previous
    if wanted in (0, route.champion):
        with pytest.raises(ConflictError):
            routing.roll_back(route, to)
        return
    moved = routing.roll_back(route, to)
    assert (moved.champion, moved.previous) == (wanted, route.champion)
    assert (moved.candidate, moved.weight, moved.shadow) == (0, 0, False)


@pytest.mark.parametrize("move", [routing.roll_back, routing.promote_by_hand])
def test_a_version_does_not_take_its_own_place(move: Callable[[Route, int], Route]) -> None:
    with pytest.raises(ConflictError, match=r"^version 3 serves already$"):
        move(Route(champion=3, previous=2), 3)


def test_a_version_that_was_rolled_back_from_comes_back_only_when_it_is_named() -> None:
    once = routing.roll_back(Route(champion=3, previous=2, revision=7))
    assert once == Route(champion=2, previous=3, revision=8, rolled_back=True)
    with pytest.raises(ConflictError, match="version 3 was rolled back from, and version 2 serves since"):
        routing.roll_back(once)
    assert routing.roll_back(once, 3).champion == 3
    assert routing.roll_back(once, 1).champion == 1


@given(routes(), st.integers(1, 5))
def test_after_any_rollback_another_one_has_to_name_its_version(route: Route, to: int) -> None:
    if to == route.champion:
        return
    with pytest.raises(ConflictError, match=f"version {route.champion} was rolled back from"):
        routing.roll_back(routing.roll_back(route, to))


@pytest.mark.parametrize(
    "move",
    [
        lambda route: routing.freeze(route, frozen=True),
        lambda route: routing.withdraw(routing.watch(route, 5, 2, weight=10), 5),
    ],
)
def test_what_moves_no_champion_does_not_make_a_second_rollback_possible(
    move: Callable[[Route], Route],
) -> None:
    once = routing.roll_back(Route(champion=3, previous=2, revision=7))
    with pytest.raises(ConflictError, match="was rolled back from"):
        routing.roll_back(move(once))


@pytest.mark.parametrize(
    "move", [lambda route: routing.promote(route, 4, 2), lambda route: routing.promote_by_hand(route, 4)]
)
def test_after_a_promotion_a_rollback_leads_to_what_served_before_it(move: Callable[[Route], Route]) -> None:
    once = routing.roll_back(Route(champion=3, previous=2, revision=7))
    assert routing.roll_back(move(once)).champion == 2


def test_runs_leave_a_frozen_route_alone_and_people_can_still_roll_back() -> None:
    frozen = routing.freeze(TRIED, frozen=True)
    assert frozen == Route(champion=3, previous=2, revision=8, frozen=True)
    for move in (routing.promote, routing.watch):
        with pytest.raises(FrozenRouteError):
            move(frozen, 4, 3)
    assert routing.roll_back(frozen) == Route(
        champion=2, previous=3, revision=9, frozen=True, rolled_back=True
    )
    assert routing.freeze(frozen, frozen=True) is frozen
    assert not routing.freeze(frozen, frozen=False).frozen


@given(routes(), st.integers(0, 5))
def test_every_change_is_a_new_revision(route: Route, version: int) -> None:
    moves: list[Callable[[], Route]] = [
        lambda: routing.promote(route, version, route.champion),
        lambda: routing.watch(route, version, route.champion, weight=5),
        lambda: routing.withdraw(route, version),
        lambda: routing.roll_back(route, version),
        lambda: routing.promote_by_hand(route, version),
        lambda: routing.freeze(route, frozen=True),
    ]
    for move in moves:
        try:
            moved = move()
        except ConflictError:
            continue
        assert moved is route or moved.revision == route.revision + 1


@given(st.text(max_size=9), st.integers(1, 98), st.integers(1, 98))
def test_a_caller_of_a_small_canary_stays_with_the_candidate_as_it_grows(key: str, a: int, b: int) -> None:
    low, high = sorted((a, b))
    if routing.choose(Route(3, 2, 7, 4, low), key) == 4:
        assert routing.choose(Route(3, 2, 7, 4, high), key) == 4


@pytest.mark.parametrize("weight", [0, 10, 50, 99])
def test_the_share_of_callers_is_the_weight(weight: int) -> None:
    route = Route(3, 2, 7, 4, weight)
    chosen = Counter(routing.choose(route, f"caller {number}") for number in range(20_000))
    assert chosen[4] / 20_000 == pytest.approx(weight / 100, abs=0.01)
    assert set(chosen) <= {3, 4}


def test_another_candidate_is_tried_on_other_callers() -> None:
    keys = [f"caller {number}" for number in range(1000)]
    tried = [{key for key in keys if routing.choose(Route(3, 2, 7, n, 10), key) == n} for n in (4, 5)]
    assert len(tried[0] & tried[1]) < min(map(len, tried)) / 2


@given(routes(), st.sets(VERSIONS))
def test_nothing_the_route_names_and_nothing_on_its_way_up_is_retired(
    route: Route, versions: set[int]
) -> None:
    retired = routing.to_retire(route, versions)
    assert not set(retired) & route.named
    assert all(version < route.champion for version in retired)
    assert retired == sorted(retired)
    assert {v for v in versions if v < route.champion} - route.named == set(retired)


@given(routes())
def test_what_is_withdrawn_gets_no_request_and_no_copy(route: Route) -> None:
    left = routing.withdraw(replace(route, candidate=9, weight=10, shadow=True), 9)
    assert (left.candidate, left.weight, left.shadow) == (0, 0, False)
