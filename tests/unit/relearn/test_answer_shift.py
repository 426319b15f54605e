"""Answers differ when that is surely no chance, with a stated probability of a false alarm, and by more than the limit."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest

from relearn.spec.rollout import Limits
from relearn.traffic import answer_shift
from relearn.traffic.version_stats import Live

NONE = Limits(shift=0)
EVEN = (0.2,) * 5


def labels(generator: np.random.Generator, count: int, shares: Sequence[float]) -> Live:
    drawn = generator.multinomial(count, shares)
    return Live(requests=count, answers={str(at): int(one) for at, one in enumerate(drawn) if one})


def values(drawn: np.ndarray[tuple[int], np.dtype[np.float64]]) -> Live:
    return Live(
        requests=len(drawn), rows=len(drawn), total=float(drawn.sum()), squares=float((drawn**2).sum())
    )


@pytest.mark.parametrize("count", [20, 200])
def test_the_same_answers_are_called_different_at_most_as_often_as_stated(count: int) -> None:
    generator = np.random.default_rng(0)
    alarms = sum(
        answer_shift.differs(
            labels(generator, count, EVEN), labels(generator, 9 * count, EVEN), NONE, {}, 0.05
        )
        is not None
        for _ in range(2_000)
    )
    assert alarms <= 0.05 * 2_000


def test_the_same_values_are_called_different_about_as_often_as_stated() -> None:
    generator = np.random.default_rng(0)
    alarms = sum(
        answer_shift.differs(
            values(generator.normal(5, 2, 50)), values(generator.normal(5, 2, 450)), NONE, {"std": 3.0}, 0.05
        )
        is not None
        for _ in range(2_000)
    )
    assert 0.03 * 2_000 < alarms < 0.07 * 2_000


def test_a_shift_above_the_limit_is_found_and_one_below_it_is_borne_however_sure() -> None:
    generator = np.random.default_rng(0)
    moved, usual = labels(generator, 5_000, (0.4, 0.15, 0.15, 0.15, 0.15)), labels(generator, 45_000, EVEN)
    assert answer_shift.differs(moved, usual, Limits(shift=0.15), {}, 0.001) is not None
    assert answer_shift.differs(moved, usual, Limits(shift=0.25), {}, 0.001) is None


def test_rows_of_one_request_count_as_one() -> None:
    mine, theirs = {"a": 900, "b": 100}, {"a": 500, "b": 500}
    several = Live(requests=1000, answers=mine), Live(requests=1000, answers=theirs)
    one = Live(requests=2, answers=mine), Live(requests=1000, answers=theirs)
    assert answer_shift.differs(*several, Limits(), {}, 0.001) is not None
    assert answer_shift.differs(*one, Limits(), {}, 0.001) is None


def test_a_single_value_is_no_evidence() -> None:
    found = answer_shift.differs(
        values(np.array([9.0])), values(np.linspace(0, 10, 400)), NONE, {"std": 3.0}, 0.001
    )
    assert found is None
