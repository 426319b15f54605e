"""Of a shadow's requests a burst is copied, then a steady few."""

from __future__ import annotations

from collections.abc import Sequence

from hypothesis import given
from hypothesis import strategies as st

from lambdas.serving.shadow_sampling import BURST, PER_SECOND, Sampler
from tests.support.clocks import Clock


def taken(sampler: Sampler, times: int, revision: int = 1, model: str = "iris") -> int:
    return sum(sampler.take(model, revision) for _ in range(times))


def test_a_step_begins_with_a_burst() -> None:
    assert taken(Sampler(Clock(1000.0)), 10 * BURST) == BURST


def test_every_step_and_every_model_has_a_burst_of_its_own() -> None:
    sampler = Sampler(Clock(1000.0))
    assert taken(sampler, 2 * BURST) == taken(sampler, 2 * BURST, revision=2) == BURST
    assert taken(sampler, 2 * BURST, model="churn") == BURST


def test_a_model_that_is_asked_seldom_is_copied_whole() -> None:
    clock = Clock(1000.0)
    sampler = Sampler(clock)
    for _ in range(10 * BURST):
        clock.now += 1 / PER_SECOND
        assert sampler.take("iris", 1)


@given(st.lists(st.floats(0, 2), max_size=300))
def test_never_more_than_the_burst_and_the_rate(pauses: Sequence[float]) -> None:
    clock = Clock(1000.0)
    sampler, chosen, began = Sampler(clock), 0, clock.now
    for pause in pauses:
        clock.now += pause
        chosen += sampler.take("iris", 1)
        assert chosen <= BURST + (clock.now - began) * PER_SECOND + 1e-6
