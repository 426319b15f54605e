"""What answers for a model, and which endpoints it needs."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from relearn import routing
from relearn.errors import ConflictError
from relearn.routing import Route

VERSIONS = st.integers(1, 50)


def test_the_first_promotion_has_no_previous() -> None:
    assert routing.promote(Route(), 1, 0) == Route(champion=1, previous=0, revision=1)


def test_a_promotion_keeps_the_champion_as_the_previous_one() -> None:
    assert routing.promote(Route(3, 2, 7), 4, 3) == Route(champion=4, previous=3, revision=8)


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


@given(VERSIONS, st.integers(0, 50), st.sets(VERSIONS))
def test_nothing_the_route_names_and_nothing_on_its_way_up_is_retired(
    champion: int, previous: int, versions: set[int]
) -> None:
    route = Route(champion=champion, previous=previous, revision=1)
    retired = routing.to_retire(route, versions)
    assert not set(retired) & route.named
    assert all(version < champion for version in retired)
    assert retired == sorted(retired)
    assert {v for v in versions if v < champion} - route.named == set(retired)
