"""An application goes on without an answer, and does not wait for one again and again."""

from __future__ import annotations

import logging

import pytest

from relearn_client import Breaker, Client, LocalCloudError, Retry
from stub_api import HANG_UP, INSTANCE, STALL, StubApi, problem

ONCE = Retry(attempts=1)


class Clock:
    """Time that a test can choose."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


class Shop:
    """Something that asks."""

    def __init__(self, api: StubApi) -> None:
        self.api, self.clock, self.connected, self.patience = api, Clock(), 0, 60.0
        self.breaker = Breaker(self.connect, cool_down_seconds=20, clock=self.clock)

    def connect(self) -> Client:
        self.connected += 1
        return Client(self.api.url, deadline_seconds=self.patience, attempt_seconds=self.patience, retry=ONCE)

    def asks(self, topic: str = "iris") -> bool:
        """Whether there was an answer."""
        return self.breaker.ask(topic, lambda client: client.predict("iris", [INSTANCE])) is not None


@pytest.fixture
def shop(api: StubApi) -> Shop:
    return Shop(api)


def test_an_answer_is_given(shop: Shop) -> None:
    assert shop.asks()
    assert shop.asks()
    assert shop.connected == 1


@pytest.mark.parametrize(
    "failure", [HANG_UP, STALL, problem(503, "not-serving"), problem(404, "not-found"), problem(403, "x")]
)
def test_after_a_failure_the_api_is_left_alone_for_a_while(shop: Shop, failure: str) -> None:
    shop.api.turns = [failure]
    shop.patience = 0.3 if failure == STALL else 60
    assert not shop.asks()
    assert not shop.asks()
    assert shop.api.has_been_asked(1)
    shop.clock.now += 20
    shop.patience = 60
    assert shop.asks()


def test_what_failed_does_not_stop_other_topics(shop: Shop) -> None:
    shop.api.turns = [problem(503, "not-serving")]
    assert not shop.asks("one")
    assert shop.asks("other")
    assert not shop.asks("one")


def test_a_wrong_request_stops_nothing(shop: Shop) -> None:
    shop.api.turns = [problem(422, "invalid-instances")]
    assert not shop.asks()
    assert shop.asks()


def test_after_a_failure_it_connects_anew(shop: Shop) -> None:
    shop.api.turns = [HANG_UP]
    assert not shop.asks()
    shop.clock.now += 20
    assert shop.asks()
    assert shop.connected == 2


def test_nobody_to_connect_to_is_a_failure_like_others(caplog: pytest.LogCaptureFixture) -> None:
    def connect() -> Client:
        raise LocalCloudError("no laptop cloud runs here")

    with caplog.at_level(logging.WARNING):
        assert Breaker(connect).ask("iris", lambda client: client.models()) is None
    assert caplog.messages == ["no answer about iris, and none for 20 s: no laptop cloud runs here"]


def test_a_mistake_of_the_application_is_not_hidden(shop: Shop) -> None:
    with pytest.raises(ZeroDivisionError):
        shop.breaker.ask("iris", lambda _: 1 / 0)


def test_a_negative_cool_down_is_refused(shop: Shop) -> None:
    with pytest.raises(ValueError, match=r"cool_down_seconds: got -1; allowed: 0 or more"):
        Breaker(shop.connect, cool_down_seconds=-1)
