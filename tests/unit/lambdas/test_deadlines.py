"""How long a call may still take."""

from __future__ import annotations

from lambdas.runtime import deadlines
from tests.support.clocks import Clock


def test_the_seconds_left_shrink_as_time_passes_and_are_negative_after_the_end() -> None:
    clock = Clock(100.0)
    left = deadlines.until(20.0, clock)
    assert left() == 20.0
    clock.now += 15.5
    assert left() == 4.5
    clock.now += 5.0
    assert left() == -0.5
