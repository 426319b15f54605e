"""A candidate that knows fewer entities than the champion: nobody loses their answer by it."""

from __future__ import annotations

import pytest

from lambdas.runtime.catalog import Catalog
from relearn.traffic import route as routing
from relearn.traffic.version_stats import Live
from tests.moto.test_lookup import ask
from tests.support.candidates import CANDIDATE, CHAMPION, by, counted, key_of
from tests.support.guests import MODEL, ROWS, serve, with_guests
from tests.support.wire import LocalAWS
from tests.support.world import MOVED, World


@pytest.fixture
def models_catalog(models_catalog: Catalog, monkeypatch: pytest.MonkeyPatch) -> Catalog:
    return with_guests(models_catalog, monkeypatch)


def test_an_entity_that_only_the_champion_knows_is_held_against_the_candidate(
    world: World, local_aws: LocalAWS
) -> None:
    del local_aws
    serve(world, ROWS)
    old = world.ledger.route(MODEL)
    route = routing.watch(old, CANDIDATE, CHAMPION, weight=50)
    world.ledger.write_route(MODEL, old, route, {}, MOVED)
    headers = by(key_of(route, CANDIDATE))["headers"]
    status, _, found = ask({"guest": "ann"}, headers=headers)
    assert (status, found["version"]) == (200, CHAMPION)
    assert counted(world, route, CANDIDATE, MODEL) == Live(requests=1, errors=1)
    assert ask({"guest": "nobody"}, headers=headers)[0] == 422  # neither knows them: the caller's mistake
    assert counted(world, route, CANDIDATE, MODEL) == Live(requests=1, errors=1)
