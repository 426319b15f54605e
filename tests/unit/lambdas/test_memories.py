"""What a process remembers of the ledger: routes for seconds, versions for ever, and both while the ledger cannot be read."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any, cast

import pytest

from lambdas.aws.fast.client import RefusedError
from lambdas.aws.fast.connections import UnreachableError
from lambdas.serving import ledger_cache
from lambdas.serving.ledger_cache import RouteCache, VersionCache
from relearn.errors import NotServingError
from relearn.lifecycle.runs import Version, VersionState
from relearn.naming.resources import Place
from relearn.traffic.route import Route
from tests.support.clocks import Clock


class Ledger:
    """Knows routes and versions, counts how often it is asked, and can be broken."""

    def __init__(self) -> None:
        self.routes: dict[str, Route] = {}
        self.versions: dict[tuple[str, int], Version] = {}
        self.asked: list[object] = []
        self.broken: Exception | None = None

    def route(self, model: str) -> Route:
        self._ask(model)
        return self.routes.get(model, Route())

    def version(self, model: str, number: int) -> Version | None:
        self._ask((model, number))
        return self.versions.get((model, number))

    def latest_run(self, _: str) -> None:
        return None

    def uploads(self, _: str) -> list[Any]:
        return []

    def now(self) -> datetime:
        return datetime(2026, 5, 4, tzinfo=UTC)

    def _ask(self, what: object) -> None:
        self.asked.append(what)
        if self.broken is not None:
            raise self.broken


@pytest.fixture
def ledger() -> Ledger:
    found = Ledger()
    found.routes = {"iris": Route(champion=1), "churn": Route(champion=4)}
    return found


@pytest.fixture
def clock() -> Clock:
    return Clock(1000.0)


@pytest.fixture
def routes(ledger: Ledger, clock: Clock) -> RouteCache:
    return RouteCache(cast("Any", ledger), clock)


def test_a_route_is_read_once_in_five_seconds(routes: RouteCache, ledger: Ledger, clock: Clock) -> None:
    assert routes.route("iris").champion == 1
    ledger.routes["iris"] = Route(champion=2)
    clock.now += 4.99
    assert (routes.route("iris").champion, ledger.asked) == (1, ["iris"])
    clock.now += 0.01
    assert (routes.route("iris").champion, ledger.asked) == (2, ["iris", "iris"])


def test_every_model_has_its_own_route(routes: RouteCache) -> None:
    assert [routes.route(model).champion for model in ("iris", "churn", "iris")] == [1, 4, 1]


@pytest.mark.parametrize(
    "error", [TimeoutError(), UnreachableError("no"), RefusedError("ThrottlingException", 400, {})]
)
def test_the_last_route_serves_on_while_the_ledger_can_not_be_read(
    routes: RouteCache, ledger: Ledger, clock: Clock, error: Exception, caplog: pytest.LogCaptureFixture
) -> None:
    routes.route("iris")
    clock.now += 5
    ledger.broken = error
    assert routes.route("iris").champion == 1
    assert [(record.levelname, record.__dict__["model"]) for record in caplog.records] == [
        ("WARNING", "iris")
    ]
    assert str(error) in caplog.text
    clock.now += 4.99
    routes.route("iris")
    assert len(ledger.asked) == 2, "no request waits for what one waited for in vain just now"


def test_a_route_that_nobody_remembers_and_that_can_not_be_read_is_asked_for_later(
    routes: RouteCache, ledger: Ledger
) -> None:
    ledger.broken = TimeoutError()
    with pytest.raises(NotServingError, match=r"^the ledger cannot be read$") as caught:
        routes.route("iris")
    assert caught.value.retry_after_seconds == ledger_cache.RETRY_AFTER_SECONDS


def test_a_model_that_does_not_serve_is_looked_up_each_time(routes: RouteCache, ledger: Ledger) -> None:
    for _ in range(2):
        with pytest.raises(
            NotServingError, match="no version of new serves yet; it waits for: the first upload"
        ):
            routes.route("new")
    ledger.routes["new"] = Route(champion=1)
    assert routes.route("new").champion == 1


@pytest.mark.parametrize(
    ("status", "code", "lasting"),
    [
        (400, "ValidationException", True),
        (499, "", True),
        (500, "InternalServerError", False),
        (400, "ThrottlingException", False),
    ],
)
def test_only_a_refusal_for_good_is_a_fault_of_ours(
    ledger: Ledger, status: int, code: str, *, lasting: bool
) -> None:
    ledger.broken = RefusedError(code, status, {})
    with pytest.raises(RefusedError if lasting else NotServingError):
        VersionCache(cast("Any", ledger), "dev").version("iris", 1)


def test_a_version_that_is_known_is_read_once(ledger: Ledger) -> None:
    memory = VersionCache(cast("Any", ledger), "dev")
    version = Version(model="iris", version=1, state=VersionState.LIVE)
    assert memory.version("iris", 1) is None
    ledger.versions["iris", 1] = version
    ledger.versions["iris", 2] = Version(model="iris", version=2, state=VersionState.LIVE)
    assert [memory.version("iris", 1), memory.version("iris", 1)] == [version, version]
    assert memory.version("iris", 2) is ledger.versions["iris", 2]
    assert ledger.asked == [("iris", 1), ("iris", 1), ("iris", 2)]


def test_a_version_that_can_not_be_read_is_asked_for_later(ledger: Ledger) -> None:
    ledger.broken = UnreachableError("no")
    with pytest.raises(NotServingError):
        VersionCache(cast("Any", ledger), "dev").version("iris", 1)


@pytest.mark.parametrize(
    ("hosting", "place"),
    [
        ({}, Place("relearn-dev-iris-v1", False)),
        ({"type": "in_lambda"}, Place("relearn-dev-host-iris", True)),
    ],
)
def test_a_version_is_asked_where_it_is(ledger: Ledger, hosting: dict[str, str], place: Place) -> None:
    ledger.versions["iris", 1] = Version(model="iris", version=1, hosting=hosting)
    assert VersionCache(cast("Any", ledger), "dev").place("iris", 1) == place


def test_a_version_of_which_nothing_is_known_has_an_endpoint(ledger: Ledger) -> None:
    found = VersionCache(cast("Any", ledger), "dev").place("iris", 9)
    assert found == Place("relearn-dev-iris-v9", False)
