"""A person's change of a route: what may be asked for, and what the route and its versions become."""

from __future__ import annotations

import pytest

from relearn.errors import ConflictError, InvalidChangeError
from relearn.lifecycle.runs import Version, VersionState
from relearn.traffic import route_changes
from relearn.traffic.route import Route
from relearn.traffic.route_changes import Action, Restore, RouteChangeRequest

WHY = {"why": "it answers worse"}


def refused(body: object) -> dict[str, str]:
    with pytest.raises(InvalidChangeError) as caught:
        route_changes.check_change(body)
    return {error.pointer: error.detail for error in caught.value.errors}


def test_a_change_is_read_as_it_was_asked_for() -> None:
    asked = route_changes.check_change({"action": "promote", "version": 1, "revision": 0, **WHY})
    assert asked == RouteChangeRequest(action=Action.PROMOTE, version=1, revision=0, why="it answers worse")


@pytest.mark.parametrize("action", ["rollback", "freeze", "unfreeze"])
def test_a_change_needs_neither_version_nor_revision_unless_it_promotes(action: str) -> None:
    asked = route_changes.check_change({"action": action, **WHY})
    assert asked == RouteChangeRequest(
        action=Action(action), version=0, revision=None, why="it answers worse"
    )


def test_a_change_that_is_none_is_told_what_there_is() -> None:
    told = {"/action": "got 'stop'; allowed: one of rollback, promote, freeze, unfreeze"}
    assert refused({"action": "stop", **WHY}) == told


def test_a_field_that_means_nothing_is_refused_with_those_that_do() -> None:
    told = {"/weight": "unknown field; allowed: action, version, revision, why"}
    assert refused({"action": "rollback", "weight": 1, **WHY}) == told


def test_everything_wrong_with_a_change_is_told_at_once() -> None:
    assert set(refused({"revision": "3"})) == {"/action", "/revision", "/why"}
    assert refused([]) == {"": "got []; allowed: a JSON object"}


@pytest.mark.parametrize(("why", "shown"), [(None, "None"), ("", "''"), ("  ", "'  '"), (7, "7")])
def test_a_change_needs_a_reason(why: object, shown: str) -> None:
    told = {"/why": f"got {shown}; allowed: a reason of 1 to {route_changes.MAX_WHY} characters"}
    assert refused({"action": "rollback", "why": why}) == told


def test_a_reason_may_be_as_long_as_is_said_and_no_longer() -> None:
    longest = "x" * route_changes.MAX_WHY
    assert route_changes.check_change({"action": "rollback", "why": longest}).why == longest
    assert list(refused({"action": "rollback", "why": longest + "x"})) == ["/why"]


@pytest.mark.parametrize(
    ("name", "value", "told"),
    [
        ("revision", -1, "got -1; allowed: a whole number, at least 0"),
        ("revision", True, "got True; allowed: a whole number, at least 0"),
        ("revision", 10**9 + 1, "got 1000000001; allowed: a whole number, at least 0"),
        ("version", 0, "got 0; allowed: a whole number, at least 1"),
        ("version", 1.5, "got 1.5; allowed: a whole number, at least 1"),
    ],
)
def test_a_number_that_no_route_has_is_refused(name: str, value: object, told: str) -> None:
    assert refused({"action": "rollback", name: value, **WHY}) == {f"/{name}": told}


def test_the_largest_number_is_taken() -> None:
    assert route_changes.check_change({"action": "rollback", "version": 10**9, **WHY}).version == 10**9


def test_who_promotes_names_the_version() -> None:
    told = {"/version": "missing; allowed: the number of the version that is to serve"}
    assert refused({"action": "promote", **WHY}) == told


@pytest.mark.parametrize("action", ["freeze", "unfreeze"])
def test_who_stops_the_route_names_no_version(action: str) -> None:
    assert refused({"action": action, "version": 3, **WHY}) == {
        "/version": f"got 3; allowed: none, to {action}"
    }


def test_a_route_that_moved_meanwhile_is_not_changed_unseen() -> None:
    route = Route(champion=2, previous=1, revision=5)
    with pytest.raises(ConflictError, match=r"^the route is at revision 5, not 4: look again$"):
        route_changes.target(RouteChangeRequest(action=Action.ROLLBACK, revision=4), route)
    assert route_changes.target(RouteChangeRequest(action=Action.ROLLBACK, revision=5), route) == 1
    assert route_changes.target(RouteChangeRequest(action=Action.ROLLBACK), route) == 1


@pytest.mark.parametrize(("action", "frozen"), [(Action.FREEZE, True), (Action.UNFREEZE, False)])
def test_who_freezes_moves_no_version(action: Action, *, frozen: bool) -> None:
    route = Route(champion=2, frozen=not frozen)
    assert route_changes.target(RouteChangeRequest(action=action), route) == 0
    moved = route_changes.moved(RouteChangeRequest(action=action), route)
    assert (moved.frozen, moved.champion) == (frozen, 2)


def test_a_promotion_by_hand_serves_the_version_named() -> None:
    route = Route(champion=2, previous=1)
    assert route_changes.moved(RouteChangeRequest(action=Action.PROMOTE, version=7), route).champion == 7
    assert route_changes.moved(RouteChangeRequest(action=Action.ROLLBACK, version=1), route).champion == 1


def test_the_version_that_serves_next_is_live_and_the_one_before_is_previous() -> None:
    version = Version(model="iris", version=7, state=VersionState.RETIRED)
    route = Route(champion=2)
    assert route_changes.steps(route, version) == {
        7: (VersionState.RETIRED, VersionState.LIVE),
        2: (VersionState.LIVE, VersionState.PREVIOUS),
    }
    assert route_changes.steps(Route(), version) == {7: (VersionState.RETIRED, VersionState.LIVE)}
    assert route_changes.steps(route, None) == {}


@pytest.mark.parametrize(("action", "what"), list(route_changes.TOLD.items()))
def test_a_version_deployed_again_for_a_change_leads_to_that_change(action: Action, what: str) -> None:
    restored = Restore(version=3, what=what, why="it was better")
    assert route_changes.finished(restored) == RouteChangeRequest(
        action=action, version=3, why="it was better"
    )


def test_a_version_that_the_route_named_already_leads_to_no_change() -> None:
    assert route_changes.finished(Restore(version=3, what="")) is None


def test_the_same_restore_has_the_same_execution() -> None:
    restore = Restore(version=3, started_at="2026-05-04T10:00:00.123+00:00")
    assert route_changes.execution_name("iris", restore) == "iris-3-20260504T1000001230000"
    assert len(route_changes.execution_name("m" * 90, restore)) == 80


@pytest.mark.parametrize("state", [VersionState.FAILED, VersionState.RETIRED])
def test_only_a_version_that_never_answered_is_unfit(state: VersionState) -> None:
    version = Version(model="iris", version=3, state=state, reason="no endpoint")
    if state is VersionState.FAILED:
        with pytest.raises(ConflictError, match=r"^version 3 of iris failed: no endpoint$"):
            route_changes.refuse_unfit(version)
    else:
        route_changes.refuse_unfit(version)
